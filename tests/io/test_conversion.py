"""Random videos through every format: what it holds comes back, the rest is said."""

import csv
import json
import re
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask as coco_mask

from propago.errors import MaskError, SourceError, UsageError
from propago.io.conversion import format_for, read_videos, sniffed, write_videos
from propago.io.instances import FrameInstances, Instance, InstanceSequence
from propago.io.label_runs import labels_of_rles, rles_of_labels
from propago.io.losses import Counts, sentences, watched
from propago.io.masks import write_mask
from propago.io.rle import decode, encode
from propago.io.video import open_source
from propago.io.video_formats import VIDEO_FORMATS, video_format
from propago.io.writer import VideoWriter
from propago.ops.polygons import joined, polygons_of

CLASSES = {1: "cell", 2: "dog"}
LIMITED = {"ctc", "mots", "mots-png", "grey-pngs", "rgb-pngs", "soft-masks", "soft-pictures"}
BY_CLASS_NAME = {"youtube-vos", "cvat", "label-studio", "labelme", "labelme-polygons"}
LOSSLESS = [
    n
    for n, f in VIDEO_FORMATS.items()
    if f.read and f.write and not f.needs_source and n not in LIMITED
]


@st.composite
def videos(draw) -> InstanceSequence:
    size = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    pool = draw(st.lists(st.sampled_from([1, 2, 3, 7, 254, 300, 2001]), unique=True, max_size=4))
    ids = sorted(pool)
    classes = {i: draw(st.sampled_from([1, 2])) for i in ids}
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    frames = {}
    for n in range(draw(st.integers(1, 4))):
        here = [i for i in ids if rng.random() < 0.8]
        masks = rng.random((len(here), *size)) < rng.choice([0.1, 0.5, 0.9])
        void = rng.random(size) < 0.1 if rng.random() < 0.5 else np.zeros(size, bool)
        found = [
            Instance(i, rle, classes[i], float(rng.choice([1.0, 0.5])))
            for i, mask, rle in zip(here, masks, encode(masks), strict=True)
            if mask.any()
        ]
        free = void & ~masks.any(0)
        frames[f"{5 * n + 3:06d}"] = FrameInstances(
            size, tuple(found), encode(free[None])[0] if free.any() else None
        )
    return video_of(frames)


def video_of(frames, **more) -> InstanceSequence:
    return InstanceSequence(
        "clip", {n: (lambda f=f: f) for n, f in frames.items()}, more.pop("names", CLASSES), **more
    )


def as_held(video: InstanceSequence, name: str) -> list[tuple[str, FrameInstances]]:
    """What a format that holds some facts can say of a video."""
    holds, frames = video_format(name).holds, []
    flat = "overlaps" not in holds
    wide = "void" not in holds or (flat and any(f.is_wide for _, f in video))
    for n, (frame, found) in enumerate(video):
        if flat:
            per_frame = name in ("label-maps", "davis", "youtube-vos")
            shown = FrameInstances.of_masks(found.labels(wide=None if per_frame else wide))
            about = {one.id: one for one in found.instances}
            found = FrameInstances(
                found.size,
                tuple(replace(about[one.id], rle=one.rle) for one in shown.instances),
                shown.void if "void" in holds else None,
            )
        instances = found.instances
        if "classes" not in holds:
            instances = [replace(one, class_id=1) for one in instances]
        if "scores" not in holds:
            instances = [replace(one, score=1.0) for one in instances]
        void = found.void if "void" in holds else None
        frames.append(
            (frame if "names" in holds else n, FrameInstances(found.size, tuple(instances), void))
        )
    return frames


@pytest.mark.slow
@pytest.mark.parametrize("name", LOSSLESS)
@settings(max_examples=200, deadline=None)
@given(video=videos())
def test_what_a_format_holds_comes_back_from_200_videos(name, video):
    round_trip(name, video)


def round_trip(name, video):
    form = video_format(name)
    if name in ("youtube-vos", "binary-pngs") and not any(f.instances for _, f in video):
        return
    with TemporaryDirectory() as folder:
        path = Path(folder, f"clip{form.suffix}")
        if not form.suffix:
            path.mkdir()
        assert write_videos(path, [video], name) == []
        (back,) = read_videos(path, name)
        found = [(f if "names" in form.holds else n, i) for n, (f, i) in enumerate(back)]
        if "class names" in form.holds:
            assert called(back).items() <= called(video).items()
        wanted = as_held(video, name)
        if name in BY_CLASS_NAME:
            found, wanted = ([(n, without_classes(f)) for n, f in both] for both in (found, wanted))
        assert found == wanted


