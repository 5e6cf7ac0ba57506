import json
import shutil

import numpy as np
import pytest
from PIL import Image
from torch.nn.functional import max_pool2d

from propago.components import load_method
from propago.errors import MaskError, UsageError
from propago.io.masks import read_mask, write_mask
from propago.io.pictures import write_picture
from propago.io.video import open_source
from propago.jobs.options import SegmentOptions
from propago.jobs.segment import segment
from propago.jobs.segment_many import segment_set
from propago.methods.first_mask.run import FirstMask
from propago.methods.optical_flow.run import OpticalFlow
from propago.pipeline import segment_frames
from propago.types import Annotation
from segment_runs import EVEN_SIZE, FRAMES, SIZE, lines, mask_bytes, run
from tiny_clip import tiny_clip


def test_a_folder_gives_masks_under_its_own_names(clip):
    result = run(clip)
    assert [p.name for p in sorted(result.masks.iterdir())] == [
        f"shot_{t:03d}.png" for t in range(FRAMES)
    ]
    first = Image.open(result.masks / "shot_000.png")
    assert (first.mode, first.size) == ("P", SIZE[::-1])
    assert np.array_equal(np.asarray(first), np.asarray(Image.open(clip / "first.png")))
    assert (result.frames, result.ids, result.lost) == (FRAMES, (1, 5), {})


def test_a_video_gives_numbered_masks_and_an_overlay_of_its_rate(film):
    result = run(film, "film.mp4")
    assert [p.name for p in sorted(result.masks.iterdir())] == [
        f"{t:05d}.png" for t in range(FRAMES)
    ]
    assert result.overlay is not None
    overlay = open_source(result.overlay)
    assert (overlay.fps, overlay.size) == (12, EVEN_SIZE)
    assert len(list(overlay)) == FRAMES


def test_the_records_say_what_was_done(film):
    result = run(film, "film.mp4", save_scores=True, start=1, every=2)
    record = json.loads((result.out / "run.json").read_text())
    assert record["status"] == "done"
    assert record["inputs"]["method"]["method"] == "optical_flow"
    assert record["given"] == {"1": [1, 5]}
    assert {"versions", "command", "timings", "platform"} <= set(record)
    assert {"seed", "threads", "device"} <= set(record["inputs"])
    assert record["timings"]["frames_per_s"] == result.frames_per_s > 0
    written = lines(result.out)
    assert [line["index"] for line in written] == [1, 3, 5, 7]
    labels = read_mask(result.masks / "00005.png").labels
    assert written[2]["objects"]["5"]["area"] == (labels == 5).sum()
    assert 0.5 < written[2]["objects"]["5"]["score"] <= 1
    assert written[2]["time_s"] == pytest.approx(5 / 12, abs=1e-3)
    scores = np.load(result.out / "scores" / "00005.npz")
    assert scores["ids"].tolist() == [1, 5]
    assert scores["probabilities"].dtype == np.float16
    assert scores["probabilities"].shape == (2, *EVEN_SIZE)


def test_a_lost_object_is_told_from_its_first_absent_frame_on(clip):
    class Loses(FirstMask):
        def predict(self, state, frame):
            scores, seen = super().predict(state, frame)
            if 5 in scores.ids and frame.index >= 4:
                scores.probabilities[scores.ids.index(5)] = 0
            return scores, seen

    assert run(clip, method=Loses()).lost == {5: 4}


def test_masks_of_several_frames_bring_late_objects_and_corrections(clip):
    _, labels = tiny_clip(FRAMES, SIZE, (1, 5))
    (clip / "given").mkdir()
    write_mask(clip / "given" / "shot_002.png", np.where(labels[2] == 5, 5, 0).astype(np.uint8))
    write_mask(clip / "given" / "shot_004.png", np.where(labels[4] == 1, 1, 0).astype(np.uint8))
    result = run(clip, masks="given")
    written = [set(line["objects"]) for line in lines(result.out)]
    assert written == [set(), set(), {"5"}, {"5"}, *[{"1", "5"}] * 4]
    assert not read_mask(result.masks / "shot_001.png", may_be_empty=True).labels.any()


