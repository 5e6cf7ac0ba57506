import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from propago.errors import OutputError, PropagoWarning, SourceError, UsageError
from propago.io.checkpoint import CheckpointError
from propago.io.masks import write_mask
from propago.io.video import open_source
from propago.jobs.options import SegmentOptions
from propago.jobs.segment import segment
from propago.methods.first_mask.run import FirstMask
from propago.methods.optical_flow.run import OpticalFlow
from propago.runs import writers
from segment_runs import FRAMES, SIZE, lines, mask_bytes, run
from tiny_clip import tiny_clip


class StopsAt(OpticalFlow):
    """Raises at one frame."""

    def __init__(self, index, error):
        super().__init__()
        self.index, self.error = index, error

    def predict(self, state, frame):
        if frame.index == self.index:
            raise self.error
        return super().predict(state, frame)


@pytest.mark.parametrize("stop", [0, 1, 4, 7])
def test_an_interrupted_run_goes_on_to_the_same_bytes(clip, stop):
    whole = run(clip, out="whole")
    with pytest.raises(KeyboardInterrupt, match=rf"{stop} frames are kept.*`resume`"):
        run(clip, method=StopsAt(stop, KeyboardInterrupt()))
    assert json.loads((clip / "out" / "run.json").read_text())["status"] == "interrupted"
    result = run(clip, resume=True)
    assert mask_bytes(result.out) == mask_bytes(whole.out)
    for a, b in zip(lines(result.out), lines(whole.out), strict=True):
        assert (a["index"], a["objects"]) == (b["index"], b["objects"])
    assert result.overlay is not None
    assert len(list(open_source(result.overlay))) == FRAMES


def test_a_failed_run_repeats_the_frames_since_the_last_checkpoint(clip, often):
    whole = run(clip, out="whole")
    with pytest.raises(RuntimeError, match="broken"):
        run(clip, method=StopsAt(5, RuntimeError("broken")))
    with open(clip / "out" / "frames.jsonl", "a") as file:
        file.write('{"index": 5, "na')
    result = run(clip, resume=True)
    assert mask_bytes(result.out) == mask_bytes(whole.out)
    assert [line["index"] for line in lines(result.out)] == list(range(FRAMES))


KILLED = """
import os, signal
from propago.methods.optical_flow.run import OpticalFlow
from propago.runs import checkpoints
from propago.jobs.options import SegmentOptions
from propago.jobs.segment import segment
checkpoints.EVERY_FRAMES = 3
class Killed(OpticalFlow):
    def predict(self, state, frame):
        if frame.index == 5:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().predict(state, frame)
segment({source!r}, {masks!r}, out={out!r}, method=Killed(), options=SegmentOptions(threads=1))
"""


