"""What is given is used, or it is said what was not."""

import json

import numpy as np
import pytest

from propago.errors import MaskError
from propago.io.masks import read_mask, write_mask
from propago.jobs.segment import segment
from propago.jobs.segment_many import segment_set
from propago.methods.first_mask.run import FirstMask
from segment_runs import EVEN_SIZE, FRAMES, SIZE, lines, run
from tiny_clip import tiny_clip


def square(size, x, label=1):
    labels = np.zeros(size, np.uint8)
    labels[10:30, x : x + 20] = label
    return labels


def written(path, labels):
    path.parent.mkdir(parents=True, exist_ok=True)
    write_mask(path, labels)
    return path


def first_of(result):
    return read_mask(sorted(result.masks.iterdir())[0]).labels


def test_several_masks_are_an_object_each_and_the_later_lies_above(clip):
    one, two = (written(clip / n / "m.png", square(SIZE, x)) for n, x in (("a", 5), ("b", 20)))
    result = segment(clip / "frames", [one, two], out=clip / "out", method=FirstMask())
    expected = square(SIZE, 5)
    expected[10:30, 20:40] = 2
    assert np.array_equal(first_of(result), expected)
    assert any("100 pixels of frame 0" in note for note in result.notes)
    assert any("b/m.png is object 2" in note for note in result.notes)


def test_several_masks_whose_ids_differ_keep_them(clip):
    one, two = (written(clip / f"{i}.png", square(SIZE, i * 5, i)) for i in (7, 3))
    result = segment(clip / "frames", [one, two], out=clip / "out", method=FirstMask())
    assert set(np.unique(first_of(result))) == {0, 3, 7}


def test_a_later_mask_of_the_same_object_is_a_correction_that_is_said(clip):
    one = written(clip / "one.png", square(SIZE, 5))
    later = written(clip / "later" / "shot_004.png", square(SIZE, 25)).parent
    result = segment(clip / "frames", [one, later], out=clip / "out", method=FirstMask())
    last = read_mask(result.masks / "shot_007.png").labels
    assert result.ids == (1,)
    assert np.array_equal(last, square(SIZE, 25))
    assert "object 1 is given in 2 places" in result.notes


def test_several_objects_whose_ids_clash_are_refused(clip):
    both = written(clip / "both.png", square(SIZE, 5) | square(SIZE, 40, 2))
    with pytest.raises(MaskError, match=r"both\.png has objects 1, 2.*ids that differ"):
        segment(clip / "frames", [both, both], out=clip / "out", method=FirstMask())


def test_a_folder_of_numbered_folders_is_an_object_each(film):
    for i, x in ((2, 5), (9, 35)):
        written(film / "given" / str(i) / "00000.png", square(EVEN_SIZE, x, 4))
    result = run(film, "film.mp4", masks="given", method=FirstMask())
    assert np.array_equal(first_of(result), square(EVEN_SIZE, 5, 2) + square(EVEN_SIZE, 35, 9))


def test_frames_before_the_first_mask_and_masks_behind_the_end_are_said(film):
    for t in (4, 11):
        written(film / "given" / f"{t:05d}.png", square(EVEN_SIZE, 5))
    result = run(film, "film.mp4", masks="given", method=FirstMask())
    record = json.loads((result.out / "run.json").read_text())
    assert any("frames 0 to 3 lie before the first mask" in note for note in record["notes"])
    assert any("frame 11 were not used" in note for note in record["notes"])
    assert tuple(record["notes"]) == result.notes


def test_only_masks_behind_the_end_are_refused(film):
    written(film / "given" / "00011.png", square(EVEN_SIZE, 5))
    with pytest.raises(MaskError, match=r"from frame 11 on.*is 7"):
        run(film, "film.mp4", masks="given", method=FirstMask())


def test_where_no_mask_is_for_a_selected_frame_both_are_said(film):
    written(film / "late" / "00004.png", square(EVEN_SIZE, 5))
    with pytest.raises(MaskError, match=r"frames 0 to 3.*not selected, frame 4 for instance"):
        run(film, "film.mp4", masks="late", method=FirstMask(), end=4)


def test_objects_are_listed_by_their_ids(clip):
    labels = square(SIZE, 5, 1) + square(SIZE, 45, 34)
    labels[40:45, 5:60] = 32
    written(clip / "three.png", labels)
    assert run(clip, masks="three.png", method=FirstMask()).ids == (1, 32, 34)


def test_masks_of_all_frames_that_count_from_one_are_shifted_and_said(film):
    for t in range(FRAMES):
        written(film / "given" / f"{t + 1:05d}.png", square(EVEN_SIZE, t))
    result = run(film, "film.mp4", masks="given", method=FirstMask())
    for t in range(FRAMES):
        found = read_mask(result.masks / f"{t:05d}.png").labels
        assert np.array_equal(found, square(EVEN_SIZE, t))
    assert any("count from 1" in note for note in result.notes)


def test_late_objects_of_a_set_enter_and_known_ones_are_not_corrected(clip):
    _, labels = tiny_clip(FRAMES, SIZE, (1, 5))
    root = clip / "yv"
    (root / "JPEGImages").mkdir(parents=True)
    (clip / "frames").rename(root / "JPEGImages" / "cat")
    given = root / "Annotations" / "cat"
    written(given / "shot_000.png", np.where(labels[0] == 1, 1, 0).astype(np.uint8))
    written(given / "shot_004.png", labels[4])
    (result,) = segment_set(root, out=clip / "out", method=FirstMask())
    ids = [set(line["objects"]) for line in lines(result.out)]
    assert ids == [{"1"}] * 4 + [{"1", "5"}] * 4
    last = read_mask(result.masks / "shot_007.png").labels
    assert np.array_equal(last == 5, labels[4] == 5)
    assert ((last == 1) == ((labels[0] == 1) & (labels[4] != 5))).all()


class Gone(FirstMask):
    """Does not see objects in some frames."""

    def __init__(self, gone):
        super().__init__()
        self.gone = gone

    def predict(self, state, frame):
        masks, seen = super().predict(state, frame)
        probabilities = masks.probabilities.clone()
        for row, i in enumerate(masks.ids):
            if frame.index in self.gone.get(i, ()):
                probabilities[row] = 0
        return masks.replaced(probabilities), seen


class Forgets(Gone):
    """The same, and remembers what it saw first."""

    def update(self, state, features, masks, annotation):
        return super().update(state, features, masks, annotation) if annotation else state


def test_an_object_that_is_away_in_the_middle_is_named_with_its_frames(clip):
    notes = run(clip, method=Forgets({5: (2, 3, 5)})).notes
    assert any("object 5 is weak or away in frames 2 to 3, 5" in note for note in notes)
    assert any("add a mask, such as at frame 2" in note for note in notes)


def test_where_every_object_is_lost_at_once_fine_tuning_is_named(clip):
    assert not any("`finetune`" in n for n in run(clip, method=Gone({5: range(4, 9)})).notes)
    lost = Gone({1: range(3, 9), 5: range(4, 9)})
    assert any("`finetune`" in n for n in run(clip, method=lost, overwrite=True).notes)
