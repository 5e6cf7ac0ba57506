import csv
import json
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import propago
from propago.components import DETECTORS, Component
from propago.detections import Detections
from propago.errors import MaskError, PropagoWarning, SourceError, UsageError
from propago.io.masks import read_mask, write_mask
from propago.io.video import open_source
from propago.jobs.options import TrackOptions
from propago.jobs.track import track
from propago.nn.presets import Preset
from segment_runs import FRAMES, SIZE, lines, mask_bytes
from tiny_clip import tiny_clip

LABELS = tiny_clip(FRAMES, SIZE, (1, 2))[1]


def shuffled(labels, t):
    """The same objects; which is 1 and which is 2 changes from frame to frame."""
    return np.where(labels == 0, 0, (labels + t) % 2 + 1).astype(np.uint8)


@pytest.fixture
def found(clip):
    """A folder of label maps whose ids mean nothing from frame to frame, beside the frames."""
    (clip / "found").mkdir()
    for t, labels in enumerate(LABELS):
        write_mask(clip / "found" / f"shot_{t:03d}_cp_masks.png", shuffled(labels, t))
    return clip


def run(place, detections: Any = "found", out="out", options=None, **parts):
    if isinstance(detections, str):
        detections = place / detections
    options = options or TrackOptions()
    return track(place / "frames", detections, out=place / out, options=options, **parts)


def masks_of(result):
    return [read_mask(path).labels for path in sorted(result.masks.iterdir())]


def rows_of(result):
    with result.table.open(newline="") as file:
        return list(csv.DictReader(file))


def same_objects(masks, truth):
    """Whether every id is one object of the truth in all frames, and the other way round."""
    pairs = {(int(a), int(b)) for m, t in zip(masks, truth, strict=True) for a, b in _pairs(m, t)}
    return len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs})


def _pairs(mask, truth):
    return np.unique(np.stack([mask.ravel(), truth.ravel()]), axis=1).T


def test_label_maps_whose_ids_mean_nothing_become_tracks(found):
    result = run(found)
    assert same_objects(masks_of(result), LABELS)
    assert (result.frames, result.ids, result.classes) == (FRAMES, (1, 2), {"object": 2})
    assert [path.name for path in sorted(result.masks.iterdir())] == [
        f"shot_{t:03d}.png" for t in range(FRAMES)
    ]
    assert result.overlay is not None
    assert len(list(open_source(result.overlay))) == FRAMES


def test_the_table_says_where_each_instance_is(found):
    rows = rows_of(run(found))
    assert len(rows) == 2 * FRAMES
    row = next(row for row in rows if row["frame"] == "3" and row["id"] == "1")
    mask = read_mask(found / "out" / "masks" / "shot_003.png").labels == 1
    ys, xs = np.nonzero(mask)
    assert row["name"] == "shot_003"
    assert [float(row[side]) for side in ("x0", "y0", "x1", "y1")] == [
        xs.min(),
        ys.min(),
        xs.max() + 1,
        ys.max() + 1,
    ]
    assert int(row["area_px"]) == mask.sum()
    assert float(row["centroid_x"]) == pytest.approx(xs.mean() + 0.5, abs=0.01)
    assert float(row["centroid_y"]) == pytest.approx(ys.mean() + 0.5, abs=0.01)
    assert (row["class"], row["class_id"], float(row["score"])) == ("object", "1", 1)


def test_tracks_are_youtube_vis_results(found):
    result = run(found)
    tracks = json.loads(result.tracks.read_text())
    assert [(t["id"], t["video_id"], t["category_id"], t["score"]) for t in tracks] == [
        (1, 1, 1, 1.0),
        (2, 1, 1, 1.0),
    ]
    again = run(found, str(result.tracks), out="again")
    assert mask_bytes(again.out) == mask_bytes(result.out)


def test_a_run_is_evaluated_by_what_its_files_are(found):
    result = run(found)
    for t, labels in enumerate(LABELS):
        (found / "truth").mkdir(exist_ok=True)
        write_mask(found / "truth" / f"shot_{t:03d}.png", labels)
    identity = propago.evaluate(result.out, found / "truth")
    assert (identity.figures["HOTA"], identity.figures["id_switches"]) == (1, 0)
    propago.convert(found / "truth", found / "truth.json", to_format="youtube-vis")
    tracks = propago.evaluate(result.tracks, found / "truth.json", metrics=["track AP", "HOTA"])
    assert (tracks.figures["AP"], tracks.figures["AR1"], tracks.figures["HOTA"]) == (1, 0.5, 1)