def called(video: InstanceSequence) -> dict[int, str]:
    return {one.id: video.class_name(one.class_id) for _, f in video for one in f.instances}


def without_classes(found: FrameInstances) -> FrameInstances:
    return replace(found, instances=tuple(replace(i, class_id=1) for i in found.instances))


def labels(*rows: str) -> np.ndarray:
    return np.array([[int(c) for c in row] for row in rows], np.uint8)


BEFORE, BEHIND = labels("0110", "0112", "0002"), labels("1100", "1122", "0022")


ZEROTH = Instance(1, encode(np.ones((1, 2, 2), bool))[0], 0)


def clip(**frames) -> InstanceSequence:
    return video_of({n: FrameInstances.of_masks(f) for n, f in frames.items()}, names={})


def as_labels(video: InstanceSequence) -> dict[str, list]:
    return {n: f.labels().tolist() for n, f in video}


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 2**32 - 1))
def test_runs_of_label_maps_are_those_of_planes(height, width, seed):
    values = np.random.default_rng(seed).integers(0, 4, (height, width)).astype(np.uint16) * 300
    found = rles_of_labels(values)
    ids = [int(i) for i in np.unique(values) if i]
    assert list(found) == ids
    planes = np.array([values == i for i in ids], bool).reshape(-1, height, width)
    np.testing.assert_array_equal(decode(list(found.values()), (height, width)), planes)
    assert encode(planes) == list(found.values())
    back = labels_of_rles(found.items(), (height, width), np.uint16)
    np.testing.assert_array_equal(back, values)


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 2**32 - 1))
def test_polygons_are_filled_to_the_mask_by_pycocotools(height, width, seed):
    rng = np.random.default_rng(seed)
    mask = rng.random((height, width)) < rng.choice([0.2, 0.5, 0.8, 0.97])
    polygons = polygons_of(mask)
    for drawn in (polygons, [joined(polygons)]) if polygons else ():
        corners = [p.astype(float).ravel().tolist() for p in drawn]
        rle = coco_mask.merge(coco_mask.frPyObjects(corners, height, width))
        np.testing.assert_array_equal(coco_mask.decode(rle).astype(bool), mask)
    assert bool(polygons) == mask.any()


def test_a_square_with_a_hole_is_one_polygon_with_a_cut():
    mask = np.ones((3, 3), bool)
    mask[1, 1] = False
    (polygon,) = polygons_of(mask)
    assert len(polygon) == 4 + 4 + 2
    assert {(0, 0), (3, 0), (3, 3), (0, 3), (1, 1), (2, 1)} <= set(map(tuple, polygon.tolist()))


def test_pages_are_what_tifffile_reads(tmp_path):
    write_videos(tmp_path / "a.tif", [clip(f0003=BEFORE, f0007=BEHIND)], "tiff")
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "a.tif"), [BEFORE, BEHIND])
    (back,) = read_videos(tmp_path / "a.tif", "tiff")
    assert as_labels(back) == {"f0003": BEFORE.tolist(), "f0007": BEHIND.tolist()}
    tifffile.imwrite(
        tmp_path / "b.tif", np.stack([BEFORE, BEHIND]).astype(np.uint16), photometric="minisblack"
    )
    (back,) = read_videos(tmp_path / "b.tif", "tiff")
    assert as_labels(back) == {"00000": BEFORE.tolist(), "00001": BEHIND.tolist()}


def test_cells_that_come_back_are_new_tracks_whose_parents_are_the_old(tmp_path):
    video = clip(t000=BEFORE, t001=BEFORE * (BEFORE == 1), t002=BEHIND)
    video = replace(video, parents={2: 1})
    notes = write_videos(tmp_path, [video], "ctc")
    assert notes == ["a label has no gaps: 2 is 3 from frame 2 on"]
    assert (tmp_path / "res_track.txt").read_text().splitlines() == [
        "1 0 2 0",
        "2 0 0 0",
        "3 2 2 2",
    ]
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "mask000.tif"), BEFORE)
    assert tifffile.imread(tmp_path / "mask002.tif").max() == 3
    assert sniffed(tmp_path) == "ctc"
    (back,) = read_videos(tmp_path, "ctc")
    assert back.parents == {3: 2}
    assert list(back.readers) == ["000", "001", "002"]