def test_a_killed_run_goes_on_to_the_same_bytes(film):
    whole = run(film, "film.mp4", out="whole", threads=1)
    script = KILLED.format(
        source=str(film / "film.mp4"),
        masks=str(film / "first.png"),
        out=str(film / "out"),
    )
    ended = subprocess.run(
        [sys.executable, "-c", script],
        check=False,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert ended.returncode == -signal.SIGKILL
    assert json.loads((film / "out" / "run.json").read_text())["status"] == "running"
    result = run(film, "film.mp4", resume=True, threads=1)
    assert mask_bytes(result.out) == mask_bytes(whole.out)
    assert result.overlay is not None


def test_resume_begins_where_nothing_is_and_returns_what_is_complete(clip):
    result = run(clip, resume=True)
    (clip / "out" / "overlay.mp4").unlink()
    again = run(clip, resume=True, method=StopsAt(0, AssertionError("it was complete")))
    assert (again.frames, again.ids, again.seconds) == (FRAMES, (1, 5), result.seconds)
    assert again.overlay is not None


def test_resume_refuses_other_inputs(clip):
    run(clip)
    _, labels = tiny_clip(1, SIZE, (1,))
    write_mask(clip / "other.png", labels[0])
    with pytest.raises(UsageError, match="another given mask of frame 0, the first one"):
        run(clip, masks="other.png", resume=True)
    with pytest.raises(UsageError, match=r"another method \(method: then '.*', now 'first_mask'\)"):
        run(clip, method=FirstMask(), resume=True)


def test_a_damaged_checkpoint_is_named(clip):
    with pytest.raises(KeyboardInterrupt):
        run(clip, method=StopsAt(4, KeyboardInterrupt()))
    (clip / "out" / "checkpoints" / "00003.safetensors").write_bytes(b"nonsense")
    with pytest.raises(CheckpointError, match=r"00003\.safetensors.*not a readable"):
        run(clip, resume=True)


def test_a_full_disk_leaves_the_earlier_frames(clip, monkeypatch):
    whole = run(clip, out="whole")
    written = []

    def full(path, labels):
        if len(written) == 4:
            raise OutputError(f"{path} cannot be written: No space left on device")
        written.append(path)
        write_mask(path, labels)

    monkeypatch.setattr(writers, "write_mask", full)
    with pytest.raises(OutputError, match=r"No space left.*4 frames are kept.*`resume`"):
        run(clip)
    kept = mask_bytes(clip / "out")
    assert len(kept) == 4
    assert kept.items() <= mask_bytes(whole.out).items()
    assert not list((clip / "out").glob(".*"))
    monkeypatch.undo()
    assert mask_bytes(run(clip, resume=True).out) == mask_bytes(whole.out)


def test_frames_before_the_damage_are_written_and_said(film):
    data = _as_mkv(film / "film.mp4")
    (film / "cut.mkv").write_bytes(data[: len(data) * 7 // 10])
    with pytest.raises(SourceError, match=r"the \d+ frames before are in .*masks"):
        run(film, "cut.mkv")
    masks = mask_bytes(film / "out")
    assert 0 < len(masks) < FRAMES
    assert len(lines(film / "out")) == len(masks)
    assert len(list(open_source(film / "out" / "overlay.mp4"))) == len(masks)
    assert json.loads((film / "out" / "run.json").read_text())["status"] == "damaged"


def _as_mkv(path: Path) -> bytes:
    """The video once more as Matroska, whose frames can be read up to a cut."""
    import av

    target = path.with_name("whole.mkv")
    with av.open(str(path)) as source, av.open(str(target), "w") as copy:
        stream = copy.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                copy.mux(packet)
    return target.read_bytes()


def test_a_failure_before_the_first_frame_leaves_nothing_that_blocks_the_next_command(clip):
    with pytest.raises(RuntimeError, match="broken"):
        run(clip, method=StopsAt(0, RuntimeError("broken")))
    assert not (clip / "out").exists()
    assert run(clip, end=2).frames == 2


def test_other_threads_are_said_and_not_refused(clip):
    with pytest.raises(KeyboardInterrupt):
        run(clip, method=StopsAt(4, KeyboardInterrupt()), threads=1)
    with pytest.warns(PropagoWarning, match="threads: then 1, now 2"):
        assert run(clip, threads=2, resume=True).frames == FRAMES


def _corrections(clip, *frames, ids=(1, 5)):
    """A folder with the first mask and true masks of `frames`, of `ids`."""
    _, labels = tiny_clip(FRAMES, SIZE, (1, 5))
    folder = clip / "-".join(("given", *map(str, frames), *map(str, ids)))
    folder.mkdir(exist_ok=True)
    write_mask(folder / "shot_000.png", labels[0])
    for t in frames:
        write_mask(folder / f"shot_{t:03d}.png", labels[t] * np.isin(labels[t], ids))
    return folder.name


def _everything(folder):
    """What a run made but how long it took."""
    own = {path.name: path.read_bytes() for path in (folder / "scores").iterdir()}
    events = (folder / "clean.jsonl").read_bytes()
    told = [{**line, "seconds": 0} for line in lines(folder)]
    return mask_bytes(folder), own, events, told


@pytest.mark.parametrize(
    ("before", "after", "changed", "begins"),
    [
        ((), (5,), 5, 3),
        ((), (7,), 7, 6),
        ((), (4, 7), 4, 3),
        ((5,), (), 5, 3),
        ((2, 5), (2,), 5, 3),
        ((2,), (2, 6), 6, 6),
        ((), (3,), 3, 3),
        ((), (2,), 2, 0),
    ],
)
def test_other_masks_from_a_frame_on_repeat_what_is_behind_the_checkpoint_before_it(
    clip, often, before, after, changed, begins
):
    options = {"clean": "craf", "save_scores": True, "threads": 1}
    fresh = run(clip, masks=_corrections(clip, *after), out="fresh", **options)
    done = run(clip, masks=_corrections(clip, *before), **options)
    seen = (done.masks / "shot_002.png").stat().st_mtime_ns
    asked = []

    class Counts(OpticalFlow):
        def predict(self, state, frame):
            asked.append(frame.index)
            return super().predict(state, frame)

    said = f"which count from frame {changed} on.*" + (
        f"frame {begins}, the" if begins else "made again"
    )
    with pytest.warns(PropagoWarning, match=said):
        result = run(
            clip, masks=_corrections(clip, *after), method=Counts(), resume=True, **options
        )
    assert asked == list(range(begins, FRAMES))
    assert _everything(result.out) == _everything(fresh.out)
    assert ((result.masks / "shot_002.png").stat().st_mtime_ns == seen) == (begins > 0)
    assert result.overlay is not None
    assert len(list(open_source(result.overlay))) == FRAMES
    record = json.loads((clip / "out" / "run.json").read_text())
    assert record["given"] == {"0": [1, 5]} | {str(t): [1, 5] for t in after}
    never = StopsAt(0, AssertionError("it was complete"))
    run(clip, masks=_corrections(clip, *after), method=never, resume=True, **options)


def test_an_object_that_is_added_later_enters_where_the_run_is_gone_on_with(clip, often):
    _, labels = tiny_clip(FRAMES, SIZE, (1, 5))
    write_mask(clip / "first.png", labels[0] * (labels[0] == 1))
    run(clip)
    (clip / "late").mkdir()
    write_mask(clip / "late" / "shot_004.png", labels[4] * (labels[4] == 5))
    both = [clip / "first.png", clip / "late"]
    fresh = segment(clip / "frames", both, out=clip / "fresh", method=OpticalFlow())
    with pytest.warns(PropagoWarning, match="going on from frame 3"):
        result = segment(
            clip / "frames",
            both,
            out=clip / "out",
            method=OpticalFlow(),
            options=SegmentOptions(resume=True),
        )
    assert result.ids == (1, 5)
    assert mask_bytes(result.out) == mask_bytes(fresh.out)


def test_a_correction_of_an_interrupted_run_goes_on_before_it(clip, often):
    fresh = run(clip, masks=_corrections(clip, 4), out="fresh")
    with pytest.raises(KeyboardInterrupt):
        run(clip, method=StopsAt(7, KeyboardInterrupt()))
    with pytest.warns(PropagoWarning, match="going on from frame 3"):
        result = run(clip, masks=_corrections(clip, 4), resume=True)
    assert mask_bytes(result.out) == mask_bytes(fresh.out)


def test_a_correction_that_is_interrupted_is_gone_on_with_and_shows_no_old_masks(clip, often):
    fresh = run(clip, masks=_corrections(clip, 4), out="fresh")
    run(clip)
    masks, stops = _corrections(clip, 4), StopsAt(5, KeyboardInterrupt())
    with pytest.warns(PropagoWarning):  # noqa: SIM117
        with pytest.raises(KeyboardInterrupt):
            run(clip, masks=masks, method=stops, resume=True)
    assert len(mask_bytes(clip / "out")) == len(lines(clip / "out")) == 5
    assert not (clip / "out" / "overlay.mp4").exists()
    result = run(clip, masks=_corrections(clip, 4), resume=True)
    assert mask_bytes(result.out) == mask_bytes(fresh.out)


def test_a_correction_with_another_option_is_refused_and_changes_nothing(clip, often):
    done = run(clip)
    before = mask_bytes(done.out)
    with pytest.raises(UsageError, match="another every"):
        run(clip, masks=_corrections(clip, 4), resume=True, every=2)
    name, labels = _corrections(clip, 4), tiny_clip(FRAMES, SIZE, (1, 5))[1]
    write_mask(clip / name / "shot_004.png", (labels[4] == 5).astype(np.uint16) * 300)
    with pytest.raises(UsageError, match="another mask_bits"):
        run(clip, masks=name, resume=True)
    assert mask_bytes(done.out) == before
    assert run(clip, resume=True).frames == FRAMES


def test_masks_that_lie_among_the_results_are_refused_by_resume_too(clip, often):
    run(clip)
    with pytest.raises(UsageError, match="lies among the results"):
        run(clip, masks="out/masks/shot_004.png", resume=True)
