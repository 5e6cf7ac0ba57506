import json
import shutil

import cv2
import numpy as np
import pytest
from PIL import Image

from propago.cli.doctor import run
from propago.errors import MaskError, OutputError, UsageError
from propago.io.masks import read_mask, write_mask
from propago.io.palette import voc_palette
from propago.jobs.doctor import doctor

N_FRAMES = 4


def label_map(frame):
    """Three objects: a square, a disk beside it, a bar of four pixels that crosses the ground."""
    labels = np.zeros((60, 90), np.uint8)
    labels[10:30, 5 + frame : 30 + frame] = 1
    cv2.circle(labels, (60, 20 + frame), 11, 2, -1)
    labels[50:54, 10:80] = 3
    return labels


LABELS = [label_map(frame) for frame in range(N_FRAMES)]
COLOURS = voc_palette()


def softened(picture):
    small = cv2.resize(picture, (45, 30), interpolation=cv2.INTER_AREA)
    return cv2.resize(small, (90, 60), interpolation=cv2.INTER_LINEAR)


def without_bar(labels):
    return np.where(labels == 3, 0, labels)


def binary(labels):
    return np.where(labels > 0, 255, 0).astype(np.uint8)


def saved(folder, pictures, suffix=".png", **options):
    """A folder of pictures, or of arrays, named 00000 ..."""
    folder.mkdir(parents=True)
    for n, picture in enumerate(pictures):
        image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
        image.save(folder / f"{n:05d}{suffix}", **options)
    return folder


def shuffled(labels):
    return Image.fromarray(COLOURS[labels]).quantize(4)


def indexed(labels, palette=COLOURS):
    image = Image.fromarray(labels)
    image.putpalette(palette.tobytes())
    return image


def kinds(diagnosis, wrong=True):
    return {finding.kind for finding in diagnosis.findings if finding.rule.wrong == wrong}


def mended(folder, out, **options):
    diagnosis = doctor(folder, fix=True, out=out, **options)
    return diagnosis, [np.array(Image.open(path)) for path in sorted(out.glob("*.png"))]


def test_healthy_masks_have_nothing_wrong(tmp_path):
    diagnosis = doctor(saved(tmp_path / "m", map(indexed, LABELS)))
    assert diagnosis.masks == N_FRAMES
    assert diagnosis.findings == ()


@pytest.mark.parametrize(
    ("kind", "draw", "suffix", "ids"),
    [
        ("rgb", lambda labels: COLOURS[labels], ".png", None),
        ("rgb", lambda labels: np.dstack([COLOURS[labels], labels * 0 + 255]), ".png", None),
        ("0/255", binary, ".png", "binary"),
        ("0/255", lambda labels: indexed(binary(labels)), ".png", "binary"),
        ("16-bit", lambda labels: labels.astype(np.uint16), ".png", None),
        ("16-bit", lambda labels: (labels > 0).astype(np.uint16) * 65535, ".png", "binary"),
        ("format", lambda labels: COLOURS[labels], ".bmp", None),
        ("shuffled palette", shuffled, ".png", None),
    ],
)
def test_what_loses_nothing_is_mended_exactly(tmp_path, kind, draw, suffix, ids):
    diagnosis, masks = mended(saved(tmp_path / "m", map(draw, LABELS), suffix), tmp_path / "out")
    assert kind in kinds(diagnosis)
    assert diagnosis.unresolved == ()
    for labels, mask in zip(LABELS, masks, strict=True):
        np.testing.assert_array_equal(mask, labels > 0 if ids == "binary" else labels)
    assert kinds(doctor(tmp_path / "out")) == set()


@pytest.mark.parametrize(
    ("kind", "draw", "suffix", "wanted"),
    [
        ("anti-aliased", lambda labels: softened(COLOURS[labels]), ".png", np.array),
        ("anti-aliased", lambda labels: softened(binary(labels)), ".png", np.sign),
        ("lossy", lambda labels: COLOURS[without_bar(labels)], ".jpg", without_bar),
        ("lossy", binary, ".jpg", np.sign),
    ],
)
def test_blends_and_noise_go_to_what_they_came_from(tmp_path, kind, draw, suffix, wanted):
    diagnosis, masks = mended(saved(tmp_path / "m", map(draw, LABELS), suffix), tmp_path / "out")
    assert kind in kinds(diagnosis)
    for expected, mask in zip(map(wanted, LABELS), masks, strict=True):
        assert set(np.unique(mask)) == set(np.unique(expected))
        for i in range(1, expected.max() + 1):
            theirs, mine = expected == i, mask == i
            assert (mine & theirs).sum() / (mine | theirs).sum() > 0.85
    assert kinds(doctor(tmp_path / "out")) == set()