@pytest.mark.parametrize("stop", [1, 4])
def test_an_interrupted_run_goes_on_to_the_same_files(found, stop, often):
    class Stops:
        description = {"detector": "labels"}  # noqa: RUF012
        broken = False

        def __call__(self, frame):
            if frame.index == stop and self.broken:
                raise KeyboardInterrupt
            return Detections.from_labels(LABELS[frame.index])

    detector = Stops()
    whole = run(found, None, "whole", method=detector)
    detector.broken = True
    with pytest.raises(KeyboardInterrupt, match=f"{stop} frames are kept"):
        run(found, None, method=detector)
    assert not (found / "out" / "tracks.csv").exists()
    detector.broken = False
    result = run(found, None, method=detector, options=TrackOptions(resume=True))
    assert mask_bytes(result.out) == mask_bytes(whole.out)
    assert [line["index"] for line in lines(result.out)] == list(range(FRAMES))
    assert len(rows_of(result)) == len(rows_of(whole))
    assert len(json.loads(result.tracks.read_text())) == 2


def test_a_resumed_run_shows_the_same(found):
    whole = run(found, out="whole")
    result = run(found)
    (result.out / "overlay.mp4").unlink()
    (result.out / "report.html").unlink()
    again = run(found, options=TrackOptions(resume=True))
    assert again.overlay is not None
    assert again.overlay.read_bytes() == whole.overlay.read_bytes()
    assert again.report.read_text() == whole.report.read_text()
    assert "2 tracks in 8 frames" in again.report.read_text()


def test_other_detections_are_another_run(found):
    run(found)
    write_mask(found / "found" / "shot_004_cp_masks.png", np.zeros(SIZE, np.uint8))
    with pytest.raises(UsageError, match="another method"):
        run(found, options=TrackOptions(resume=True))


def test_a_detector_of_ones_own_or_by_name(found, monkeypatch):
    monkeypatch.setitem(DETECTORS, "truth", Component(f"{__name__}:Truth", "The truth"))
    by_name, object_ = run(found, None, method="truth"), run(found, None, "obj", method=Truth())
    assert mask_bytes(by_name.out) == mask_bytes(object_.out)
    assert by_name.classes == {"cat": 1, "dog": 1}
    assert by_name.method["detector"] == "truth"


def test_the_engine_is_recorded_and_is_another_run(found, monkeypatch):
    monkeypatch.setitem(DETECTORS, "engined", Component(f"{__name__}:Engined", "Two engines"))
    made = run(found, None, method="engined", options=TrackOptions(engine="onnx"))
    record = json.loads((made.out / "run.json").read_text())
    assert record["inputs"]["method"]["engine"] == "onnx"
    with pytest.raises(UsageError, match="another method"):
        run(found, None, method="engined", options=TrackOptions(resume=True))
    monkeypatch.setitem(DETECTORS, "truth", Component(f"{__name__}:Truth", "The truth"))
    with pytest.raises(UsageError, match="engine = onnx: Truth has no such setting"):
        run(found, None, "other", method="truth", options=TrackOptions(engine="onnx"))


class Truth:
    """Cat 5 and dog 7, of which the dog is doubtful."""

    description = {"detector": "truth"}  # noqa: RUF012
    class_names = {5: "cat", 7: "dog"}  # noqa: RUF012

    def __call__(self, frame):
        masks = np.stack([LABELS[frame.index] == i for i in (1, 2)])
        return Detections.of_masks(masks, [5, 7], [0.9, 0.4])


class Told(Truth):
    def __init__(self, min_confidence):
        self.description = {"detector": f"told {min_confidence}"}


class Engined(Truth):
    def __init__(self, engine="torch"):
        self.description = {"detector": "engined", "engine": engine}


class Embedded(Truth):
    """The two instances change places; only their embeddings tell them apart."""

    def __call__(self, frame):
        order = (2, 1) if frame.index % 2 else (1, 2)
        again = Detections.of_masks(np.stack([LABELS[frame.index] == i for i in order]), [5, 5])
        return replace(again, embeddings=np.eye(2) * 9)


PRESETS: dict[str, Preset] = {}


@pytest.mark.parametrize(
    ("options", "classes"),
    [
        (TrackOptions(classes="cat"), {"cat": 1}),
        (TrackOptions(classes="5, dog"), {"cat": 1, "dog": 1}),
        (TrackOptions(score=0.5), {"cat": 1}),
        (TrackOptions(score=0.95), {}),
    ],
)
def test_classes_and_scores_choose(found, options, classes):
    assert run(found, None, method=Truth(), options=options).classes == classes