def test_daughters_keep_their_mother(tmp_path):
    video = replace(clip(t4=BEFORE * (BEFORE == 1), t5=BEHIND * (BEHIND == 2)), parents={2: 1})
    assert write_videos(tmp_path, [video], "ctc") == []
    assert (tmp_path / "res_track.txt").read_text() == "1 4 4 0\n2 5 5 1\n"
    assert read_videos(tmp_path, "ctc")[0].parents == {2: 1}


def test_mots_text_has_ids_classes_and_ignored_areas(tmp_path):
    masks = encode(np.array([BEFORE == 1, BEFORE == 2, BEFORE == 0]))
    found = FrameInstances(
        (3, 4), (Instance(4, masks[0], 2), Instance(2001, masks[1], 2)), masks[2]
    )
    video = video_of({"000007": found, "000008": FrameInstances((3, 4)), "000009": found})
    write_videos(tmp_path / "a.txt", [video], "mots")
    assert (tmp_path / "a.txt").read_text().startswith(f"7 4 2 3 4 {masks[0]['counts']}\n")
    assert sniffed(tmp_path / "a.txt") == "mots"
    (back,) = read_videos(tmp_path / "a.txt", "mots")
    assert list(back) == list(video)
    notes = write_videos(tmp_path / "png", [video], "mots-png")
    assert notes == ["clip: an id says the class: 4 is 2004"]
    (back,) = read_videos(tmp_path / "png", "mots-png")
    assert [(i.id, i.class_id) for i in back.readers["000007"]().instances] == [
        (2001, 2),
        (2004, 2),
    ]
    assert back.readers["000007"]().void == masks[2]


@pytest.mark.parametrize("name", ["grey-pngs", "rgb-pngs"])
def test_plain_pictures_hold_ids_up_to_254(tmp_path, name):
    apart = np.where(BEFORE == 2, 200, BEFORE).astype(np.uint8)
    write_videos(tmp_path, [clip(a=apart, b=BEHIND)], name)
    (back,) = read_videos(tmp_path, name)
    assert as_labels(back) == {"a": apart.tolist(), "b": BEHIND.tolist()}
    with pytest.raises(MaskError, match="16-bit-pngs"):
        write_videos(tmp_path, [clip(a=BEFORE.astype(np.uint16) * 300)], name)


def test_yolo_polygons_come_back_to_the_pixel_in_frames_of_their_size(tmp_path):
    (tmp_path / "frames").mkdir()
    for name in ("a1", "a2", "a3"):
        write_mask(tmp_path / "frames" / f"{name}.png", BEFORE)
    source = open_source(tmp_path / "frames")
    ring = np.ones((3, 4), np.uint8)
    ring[1, 1] = 0
    video = clip(a1=BEFORE, a2=BEFORE * 0, a3=ring)
    assert write_videos(tmp_path / "y", [video], "yolo") == [
        "classes count from 0, see classes.txt: 1 is 0"
    ]
    assert sniffed(tmp_path / "y") == "yolo"
    (back,) = read_videos(tmp_path / "y", "yolo", source)
    assert as_labels(back) == as_labels(video)
    assert back.class_names == {0: "object"}
    with pytest.raises(UsageError, match="frames"):
        read_videos(tmp_path / "y", "yolo")


def test_yolo_text_beside_a_video_ends_with_the_video(tmp_path):
    with VideoWriter(tmp_path / "clip.mp4", (32, 48), 10) as video:
        for _ in range(3):
            video.write(np.zeros((32, 48, 3), np.uint8))
    square = np.zeros((32, 48), np.uint8)
    square[8:20, 10:30] = 1
    write_videos(tmp_path / "y", [clip(**{"00000": square, "00002": square})], "yolo")
    (back,) = read_videos(tmp_path / "y", "yolo", open_source(tmp_path / "clip.mp4"))
    assert as_labels(back) == {
        "00000": square.tolist(),
        "00001": (square * 0).tolist(),
        "00002": square.tolist(),
    }


@pytest.mark.parametrize("name", [n for n, f in VIDEO_FORMATS.items() if f.several and f.sniff])
def test_several_videos_in_one(tmp_path, name):
    both = [replace(clip(f1=BEFORE, f2=BEHIND), name="a"), replace(clip(f1=BEHIND), name="b")]
    path = tmp_path / f"all{video_format(name).suffix}"
    write_videos(path, both, name)
    back = read_videos(path, sniffed(path))
    assert sniffed(path) == name
    assert {v.name: as_labels(v) for v in back} == {v.name: as_labels(v) for v in both}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("size", [(1, 1), (5, 7), (40, 30)])