def test_ids_above_254_make_every_mask_16_bit(clip):
    _, labels = tiny_clip(1, SIZE, (1, 5))
    wide = labels[0].astype(np.uint16)
    wide[wide == 5] = 300
    write_mask(clip / "wide.png", wide)
    result = run(clip, masks="wide.png")
    for path in result.masks.iterdir():
        assert Image.open(path).mode == "I;16"
    assert result.ids == (1, 300)


def test_boxes_become_masks_that_are_shown(clip):
    _, labels = tiny_clip(FRAMES, SIZE, (1, 5))
    boxes = []
    for i, t in ((1, 0), (5, 3)):
        ys, xs = np.nonzero(labels[t] == i)
        boxes.append(f"{i}={xs.min()},{ys.min()},{xs.max() + 1},{ys.max() + 1}@{t}")
    result = segment(clip / "frames", boxes=boxes, out=clip / "out", method=OpticalFlow())
    assert [set(line["objects"]) for line in lines(result.out)] == [
        *[{"1"}] * 3,
        *[{"1", "5"}] * 5,
    ]
    assert sorted(p.name for p in (clip / "out" / "given").iterdir()) == [
        "shot_000.png",
        "shot_003.png",
    ]
    found = read_mask(clip / "out" / "given" / "shot_003.png").labels
    assert set(np.unique(found)) == {0, 5}
    assert Image.open(clip / "out" / "given.png").size == (SIZE[1], 2 * SIZE[0])


@pytest.mark.parametrize(
    ("box", "said"),
    [
        ("1=2,3,4", "ID=x0,y0,x1,y1"),
        ("one=2,3,4,5", "ID=x0,y0,x1,y1"),
        ("1=40,5,68,20", "x goes from 0 to 67, y from 0 to 49"),
        ("1=-1,5,8,20", "outside the frame"),
        ("1=8,5,8,20", "is empty"),
        ("0=1,5,8,20", "id is 1 to 65535"),
        ("1=1,5,8,20@99", "no frame 99"),
    ],
)
def test_an_illegal_box_is_refused_with_what_is_legal(clip, box, said):
    with pytest.raises(UsageError, match=said):
        segment(clip / "frames", boxes=[box], out=clip / "out", method=OpticalFlow())
    assert not (clip / "out").exists()


def test_without_masks_and_boxes_both_ways_are_shown(clip):
    with pytest.raises(UsageError) as error:
        run(clip, masks=None)
    for way in ("`masks`", "`boxes`", "1=16,12,50,36", "propago frame"):
        assert way in str(error.value)


def test_a_mask_of_another_size_needs_fit_masks(clip):
    write_mask(clip / "small.png", np.eye(20, 30, dtype=np.uint8))
    with pytest.raises(MaskError, match="30"):
        run(clip, masks="small.png")
    assert run(clip, masks="small.png", fit_masks=True).frames == FRAMES


def test_existing_results_are_refused_kept_or_deleted(clip):
    run(clip)
    (clip / "out" / "mine.txt").write_text("notes")
    with pytest.raises(UsageError, match="`overwrite` deletes them, `resume` goes on"):
        run(clip)
    assert run(clip, overwrite=True, overlay=False, end=3).frames == 3
    assert (clip / "out" / "mine.txt").exists()
    assert len(mask_bytes(clip / "out")) == 3
    assert not (clip / "out" / "overlay.mp4").exists()


def test_overwrite_never_deletes_its_own_input(clip):
    run(clip)
    with pytest.raises(UsageError, match="lies among the results"):
        run(clip, masks="out/masks/shot_000.png", overwrite=True)
    assert len(mask_bytes(clip / "out")) == FRAMES


def test_overwrite_and_resume_contradict():
    with pytest.raises(UsageError, match="choose one"):
        SegmentOptions(overwrite=True, resume=True)