class Counted(Truth):
    """Says which frames it was asked about."""

    def __init__(self, thread_safe):
        self.thread_safe, self.asked = thread_safe, []

    def __call__(self, frame):
        self.asked.append(frame.index)
        return super().__call__(frame)


@pytest.mark.parametrize(("every", "looked"), [(1, range(FRAMES)), (3, range(0, FRAMES, 3))])
def test_a_detector_is_asked_once_a_frame_ahead_or_not(found, every, looked):
    options, carry = TrackOptions(detect_every=every), "optical_flow" if every > 1 else None
    detectors = [Counted(thread_safe=False), Counted(thread_safe=True)]
    results = [
        run(found, None, f"out{n}", options, method=detector, carry=carry)
        for n, detector in enumerate(detectors)
    ]
    assert detectors[0].asked == list(looked)
    assert sorted(detectors[1].asked) == list(looked)
    assert mask_bytes(results[0].out) == mask_bytes(results[1].out)


def test_carried_between_detections(found):
    for t in range(FRAMES):
        if t % 3:
            (found / "found" / f"shot_{t:03d}_cp_masks.png").unlink()
    result = run(found, carry="optical_flow")
    assert result.ids == (1, 2)
    assert all(set(np.unique(mask)) == {0, 1, 2} for mask in masks_of(result))
    assert "5 frames have no detections (1, 2, 4, ...): carried" in result.notes[-1]
    options = TrackOptions(detect_every=3)
    by_every = run(found, None, "every", options, method=Truth(), carry="optical_flow")
    assert len(by_every.ids) == 2


@pytest.mark.parametrize(("asked", "size"), [(None, 224), (160, 160)])
def test_what_carries_is_cheaper_than_what_segments(found, asked, size):
    result = run(found, carry="feelvos", options=TrackOptions(carry_size=asked))
    how = json.loads((result.out / "run.json").read_text())["inputs"]["associator"]["carry"]
    assert (how["method"], how["size"], how["anchors"], how["looks"]) == ("feelvos", size, 2, 0)
    assert propago.Tracker(carry="feelvos").carry.method.settings.size == 224


class Semantic(Truth):
    """Knows where its objects are of which class."""

    def semantic(self, frame):
        return (LABELS[frame.index] > 0).astype(np.uint8) * 17


def test_maps_of_categories_are_saved_where_the_detector_knows_them(found):
    options = TrackOptions(save_semantic=True)
    result = run(found, None, method=Semantic(), options=options)
    maps = [read_mask(path).labels for path in sorted(result.semantic.iterdir())]
    assert len(maps) == FRAMES
    assert all(np.array_equal(m == 17, t > 0) for m, t in zip(maps, LABELS, strict=True))
    with pytest.raises(UsageError, match="`save_semantic` needs a `method`"):
        run(found, None, "none", method=Truth(), options=options)
    assert run(found, None, "without", method=Semantic()).semantic is None


def test_detections_in_memory(found):
    listed = run(found, [shuffled(m, t) for t, m in enumerate(LABELS)], "listed")
    by_index = {t: Detections.from_labels(labels) for t, labels in enumerate(LABELS)}
    mapped = run(found, by_index, "mapped")
    assert same_objects(masks_of(listed), LABELS)
    assert same_objects(masks_of(mapped), LABELS)
    with pytest.raises(UsageError, match=r"generator.*Tracker"):
        run(found, (m for m in LABELS), "generator")


def test_supervision_detections_and_one_that_is_nothing(found):
    def supervised(labels):
        own = Detections.from_labels(labels)
        return SimpleNamespace(
            xyxy=own.boxes_xyxy, class_id=None, confidence=None, mask=own.masks, tracker_id=None
        )

    result = run(found, list(map(supervised, LABELS)), "supervised")
    assert same_objects(masks_of(result), LABELS)
    with pytest.raises(UsageError, match="`detections` of frame 2 are str"):
        run(found, [*LABELS[:2], "nothing"], "nothing")


def test_frames_without_detections_are_said_and_hold_nothing(found):
    for t in (3, 4):
        (found / "found" / f"shot_{t:03d}_cp_masks.png").unlink()
    result = run(found)
    assert "2 frames have no detections (3, 4, ...): nothing is there" in result.notes[-1]
    assert result.ids == (1, 2)  # found again behind the gap
    assert [bool(mask.any()) for mask in _all_masks(result)] == [True] * 3 + [False] * 2 + [
        True
    ] * 3


def _all_masks(result):
    return [read_mask(p, may_be_empty=True).labels for p in sorted(result.masks.iterdir())]