@pytest.mark.parametrize("quality", [75, 90, 100])
@pytest.mark.parametrize("draw", [lambda labels: COLOURS[without_bar(labels)], binary])
def test_what_was_once_a_jpeg_is_mended_in_any_format(tmp_path, draw, quality):
    pictures = []
    for n, labels in enumerate(LABELS):
        once = tmp_path / f"{n}.jpg"
        Image.fromarray(draw(labels)).save(once, quality=quality, subsampling=0)
        pictures.append(Image.open(once).copy())
    diagnosis, masks = mended(saved(tmp_path / "m", pictures), tmp_path / "out")
    assert "lossy" in kinds(diagnosis)
    for labels, mask in zip(LABELS, masks, strict=True):
        expected = np.sign(labels) if draw is binary else without_bar(labels)
        assert set(np.unique(mask)) == set(np.unique(expected))
        assert (mask != expected).mean() < 0.01


@pytest.mark.parametrize("ends", [(0, 255), (0, 254), (16, 235), (0, 250), (5, 255)])
@pytest.mark.parametrize("blur", [1, 3, 9, 41])
def test_a_matte_is_one_object_cut_at_half(tmp_path, ends, blur):
    disk = cv2.circle(np.zeros((160, 200), np.uint8), (90, 80), 40, 255, -1)
    shares = cv2.GaussianBlur(disk, (blur, blur), 0) / 255
    matte = np.rint(ends[0] + shares * (ends[1] - ends[0])).astype(np.uint8)
    diagnosis, (mask,) = mended(saved(tmp_path / "m", [matte]), tmp_path / "out")
    assert set(np.unique(mask)) == {0, 1}
    assert (mask != (disk > 0)).sum() < 0.03 * (disk > 0).sum()
    assert "void" not in kinds(diagnosis, wrong=False)


def test_a_frame_of_void_alone_among_ids_stays_void(tmp_path):
    void = np.where(LABELS[0] == 1, 255, 0).astype(np.uint8)
    _, masks = mended(saved(tmp_path / "m", [LABELS[0], void]), tmp_path / "out")
    np.testing.assert_array_equal(masks[1], void)


def test_thin_objects_are_not_anti_aliasing(tmp_path):
    labels = np.zeros((40, 60), np.uint8)
    labels[10:30, 10:30] = 5
    labels[9, 9:31] = labels[30, 9:31] = 3
    assert doctor(saved(tmp_path / "m", [indexed(labels)])).findings[0].kind == "id gap"


def test_gaps_in_ids_are_closed_only_when_asked(tmp_path):
    table = np.array([0, 1, 3, 7], np.uint8)
    folder = saved(tmp_path / "m", [indexed(table[labels]) for labels in LABELS])
    diagnosis, masks = mended(folder, tmp_path / "kept")
    assert diagnosis.unresolved == ()
    assert "id gap" in kinds(diagnosis, wrong=False)
    np.testing.assert_array_equal(masks[0], table[LABELS[0]])
    diagnosis, masks = mended(folder, tmp_path / "closed", renumber=True)
    assert diagnosis.unresolved == ()
    for labels, mask in zip(LABELS, masks, strict=True):
        np.testing.assert_array_equal(mask, labels)


def test_ids_beyond_254_stay_16_bit_until_renumbered(tmp_path):
    folder = saved(tmp_path / "m", [labels.astype(np.uint16) * 200 for labels in LABELS])
    diagnosis, _ = mended(folder, tmp_path / "wide")
    assert "many ids" in kinds(diagnosis, wrong=False)
    assert read_mask(tmp_path / "wide/00000.png").labels.max() == 600
    _, masks = mended(folder, tmp_path / "narrow", renumber=True)
    np.testing.assert_array_equal(masks[0], LABELS[0])


def test_void_is_told_and_kept(tmp_path):
    labels = LABELS[0].copy()
    labels[:5] = 255
    diagnosis, masks = mended(saved(tmp_path / "m", [labels]), tmp_path / "out")
    assert kinds(diagnosis, wrong=False) == {"void", "grey"}
    np.testing.assert_array_equal(masks[0], labels)


def test_sizes_names_and_gaps_in_the_count(tmp_path):
    folder = saved(tmp_path / "m", map(indexed, LABELS))
    (folder / "00001.png").unlink()
    write_mask(folder / "00004.png", LABELS[0][:50])
    write_mask(folder / "00005.png", LABELS[0])
    shutil.copy(folder / "00000.png", folder / "6.png")
    Image.fromarray(LABELS[0]).save(folder / "00005.bmp")
    found = {f.kind: f for f in doctor(folder).findings}
    assert found["size"].file.name == "00004.png"
    assert found["size"].what == "90x50; 6 other masks are 90x60"
    assert found["frame gap"].what == "the next mask is 00002.png: 1 missing between them"
    assert found["same name"].what == "2 files are called 00005"
    assert not found["same name"].rule.fixable