def test_own_refiners_and_cleaners_enter(clip):
    class Erodes:
        def __init__(self):
            self.description = {"refiner": "erodes"}

        def __call__(self, frame, masks):
            if not masks.ids:
                return masks
            smaller = -max_pool2d(-masks.probabilities[None], 3, 1, 1)[0]
            return masks.replaced(smaller)

    result = run(clip, method=FirstMask(), refine=Erodes())
    first, last = (read_mask(result.masks / f"shot_00{t}.png").labels for t in (0, 2))
    assert 0 < (last == 1).sum() < (first == 1).sum()
    record = json.loads((result.out / "run.json").read_text())
    assert record["inputs"]["refine"] == {"refiner": "erodes"}


def test_an_unusable_output_folder_is_said(clip):
    (clip / "out").write_text("a file")
    with pytest.raises(UsageError, match="is a file"):
        run(clip)


@pytest.fixture
def davis(tmp_path):
    """A data set of two sequences, and a list that names them."""
    root = tmp_path / "davis"
    for name, ids in (("cat", (1,)), ("dogs", (1, 2))):
        images, labels = tiny_clip(4, SIZE, ids)
        for kind in ("JPEGImages", "Annotations"):
            (root / kind / "480p" / name).mkdir(parents=True)
        for t in range(4):
            write_picture(root / "JPEGImages" / "480p" / name / f"{t:05d}.jpg", images[t])
            write_mask(root / "Annotations" / "480p" / name / f"{t:05d}.png", labels[t])
    (tmp_path / "both.txt").write_text("dogs\ncat\n")
    return tmp_path


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_davis_root_is_segmented_from_first_annotations_alone(davis, jobs):
    root = davis / "davis"
    results = segment_set(
        root, davis / "both.txt", out=davis / "out", method="first_mask", jobs=jobs
    )
    assert [(r.name, r.ids) for r in results] == [("dogs", (1, 2)), ("cat", (1,))]
    for name in ("dogs", "cat"):
        first = read_mask(root / "Annotations" / "480p" / name / "00000.png").labels
        last = read_mask(davis / "out" / name / "masks" / "00003.png").labels
        assert np.array_equal(first, last)


def test_a_set_is_refused_as_a_whole_before_any_of_it_is_done(davis):
    segment_set(davis / "davis", davis / "both.txt", out=davis / "out", method="first_mask")
    shutil.rmtree(davis / "out" / "dogs")
    with pytest.raises(UsageError, match="cat already holds results"):
        segment_set(davis / "davis", davis / "both.txt", out=davis / "out", method="first_mask")
    assert not (davis / "out" / "dogs").exists()


def test_progress_is_told_and_threads_are_put_back(clip):
    import torch

    told, before = [], torch.get_num_threads()
    segment(
        clip / "frames",
        clip / "first.png",
        out=clip / "out",
        method=FirstMask(),
        options=SegmentOptions(threads=1),
        progress=lambda done, total, what: told.append((done, total, what)),
    )
    assert told == [(t, FRAMES, "frames") for t in range(1, FRAMES + 1)]
    assert torch.get_num_threads() == before


@pytest.mark.parametrize("threads", [1, 2])
def test_the_masks_do_not_depend_on_how_many_threads_share_the_work(film, threads):
    method = load_method("feelvos", weights="synthetic", size=64, device="cpu")
    made = run(film, "film.mp4", method=method, threads=threads)
    given = read_mask(film / "first.png").labels
    alone = segment_frames(open_source(film / "film.mp4"), {0: Annotation(given)}, method)
    for result, file in zip(alone, sorted(made.masks.iterdir()), strict=True):
        assert np.array_equal(result.labels, read_mask(file).labels)


def test_options_tell_what_was_asked():
    options = SegmentOptions(size=240, weights="synthetic", device="cpu")
    assert options.asked("preset", "size", "weights") == {"size": 240, "weights": "synthetic"}
    assert SegmentOptions().asked("device", "size") == {}