def test_a_label_map_of_another_size_stops_the_run_at_its_frame(found):
    write_mask(found / "found" / "shot_003_cp_masks.png", np.ones((20, 20), np.uint8))
    with pytest.raises(
        MaskError, match=r"frame shot_003: .*cp_masks\.png is 20x20, its frame 67x49"
    ):
        run(found)
    assert [line["index"] for line in lines(found / "out")] == [0, 1, 2]


def test_instances_outside_the_frame_are_none(found):
    inside, outside = (4.0, 4.0, 20.0, 20.0), (200.0, 4.0, 220.0, 20.0)
    given = [Detections(np.array([inside, outside]), np.ones(2, int), np.ones(2))] * FRAMES
    with (
        pytest.warns(PropagoWarning, match="boxes only"),
        pytest.warns(PropagoWarning, match="without a pixel in their frame"),
    ):
        result = run(found, given)
    assert result.ids == (1,)


def test_boxes_alone_are_their_own_masks(found):
    boxes = [Detections.from_labels(labels).boxes_xyxy for labels in LABELS]
    given = [Detections(b, np.ones(2, int), np.ones(2)) for b in boxes]
    with pytest.warns(PropagoWarning, match="boxes only"):
        result = run(found, given)
    assert same_objects(masks_of(result), LABELS)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"detections": "found", "method": Truth()}, "either `detections` or a `method`"),
        ({"detections": None, "method": "mask_cnn"}, "`method` mask_cnn"),
        ({"options": TrackOptions(classes="cat")}, "`classes` cat: there are object"),
        ({"options": TrackOptions(detect_every=2)}, "`detect_every`"),
        ({"associator": "sort"}, "`associator` sort"),
        ({"carry": "feelvoz"}, "did you mean feelvos"),
        (
            {"carry": "optical_flow", "options": TrackOptions(carry_size=200)},
            "size = 200: OpticalFlow has no such setting",
        ),
    ],
)
def test_wrong_usage_is_said_before_any_work(found, given, said):
    with pytest.raises(UsageError, match=said):
        run(found, **given)
    assert not (found / "out").exists()


def test_a_detector_by_name_brings_its_associator(found, monkeypatch):
    own = Component(f"{__name__}:Embedded", "Embeddings", associator="masktrack")
    monkeypatch.setitem(DETECTORS, "embedded", own)
    by_look = run(found, None, "look", method="embedded")
    by_place = run(found, None, "place", method="embedded", associator="iou")
    assert same_objects(masks_of(by_place), LABELS)
    alternating = [np.where(m == 0, 0, (m + t) % 2 + 1) for t, m in enumerate(LABELS)]
    assert same_objects(masks_of(by_look), alternating)
    with pytest.raises(UsageError, match="masktrack compares embeddings"):
        run(found, associator="masktrack")


@pytest.mark.parametrize("shipped", [True, False])
def test_without_either_a_detector_with_weights_is_taken(found, monkeypatch, shipped):
    presets = {"only": Preset("truth", None, weights={"default": "w"} if shipped else {})}
    monkeypatch.setattr(f"{__name__}.PRESETS", presets)
    row = Component(f"{__name__}:Truth", "The truth", presets=f"{__name__}:PRESETS")
    monkeypatch.setattr("propago.jobs.track_parts.DETECTORS", {"truth": row})
    if shipped:
        assert run(found, None).classes == {"cat": 1, "dog": 1}
    else:
        with pytest.raises(UsageError, match=r"either `detections` or a `method`.* truth,"):
            run(found, None)


def test_a_detector_is_told_what_is_too_doubtful(found, monkeypatch):
    monkeypatch.setitem(DETECTORS, "told", Component(f"{__name__}:Told", "Its setting"))
    for associator, least in (("iou", 0.4), ("bytetrack", 0.1), ("cells", 0.4)):
        made = run(found, None, associator, method="told", associator=associator)
        assert made.method["detector"] == f"told {least}"


def test_no_detections_anywhere_are_a_run_without_tracks(found):
    for path in (found / "found").iterdir():
        write_mask(path, np.zeros(SIZE, np.uint8))
    result = run(found)
    assert (result.ids, result.classes, rows_of(result)) == ((), {}, [])
    assert json.loads(result.tracks.read_text()) == []
    assert not any(read_mask(p, may_be_empty=True).labels.any() for p in result.masks.iterdir())


def test_detections_of_other_frames_are_refused(found):
    for t, path in enumerate(sorted((found / "found").iterdir())):
        path.rename(path.with_name(f"cell{chr(97 + t)}.png"))
    with pytest.raises(SourceError, match=r"none of frames, whose frames are called shot_000"):
        run(found)


def test_the_public_name_is_the_job(found):
    assert propago.track is track
