"""`both_ways`: frames before the first mask are followed backwards from it."""

import json

import numpy as np
import pytest
import torch

from propago.cli import main
from propago.errors import OutputError, PropagoWarning, UsageError
from propago.io.masks import read_mask, write_mask
from propago.io.soft_masks import read_soft_masks
from propago.io.video import open_source
from propago.jobs.options import SegmentOptions
from propago.jobs.segment import segment
from propago.methods.optical_flow.run import OpticalFlow
from propago.runs import writers
from segment_runs import FRAMES, SIZE, lines, mask_bytes
from tiny_clip import tiny_clip

FIRST = 4
NAMES = [f"shot_{t:03d}" for t in range(FRAMES)]


@pytest.fixture
def middle(clip):
    """The clip, with true masks of frame FIRST as given."""
    (clip / "given").mkdir()
    _, labels = tiny_clip(FRAMES, SIZE, (1, 5))
    write_mask(clip / "given" / f"{NAMES[FIRST]}.png", labels[FIRST])
    return clip


def followed(place, out="out", *, source="frames", both_ways=True, method=None, **options):
    clean = options.pop("clean", None)
    return segment(
        place / source,
        place / "given",
        both_ways=both_ways,
        out=place / out,
        method=method or OpticalFlow(),
        clean=clean,
        options=SegmentOptions(**options),
    )


class Stops(OpticalFlow):
    """Raises at its n-th frame."""

    def __init__(self, calls, error):
        super().__init__()
        self.calls, self.error = calls, error

    def predict(self, state, frame):
        self.calls -= 1
        if self.calls < 0:
            raise self.error
        return super().predict(state, frame)


def test_it_is_the_reversed_clip_before_the_first_mask_and_the_usual_run_behind_it(middle):
    """The oracle: the frames as a folder of their own in reverse order, and a run without it."""
    (middle / "turned").mkdir()
    for t in range(FIRST + 1):
        still = middle / "frames" / f"{NAMES[t]}.png"
        (middle / "turned" / f"{FIRST - t}.png").write_bytes(still.read_bytes())
    first = middle / "given" / f"{NAMES[FIRST]}.png"
    turned = segment(middle / "turned", first, out=middle / "t", method=OpticalFlow())
    usual = followed(middle, "usual", both_ways=False)
    result = followed(middle, save_scores=True, clean="none")
    expected = mask_bytes(usual.out)
    for t in range(FIRST):
        expected[f"{NAMES[t]}.png"] = mask_bytes(turned.out)[f"{FIRST - t}.png"]
    assert mask_bytes(result.out) == expected
    assert [line["name"] for line in lines(result.out)] == NAMES
    assert lines(result.out)[0]["objects"] == lines(turned.out)[FIRST]["objects"]
    assert len(list((result.out / "scores").iterdir())) == FRAMES
    assert result.overlay is not None
    assert len(list(open_source(result.overlay))) == FRAMES
    assert (result.frames, result.ids, result.lost) == (FRAMES, (1, 5), {})
    assert json.loads((result.out / "run.json").read_text())["inputs"]["both_ways"] is True
    assert not any("before the first mask" in note for note in result.notes)
    assert any("`both_ways` follows" in note for note in usual.notes)


def test_true_masks_lie_on_the_objects_in_every_frame(middle):
    _, labels = tiny_clip(FRAMES, SIZE, (1, 5))
    result = followed(middle)
    for t in range(FRAMES):
        found = read_mask(result.masks / f"{NAMES[t]}.png").labels
        for i in (1, 5):
            both, either = (found == i) & (labels[t] == i), (found == i) | (labels[t] == i)
            assert both.sum() > 0.7 * either.sum()


