"""`propago convert`: from one place to another, several videos, what is refused, what is said."""

import json
import shutil

import numpy as np
import pytest

import propago
from propago.cli import main
from propago.errors import SourceError, UsageError

LABELS = np.zeros((6, 8), np.uint8)
LABELS[1:3, 1:4], LABELS[3:5, 4:8] = 1, 7


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "clip"
    made.mkdir()
    for name in ("00002", "00010"):
        propago.write_mask(made / f"{name}.png", LABELS)
    return made


def test_masks_go_to_json_and_back(folder, tmp_path):
    seen = []
    done = propago.convert(folder, tmp_path / "clip.json", progress=lambda *told: seen.append(told))
    assert (done.from_format, done.to_format, done.frames, done.objects) == (
        *("label-maps", "youtube-vis"),
        *(2, 2),
    )
    assert done.notes == ()
    assert seen == [(1, 2, "clip"), (2, 2, "clip")]
    back = propago.convert(tmp_path / "clip.json", tmp_path / "back")
    assert back.videos == ("clip",)
    for name in ("00002", "00010"):
        written = propago.read_mask(tmp_path / "back" / f"{name}.png").labels
        np.testing.assert_array_equal(written, LABELS)


def test_several_videos_become_a_file_each_where_a_format_holds_one(folder, tmp_path):
    both = tmp_path / "set"
    both.mkdir()
    for name in ("a", "b"):
        shutil.copytree(folder, both / name)
    done = propago.convert(both, tmp_path / "out", to_format="mots")
    assert sorted(p.name for p in done.out.iterdir()) == ["a.txt", "b.txt"]
    assert done.frames == 4
    assert any("numbers" in note for note in done.notes)


def test_a_run_folder_is_read_by_its_masks(folder, tmp_path):
    (tmp_path / "run").mkdir()
    folder.rename(tmp_path / "run" / "masks")
    propago.convert(tmp_path / "run", tmp_path / "t.json")
    names = json.loads((tmp_path / "t.json").read_text())["videos"][0]["file_names"]
    assert names == ["run/00002.jpg", "run/00010.jpg"]


def test_what_is_there_is_not_written_over(folder, tmp_path):
    propago.convert(folder, tmp_path / "a.tif")
    with pytest.raises(UsageError, match="there already"):
        propago.convert(folder, tmp_path / "a.tif")
    assert propago.convert(folder, tmp_path / "a.tif", overwrite=True).frames == 2
    with pytest.raises(UsageError, match="which is read"):
        propago.convert(folder, folder / "more")
    with pytest.raises(UsageError, match="is no format"):
        propago.convert(folder, tmp_path / "b", to_format="coke")
    with pytest.raises(SourceError, match="does not exist"):
        propago.convert(tmp_path / "none", tmp_path / "b")


def test_the_verb_says_what_was_written_and_what_is_lost(folder, tmp_path, capsys):
    assert main(["convert", str(folder), str(tmp_path / "cells"), "--to", "ctc"]) == 0
    told = capsys.readouterr()
    assert "(2 frames, 2 objects, from label-maps)" in told.out
    assert "note: ctc has no names of frames, only numbers" in told.err
    assert main(["convert", str(folder), str(tmp_path / "cells")]) == 2
    assert "--overwrite" in capsys.readouterr().err
