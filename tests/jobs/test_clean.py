import json
import shutil
from dataclasses import replace

import cv2
import numpy as np
import pytest
from PIL import Image

from propago.cli import main
from propago.errors import MaskError, OutputError, PropagoWarning, SourceError, UsageError
from propago.io.masks import read_mask, write_mask
from propago.io.soft_masks import read_soft_masks
from propago.jobs.clean import CleanResult, clean, clean_many
from propago.refinement.craf.settings import CrafSettings
from tiny_clip import tiny_clip

FRAMES, SIZE = 5, (48, 64)


def write_clip(folder, ids=(1, 5)):
    """A folder of masks with an island in the third frame; the true masks."""
    folder.mkdir(parents=True)
    _, labels = tiny_clip(FRAMES, SIZE, ids)
    for t, truth in enumerate(labels):
        shown = truth.copy()
        if t == 2:
            shown[44:47, 60:63] = 5
        write_mask(folder / f"{t:05d}.png", shown)
    return labels


def events(log):
    return [json.loads(line) for line in log.read_text().splitlines()]


def test_a_folder_of_masks_is_cleaned_and_the_log_says_what_went(tmp_path):
    truth = write_clip(tmp_path / "cat")
    result = clean(tmp_path / "cat", out=tmp_path / "out")
    assert (result.name, result.frames, result.pixels) == ("cat", FRAMES, {"removed": 9})
    for t, labels in enumerate(truth):
        path = tmp_path / "out" / "masks" / f"{t:05d}.png"
        assert np.array_equal(read_mask(path).labels, labels)
        assert Image.open(path).mode == "P"
    (event,) = events(result.log)
    assert (event["name"], event["id"], event["what"]) == ("00002", 5, "removed")
    assert (event["area_px"], event["box"]) == (9, [60, 44, 63, 47])


def test_what_segment_wrote_and_several_videos(tmp_path, capsys):
    write_clip(tmp_path / "runs" / "cat" / "masks")
    write_clip(tmp_path / "runs" / "dog" / "masks")
    with pytest.raises(UsageError, match="masks of 2 videos; take `clean_many`"):
        clean(tmp_path / "runs", out=tmp_path / "out")
    many = clean_many(tmp_path / "runs", out=tmp_path / "out")
    assert [r.name for r in many.results] == ["cat", "dog"]
    assert (tmp_path / "out" / "dog" / "masks" / "00004.png").exists()
    single = clean(tmp_path / "runs" / "cat", out=tmp_path / "one")
    assert single.masks == tmp_path / "one" / "masks"


def test_scores_are_cleaned_like_masks(tmp_path):
    truth = write_clip(tmp_path / "cat")
    for t in range(FRAMES):
        labels = read_mask(tmp_path / "cat" / f"{t:05d}.png").labels
        for i in (1, 5):
            (tmp_path / "grey" / str(i)).mkdir(parents=True, exist_ok=True)
            levels = np.where(labels == i, 60_000, 0).astype(np.uint16)
            cv2.imwrite(str(tmp_path / "grey" / str(i) / f"{t:05d}.png"), levels)
    by_pictures = clean(tmp_path / "grey", scores=True, out=tmp_path / "out")
    assert by_pictures.pixels == {"removed": 9}
    again = clean(tmp_path / "out", out=tmp_path / "again")
    assert again.pixels == {}, "scores were taken, and nothing is left to remove"
    for t, labels in enumerate(truth):
        assert np.array_equal(read_mask(again.masks / f"{t:05d}.png").labels, labels)
        assert read_soft_masks(again.scores / f"{t:05d}.npz").ids == (1, 5)
    with pytest.raises(SourceError, match="no grey PNGs"):
        clean(tmp_path, scores=True, out=tmp_path / "none")