@pytest.mark.parametrize("calls", [0, 2, 4, 5, 6, 8])
def test_an_interrupted_run_goes_on_to_the_same_bytes(middle, often, calls):
    whole = followed(middle, "whole", clean="craf")
    stops = Stops(calls, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt, match=r"frames are kept in .*`resume` goes on$"):
        followed(middle, method=stops, clean="craf")
    assert json.loads((middle / "out" / "run.json").read_text())["status"] == "interrupted"
    result = followed(middle, resume=True, clean="craf")
    assert mask_bytes(result.out) == mask_bytes(whole.out)
    assert [line["objects"] for line in lines(result.out)] == [
        line["objects"] for line in lines(whole.out)
    ]
    events = [(out / "clean.jsonl").read_bytes() for out in (result.out, whole.out)]
    assert events[0] == events[1]


def corrected(place, index):
    """True masks of one more frame are given."""
    _, labels = tiny_clip(FRAMES, SIZE, (1, 5))
    write_mask(place / "given" / f"{NAMES[index]}.png", labels[index])
    return labels


def test_between_two_drawn_frames_both_ways_are_mixed_by_distance(middle):
    """The oracle: a run forwards, and one of the turned stretch behind frame 4, mixed here."""
    labels = corrected(middle, 7)
    labels[7][labels[7] == 5] = 0
    write_mask(middle / "given" / f"{NAMES[7]}.png", labels[7])
    (middle / "turned").mkdir()
    (middle / "masks").mkdir()
    for n, t in enumerate((FIRST, 7, 6, 5)):
        still = middle / "frames" / f"{NAMES[t]}.png"
        (middle / "turned" / f"{n}.png").write_bytes(still.read_bytes())
    for n, t in enumerate((FIRST, 7)):
        write_mask(middle / "masks" / f"{n}.png", labels[t] * (labels[t] == 1))
    turned = segment(
        middle / "turned",
        middle / "masks",
        out=middle / "t",
        method=OpticalFlow(),
        options=SegmentOptions(save_scores=True),
    )
    usual = followed(middle, "usual", both_ways=False, save_scores=True)
    result = followed(middle, save_scores=True)
    for t, share in ((5, 1 / 3), (6, 2 / 3)):
        found, forwards = (soft_masks(made, NAMES[t]) for made in (result, usual))
        backwards = soft_masks(turned, str(8 - t))
        assert found.ids == forwards.ids == (1, 5)
        assert backwards.ids == (1,)
        mean = (1 - share) * forwards.probabilities[0] + share * backwards.probabilities[0]
        assert torch.allclose(found.probabilities[0], mean, atol=2e-3)
        assert torch.equal(found.probabilities[1], forwards.probabilities[1])
        assert np.array_equal(read_mask(result.masks / f"{NAMES[t]}.png").labels, found.labels())
    for t in (FIRST, 7):
        assert mask_bytes(result.out)[f"{NAMES[t]}.png"] == mask_bytes(usual.out)[f"{NAMES[t]}.png"]


def soft_masks(result, name):
    return read_soft_masks(result.out / "scores" / f"{name}.npz")


def test_a_correction_goes_on_and_what_it_leaves_alone_is_not_followed_again(middle, often):
    followed(middle)
    corrected(middle, 6)
    fresh = followed(middle, "fresh")
    asked = []

    class Counts(OpticalFlow):
        def predict(self, state, frame):
            asked.append(frame.name)
            return super().predict(state, frame)

    with pytest.warns(PropagoWarning, match="which count from frame 5 on"):
        result = followed(middle, method=Counts(), resume=True)
    assert asked == [NAMES[FIRST], NAMES[6], NAMES[5], *NAMES[FIRST:]]
    assert mask_bytes(result.out) == mask_bytes(fresh.out)
    parts = sorted(path.name[:11] for path in (result.out / "backwards").iterdir())
    assert parts == ["00004-00000", "00006-00005"]


@pytest.mark.filterwarnings("ignore:other masks are given")
def test_corrections_in_any_order_and_taken_back_are_as_a_run_from_the_beginning(middle, often):
    before = followed(middle)
    kept = mask_bytes(before.out)
    for t in (7, 6):
        corrected(middle, t)
        result = followed(middle, resume=True)
        assert mask_bytes(result.out) == mask_bytes(followed(middle, f"fresh{t}").out)
    for t in (7, 6):
        (middle / "given" / f"{NAMES[t]}.png").unlink()
        result = followed(middle, resume=True)
    assert mask_bytes(result.out) == kept
    assert len(list((result.out / "backwards").iterdir())) == 1