def test_numbers_without_zeros_sort_wrongly(tmp_path):
    folder = tmp_path / "m"
    folder.mkdir()
    for n in (2, 10):
        write_mask(folder / f"frame{n}.png", LABELS[0])
    finding = next(f for f in doctor(folder).findings if f.kind == "name order")
    assert finding.what == "sorted as text the first is frame10.png, by number frame2.png"


def test_every_fifth_frame_is_a_count_too(tmp_path):
    folder = tmp_path / "m"
    folder.mkdir()
    for n in (0, 5, 10, 20):
        write_mask(folder / f"{n:05d}.png", LABELS[0])
    finding = next(f for f in doctor(folder).findings if f.kind == "frame gap")
    what = "the next mask is 00020.png: 1 missing between them (one every 5 frames)"
    assert (finding.file.name, finding.what) == ("00010.png", what)


def test_life_of_objects_is_information(tmp_path):
    frames = [[1, 2], [1], [1, 2, 3], [1, 2]]
    maps = [np.where(np.isin(LABELS[0], ids), LABELS[0], 0) for ids in frames]
    diagnosis = doctor(saved(tmp_path / "m", map(indexed, maps)))
    told = [(f.kind, f.file.name, f.what) for f in diagnosis.findings]
    assert told == [
        ("returns", "m", "id 2 is absent from 1 masks between"),
        ("appears", "00002.png", "id 3 is not in the masks before"),
        ("disappears", "00002.png", "id 3 is in none of the 1 masks after"),
    ]
    assert kinds(diagnosis) == set()


def test_a_first_mask_without_an_object_is_wrong_a_later_one_is_not(tmp_path):
    empty = np.zeros_like(LABELS[0])
    late = doctor(saved(tmp_path / "late", map(indexed, [LABELS[0], empty])))
    assert kinds(late, wrong=False) == {"empty", "disappears"}
    first = doctor(saved(tmp_path / "first", map(indexed, [empty, LABELS[0]])))
    assert kinds(first) == {"empty start"}


def test_what_is_no_mask_is_named_and_not_copied(tmp_path):
    folder = saved(tmp_path / "m", map(indexed, LABELS))
    noise = np.random.default_rng(0).integers(0, 256, (60, 90, 3), np.uint8)
    Image.fromarray(noise).save(folder / "00004.png")
    (folder / "00005.png").write_bytes((folder / "00000.png").read_bytes()[:60])
    (folder / "notes.txt").write_text("by hand")
    diagnosis, masks = mended(folder, tmp_path / "out")
    assert {f.file.name: f.kind for f in diagnosis.findings} == {
        "notes.txt": "other file",
        "00004.png": "not a mask",
        "00005.png": "unreadable",
    }
    assert len(diagnosis.unresolved) == 2
    assert len(masks) == N_FRAMES


def test_a_black_frame_among_colours_is_background(tmp_path):
    pictures = [COLOURS[LABELS[0]], COLOURS[LABELS[0] * 0], COLOURS[LABELS[1]]]
    _, masks = mended(saved(tmp_path / "m", pictures), tmp_path / "out")
    assert not masks[1].any()
    np.testing.assert_array_equal(masks[2], LABELS[1])


def test_colours_of_ones_own_get_ids_in_order_for_all_frames(tmp_path):
    own = np.array([(0, 0, 0), (250, 10, 10), (10, 10, 250), (10, 250, 10)], np.uint8)
    only_last = np.where(LABELS[0] == 3, 3, 0)
    pictures = [own[LABELS[0]], own[only_last]]
    _, masks = mended(saved(tmp_path / "m", pictures), tmp_path / "out")
    ids = {colour: int(masks[0][LABELS[0] == colour][0]) for colour in (1, 2, 3)}
    assert sorted(ids.values()) == [1, 2, 3]
    assert set(np.unique(masks[1])) == {0, ids[3]}


def test_sequences_in_folders_are_mended_apart(tmp_path):
    saved(tmp_path / "m/dog", map(indexed, LABELS))
    saved(tmp_path / "m/cat", [binary(labels) for labels in LABELS])
    diagnosis = doctor(tmp_path / "m", fix=True)
    out = tmp_path / "m-fixed"
    assert diagnosis.out == out
    assert {r.target.parent.name for r in diagnosis.repairs} == {"cat"}
    assert (out / "dog/00000.png").read_bytes() == (tmp_path / "m/dog/00000.png").read_bytes()
    assert np.array(Image.open(out / "cat/00000.png")).max() == 1