def test_wide_ids_void_and_empty_masks_come_through(tmp_path):
    folder = tmp_path / "wide"
    folder.mkdir()
    first = np.zeros(SIZE, np.uint16)
    first[4:9, 4:9], first[20:30, 20:30] = 300, 255
    write_mask(folder / "0.png", first)
    write_mask(folder / "1.png", np.zeros(SIZE, np.uint8))
    void = np.zeros(SIZE, np.uint8)
    void[2:8, 2:8], void[40:44, 40:44] = 7, 255
    write_mask(folder / "2.png", void)
    write_mask(folder / "10.png", void)
    result = clean(folder, out=tmp_path / "out")
    assert result.frames == 4
    for name in ("0", "2", "10"):
        before, after = (read_mask(p / f"{name}.png").labels for p in (folder, result.masks))
        assert np.array_equal(before, after)


@pytest.mark.parametrize("kind", ["npy", "grey", "labels"])
def test_frames_come_in_the_order_of_their_numbers(tmp_path, kind):
    """An object that moves by 10 px a frame: in another order the middle frames would go."""
    folder = tmp_path / "cat"
    folder.mkdir()
    for t, name in enumerate(("0", "1", "2", "10")):
        labels = np.zeros(SIZE, np.uint8)
        labels[10:30, 10 * t : 10 * t + 30] = 1
        if kind == "npy":
            np.save(folder / f"{name}.npy", labels.astype(np.float32))
        elif kind == "grey":
            cv2.imwrite(str(folder / f"{name}.png"), labels * 255)
        else:
            write_mask(folder / f"{name}.PNG", labels)
    told = []
    clean(
        folder,
        scores=kind == "grey",
        out=tmp_path / "out",
        settings=CrafSettings(least_iou=0.3),
        progress=lambda done, *_: told.append(done),
    )
    assert told == [1, 2, 3, 4]
    assert (tmp_path / "out" / "clean.jsonl").read_text() == ""
    for name in ("0", "1", "2", "10"):
        assert (read_mask(tmp_path / "out" / "masks" / f"{name}.png").labels == 1).sum() == 600


def test_settings_reach_the_filter(tmp_path):
    write_clip(tmp_path / "cat")
    result = clean(tmp_path / "cat", out=tmp_path / "out", settings=CrafSettings(reach_px=60))
    assert result.pixels == {}


def test_results_are_not_overwritten_and_inputs_never(tmp_path):
    write_clip(tmp_path / "cat" / "masks")
    clean(tmp_path / "cat", out=tmp_path / "out")
    with pytest.raises(UsageError, match="`overwrite`"):
        clean(tmp_path / "cat", out=tmp_path / "out")
    clean(tmp_path / "cat", out=tmp_path / "out", overwrite=True)
    with pytest.raises(UsageError, match="choose another `out`"):
        clean(tmp_path / "cat", out=tmp_path / "cat", overwrite=True)
    assert len(list((tmp_path / "cat" / "masks").iterdir())) == FRAMES


def test_a_run_that_wrote_nothing_does_not_block_the_next(tmp_path):
    (tmp_path / "cat").mkdir()
    np.save(tmp_path / "cat" / "0.npy", np.full(SIZE, np.nan))
    with pytest.raises(MaskError, match=r"0\.npy: .*np\.nan_to_num"):
        clean(tmp_path / "cat", out=tmp_path / "out")
    np.save(tmp_path / "cat" / "0.npy", np.ones(SIZE))
    result = clean(tmp_path / "cat", out=tmp_path / "out")
    assert result.frames == 1