def test_a_full_disk_keeps_what_was_followed_backwards(middle, often, monkeypatch):
    whole = followed(middle, "whole")
    written = []

    def full(path, labels):
        if len(written) == 4:
            raise OutputError(f"{path} cannot be written: No space left on device")
        written.append(path)
        write_mask(path, labels)

    monkeypatch.setattr(writers, "write_mask", full)
    with pytest.raises(
        OutputError, match=r"4 frames are kept in .*backwards.00004-.*; .* goes on$"
    ):
        followed(middle)
    monkeypatch.undo()
    assert mask_bytes(followed(middle, resume=True).out) == mask_bytes(whole.out)


def test_a_failure_before_any_frame_leaves_nothing(middle):
    with pytest.raises(RuntimeError, match="broken"):
        followed(middle, method=Stops(0, RuntimeError("broken")))
    assert not (middle / "out").exists()


def test_what_was_made_backwards_and_is_damaged_is_named_and_made_again(middle, often):
    whole = followed(middle, "whole")
    with pytest.raises(KeyboardInterrupt):
        followed(middle, method=Stops(3, KeyboardInterrupt()))
    (kept,) = (middle / "out" / "backwards").iterdir()
    (kept / "scores" / f"{NAMES[3]}.npz").write_bytes(b"nonsense")
    with pytest.raises(OutputError, match=rf"{kept.name} is damaged .*delete it"):
        followed(middle, resume=True)
    (kept / "clean.jsonl").unlink()
    with pytest.raises(OutputError, match=rf"{kept.name} is damaged"):
        followed(middle, resume=True)
    import shutil

    shutil.rmtree(kept)
    assert mask_bytes(followed(middle, resume=True).out) == mask_bytes(whole.out)


def test_a_selection_of_frames_is_followed_backwards_in_its_own_steps(middle):
    result = followed(middle, start=2, every=2)
    assert [line["index"] for line in lines(result.out)] == [2, 4, 6]
    assert set(lines(result.out)[0]["objects"]) == {"1", "5"}


def test_what_is_not_followed_backwards_is_said(middle):
    _, labels = tiny_clip(FRAMES, SIZE, (1, 5))
    one = labels[FIRST] * (labels[FIRST] == 1)
    write_mask(middle / "given" / f"{NAMES[FIRST]}.png", one)
    write_mask(middle / "given" / f"{NAMES[6]}.png", labels[6])
    notes = followed(middle).notes
    assert any("object 5 has no mask on frame 4, from where `both_ways`" in note for note in notes)
    for t in (FIRST, 6):
        (middle / "given" / f"{NAMES[t]}.png").unlink()
    write_mask(middle / "given" / f"{NAMES[0]}.png", labels[0])
    notes = followed(middle, "zero").notes
    assert any("`both_ways` has nothing to do" in note for note in notes)


def test_resume_with_and_without_is_refused(middle):
    followed(middle)
    with pytest.raises(UsageError, match="another both_ways"):
        followed(middle, both_ways=False, resume=True)


def test_many_ids_keep_16_bits(middle):
    labels = np.zeros(SIZE, np.uint16)
    labels[10:20, 10:20], labels[30:40, 40:50] = 300, 255
    write_mask(middle / "given" / f"{NAMES[FIRST]}.png", labels)
    result = followed(middle)
    assert set(np.unique(read_mask(result.masks / f"{NAMES[0]}.png").labels)) == {0, 255, 300}


def test_on_the_command_line(middle, capsys):
    given = ["--masks", str(middle / "given"), "--both-ways", "--out", str(middle / "out")]
    assert main(["segment", str(middle / "frames"), *given, "--method", "optical_flow"]) == 0
    assert set(lines(middle / "out")[0]["objects"]) == {"1", "5"}
    assert main(["segment", str(middle), "--set", "val", "--both-ways"]) == 2
    assert "--both-ways is for one video" in capsys.readouterr().err