def test_originals_change_only_in_place(tmp_path):
    folder = saved(tmp_path / "m", [COLOURS[labels] for labels in LABELS], ".jpg")
    before = {path: path.read_bytes() for path in folder.iterdir()}
    doctor(folder, fix=True)
    assert {path: path.read_bytes() for path in folder.iterdir()} == before
    doctor(folder, fix=True, in_place=True)
    assert sorted(p.name for p in folder.iterdir()) == [f"{n:05d}.png" for n in range(N_FRAMES)]
    assert kinds(doctor(folder)) == set()


def test_progress_counts_both_passes(tmp_path):
    seen = []
    folder = saved(tmp_path / "m", map(indexed, LABELS))
    doctor(folder, fix=True, progress=lambda *told: seen.append(told))
    assert seen == [
        (n, N_FRAMES, what) for what in ("examine", "mend") for n in range(1, N_FRAMES + 1)
    ]


def test_bad_arguments_are_refused(tmp_path):
    folder = saved(tmp_path / "m", map(indexed, LABELS))
    (tmp_path / "none").mkdir()
    with pytest.raises(MaskError, match="is no folder and no picture"):
        doctor(tmp_path / "none.png")
    with pytest.raises(MaskError, match="holds no picture"):
        doctor(tmp_path / "none")
    with pytest.raises(UsageError, match="belong to `fix`"):
        doctor(folder, renumber=True)
    with pytest.raises(UsageError, match="not both"):
        doctor(folder, fix=True, out=tmp_path / "o", in_place=True)
    with pytest.raises(UsageError, match="lies in"):
        doctor(folder, fix=True, out=folder / "fixed")
    with pytest.raises(OutputError, match="not empty"):
        doctor(folder, fix=True, out=saved(tmp_path / "full", map(indexed, LABELS)))


def test_command_line(tmp_path, capsys):
    folder = saved(tmp_path / "m", [COLOURS[labels] for labels in LABELS])
    report = tmp_path / "report.json"
    assert run([str(folder), "--json", str(report)]) == 1
    out, err = capsys.readouterr()
    assert "and 3 more" in out
    assert err == ""
    assert len(json.loads(report.read_text())["findings"]) == N_FRAMES
    assert run([str(folder), "--fix"]) == 0
    assert run([str(tmp_path / "m-fixed")]) == 0
    assert "nothing is wrong" in capsys.readouterr().out


def test_of_the_folder_of_a_run_the_masks_are_examined(tmp_path):
    saved(tmp_path / "run" / "masks", map(indexed, LABELS))
    (tmp_path / "run" / "run.json").write_text("{}")
    Image.fromarray(COLOURS[LABELS[0]]).save(tmp_path / "run" / "given.png")
    found = doctor(tmp_path / "run")
    assert (found.masks, found.unresolved) == (len(LABELS), ())
    assert "other file" not in kinds(found, wrong=False)


def test_a_single_mask_is_examined_and_mended_as_the_refusal_of_one_advises(tmp_path, capsys):
    soft = tmp_path / "first.png"
    Image.fromarray(softened(binary(without_bar(LABELS[0])))).save(soft)
    with pytest.raises(MaskError, match="propago doctor --fix"):
        read_mask(soft)
    assert run([str(soft)]) == 1
    assert str(soft) in capsys.readouterr().out
    assert run([str(soft), "--fix"]) == 0
    assert np.unique(read_mask(tmp_path / "first-fixed.png").labels).tolist() == [0, 1]
    with pytest.raises(OutputError, match=r"first-fixed.png exists"):
        doctor(soft, fix=True)
    with pytest.raises(UsageError, match=r"\.png"):
        doctor(soft, fix=True, out=tmp_path / "folder")


def test_a_single_mask_is_mended_where_it_lies(tmp_path):
    lossy = tmp_path / "first.jpg"
    Image.fromarray(binary(LABELS[0])).save(lossy, quality=80)
    assert doctor(lossy, fix=True, in_place=True).unresolved == ()
    assert [path.name for path in tmp_path.iterdir()] == ["first.png"]


def test_ids_of_a_single_mask_are_told_of_the_file(tmp_path, capsys):
    mask = saved(tmp_path / "masks", [indexed(LABELS[0] * 7)]) / "00000.png"
    assert run([str(mask)]) == 0
    assert "id gap" in capsys.readouterr().out