def test_run_lengths_are_decoded_where_warnings_are_errors(size):
    masks = np.random.default_rng(0).random((4, *size)) < np.array([0, 0.2, 0.8, 1])[:, None, None]
    np.testing.assert_array_equal(decode(encode(masks), size), masks)


@pytest.mark.parametrize(
    ("name", "part", "field", "said"),
    [
        ("coco", "annotations", "segmentation", "annotation 0: 'segmentation' is missing"),
        ("coco", "images", "width", "image 0: 'width' is missing"),
        ("youtube-vis", "annotations", "segmentations", "annotation 0: 'segmentations' is miss"),
        ("youtube-vis", "videos", "file_names", "video 0: 'file_names' is missing"),
    ],
)
def test_a_record_that_lacks_a_field_is_named(tmp_path, name, part, field, said):
    path = tmp_path / "all.json"
    write_videos(path, [clip(f1=BEFORE)], name)
    content = json.loads(path.read_text())
    del content[part][0][field]
    path.write_text(json.dumps(content))
    with pytest.raises(SourceError, match=f"all.json: {said}"):
        read_videos(path, name)


def test_what_is_lost_is_said_with_its_size():
    masks = encode(np.array([BEFORE > 0, BEFORE == 2]))
    found = FrameInstances(
        (3, 4),
        (Instance(1, masks[0], 2, 0.5), Instance(300, masks[1])),
        encode(BEFORE[None] == 0)[0],
    )
    counts = Counts()
    list(watched(video_of({"a": found, "b": FrameInstances((3, 4))}, parents={1: 2}), counts))
    assert (counts.frames, counts.objects) == (2, {("clip", 1), ("clip", 300)})
    assert sentences(counts, video_format("coco").holds, "coco") == [
        "coco has no parents: the origin of 1 objects is dropped"
    ]
    told = "\n".join(sentences(counts, video_format("label-maps").holds, "label-maps"))
    for lost in (
        "classes: those of 2 masks",
        "scores: those of 1",
        "2 px of objects behind",
        "void",
    ):
        assert lost in told
    assert "6 px of it are background" in told
    assert "class names" not in told


def test_objects_without_a_class_lose_none():
    counts = Counts()
    video = InstanceSequence("y", {"a": lambda: FrameInstances((2, 2), (ZEROTH,))}, {0: "object"})
    list(watched(video, counts))
    assert not sentences(counts, video_format("label-maps").holds, "label-maps")


def test_formats_are_told_by_content_or_by_suffix(tmp_path):
    assert format_for(Path("a.tiff")) == "tiff"
    assert format_for(Path("a.json")) == "youtube-vis"
    assert format_for(Path("masks")) == "label-maps"
    write_mask(tmp_path / "0.png", BEFORE)
    assert sniffed(tmp_path) == "label-maps"
    (tmp_path / "x.txt").write_text("none\n")
    with pytest.raises(SourceError, match="no masks in a known format"):
        sniffed(tmp_path / "x.txt")
    with pytest.raises(UsageError, match="'mosts' is no format"):
        read_videos(tmp_path, "mosts")


def test_a_suffix_that_no_format_has_is_refused_where_no_folder_has_it(tmp_path):
    with pytest.raises(UsageError, match=r"no format has files.*\.csv.*\.json.*label-maps"):
        format_for(tmp_path / "out.avi")
    (tmp_path / "out.avi").mkdir()
    assert format_for(tmp_path / "out.avi") == format_for(tmp_path / "cells.v2") == "label-maps"


def test_a_table_has_a_row_an_object_and_frame(tmp_path):
    write_mask(tmp_path / "f2.png", BEFORE)
    write_mask(tmp_path / "f10.png", np.eye(3, 4, dtype=np.uint8) * 9)
    write_videos(tmp_path / "areas.csv", read_videos(tmp_path, "label-maps"), "csv")
    with (tmp_path / "areas.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["frame"], row["name"], row["id"]) for row in rows][-1] == ("1", "f10", "9")
    assert (rows[-1]["area_px"], rows[-1]["x1"], rows[-1]["centroid_y"]) == ("3", "3", "1.50")


def test_the_page_of_formats_has_every_one():
    page = (Path(__file__).parents[2] / "docs" / "formats.md").read_text("utf-8")
    assert set(re.findall(r"^\| `(\w[\w-]*)` \|", page, re.M)) == set(VIDEO_FORMATS)