def test_results_that_cannot_be_deleted_are_said(tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError(f"no deleting {path}")

    write_clip(tmp_path / "cat")
    clean(tmp_path / "cat", out=tmp_path / "out")
    monkeypatch.setattr(shutil, "rmtree", refuse)
    with pytest.raises(OutputError, match="cannot be cleared: no deleting"):
        clean(tmp_path / "cat", out=tmp_path / "out", overwrite=True)


def test_score_maps_of_two_sizes_are_said_with_the_frame(tmp_path):
    (tmp_path / "cat").mkdir()
    np.save(tmp_path / "cat" / "0.npy", np.ones(SIZE))
    np.save(tmp_path / "cat" / "1.npy", np.ones((5, 6)))
    with pytest.raises(MaskError, match=r"cat.*frame 1 is 6x5, the masks before are 64x48"):
        clean(tmp_path / "cat", out=tmp_path / "out")


def test_soft_pictures_are_told_of_scores(tmp_path):
    (tmp_path / "cat").mkdir()
    soft = np.tile(np.linspace(0, 250, SIZE[1]), (SIZE[0], 1)).astype(np.uint8)
    cv2.imwrite(str(tmp_path / "cat" / "0.png"), soft)
    with pytest.raises(MaskError, match=r"0\.png.*with `scores`"):
        clean(tmp_path / "cat", out=tmp_path / "out")


def test_bad_input_is_said(tmp_path):
    with pytest.raises(SourceError, match=r"not a folder.*PNGs$"):
        clean(tmp_path / "nowhere", out=tmp_path / "out")
    (tmp_path / "stack.tif").touch()
    with pytest.raises(SourceError, match=r"not a folder.*`propago convert` makes one"):
        clean(tmp_path / "stack.tif", out=tmp_path / "out")
    write_clip(tmp_path / "cat")
    write_mask(tmp_path / "cat" / "00003.png", np.zeros((5, 6), np.uint8))
    with pytest.raises(MaskError, match=r"frame 00003 is 6x5, the masks before are 64x48"):
        clean(tmp_path / "cat", out=tmp_path / "out")
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match="is a file"):
        clean(tmp_path / "cat", out=tmp_path / "file")


def test_the_verb_says_where_things_are(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_clip(tmp_path / "cat")
    assert main(["clean", "cat", "--islands-px", "4"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("masks  runs/clean/cat/masks (5 frames, 9 px removed)")
    assert "log    runs/clean/cat/clean.jsonl" in out
    assert main(["clean", "cat", "--alpha", "7"]) == 2
    assert "alpha" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("argv", "wanted"),
    [
        ([], CrafSettings()),
        (["--rules", "ours", "--reach-px", "3"], CrafSettings(reach_px=3)),
        (["--rules=paper"], CrafSettings.paper()),
        (["--rules", "released"], CrafSettings.released()),
        (
            ["--threshold", "0.5", "--rules", "released"],
            replace(CrafSettings.released(), threshold=0.5),
        ),
    ],
)
def test_the_verb_begins_with_the_rules_that_are_named(tmp_path, monkeypatch, argv, wanted):
    asked = []
    write_mask(tmp_path / "0.png", np.eye(64, dtype=np.uint8))
    result = CleanResult("cat", tmp_path, None, tmp_path, 1, {})
    monkeypatch.setattr(
        "propago.jobs.clean.clean", lambda masks, **options: asked.append(options) or result
    )
    assert main(["clean", str(tmp_path), *argv]) == 0
    assert asked[0]["settings"] == wanted


@pytest.mark.parametrize("argv", [["--rules", "mine"], ["--rules", "--scores"]])
def test_unknown_rules_are_refused(tmp_path, capsys, argv):
    with pytest.raises(SystemExit) as stop:
        main(["clean", str(tmp_path), *argv])
    assert stop.value.code == 2
    assert "rules" in capsys.readouterr().err


def test_a_region_that_changes_its_object_is_said(tmp_path):
    before, after = np.zeros((24, 24), np.uint8), np.zeros((24, 24), np.uint8)
    before[2:10, 2:10], before[12:20, 12:20] = 1, 2
    after[2:10, 2:10] = after[12:20, 12:20] = 2
    (tmp_path / "masks").mkdir()
    write_mask(tmp_path / "masks" / "0.png", before)
    write_mask(tmp_path / "masks" / "1.png", after)
    with pytest.warns(PropagoWarning, match="frame 1: object 1, 64 px from object 2"):
        clean(tmp_path / "masks", out=tmp_path / "out")
