"""Folders and lists of data sets, in the variants in which they are met."""

from zipfile import ZipFile

import numpy as np
import pytest

from propago.errors import SourceError
from propago.io.davis_layout import davis_annotations, davis_frames
from propago.io.formats import open_masks
from propago.io.masks import write_mask
from propago.io.names import names_in
from propago.io.sequence_folders import find_folders, label_files


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("\ufeffbear\r\ncamel\r\n\r\n", ["bear", "camel"]),
        ("my clip 1 \nmy clip 2\nmy clip 1\n", ["my clip 1", "my clip 2"]),
        (
            "/JPEGImages/480p/bear/00000.jpg /Annotations/480p/bear/00000.png\n"
            "/JPEGImages/480p/bear/00001.jpg /Annotations/480p/bear/00001.png\n",
            ["bear"],
        ),
    ],
)
def test_lists_of_sequences(tmp_path, text, names):
    (tmp_path / "set.txt").write_text(text, "utf-8", newline="")
    assert names_in(tmp_path / "set.txt") == names


@pytest.mark.parametrize("resolution", ["480p", "Full-Resolution", "1080p", ""])
def test_a_root_has_one_resolution_or_none(tmp_path, resolution):
    for kind, folder_of in (("JPEGImages", davis_frames), ("Annotations", davis_annotations)):
        folder = tmp_path / kind / resolution / "bear"
        folder.mkdir(parents=True)
        assert folder_of(tmp_path, "bear") == folder


def test_files_of_systems_are_no_masks(tmp_path):
    for name in ("results/clip/00000.png", "results/clip/._00000.png", "results/__MACOSX/0.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    found = find_folders(tmp_path / "results")
    assert list(found.sequences) == ["clip"]
    assert list(label_files(found.sequences["clip"])) == ["00000"]


@pytest.mark.parametrize("inner", ["", "Annotations", "Annotations/480p", "method/Annotations"])
def test_results_lie_anywhere_below_their_folder(tmp_path, inner):
    for name in ("bear", "camel"):
        (tmp_path / "results" / inner / name).mkdir(parents=True)
        write_mask(tmp_path / "results" / inner / name / "00000.png", np.eye(4, dtype=np.uint8))
    found = find_folders(tmp_path / "results")
    assert list(found.sequences) == ["bear", "camel"]
    assert not found.single


def test_masks_directly_in_an_annotations_folder_are_one_sequence(tmp_path):
    (tmp_path / "mine" / "Annotations").mkdir(parents=True)
    write_mask(tmp_path / "mine" / "Annotations" / "00000.png", np.eye(4, dtype=np.uint8))
    found = find_folders(tmp_path / "mine")
    assert found.single
    assert list(found.sequences) == ["mine"]


def test_a_stray_array_beside_folders_of_pngs_is_no_sequence(tmp_path):
    (tmp_path / "bear").mkdir()
    write_mask(tmp_path / "bear" / "00000.png", np.eye(4, dtype=np.uint8))
    np.save(tmp_path / "notes.npy", np.eye(4))
    assert list(find_folders(tmp_path).sequences) == ["bear"]


def test_a_zip_file_is_the_folder_in_it(tmp_path):
    write_mask(tmp_path / "0.png", np.eye(4, dtype=np.uint8))
    with ZipFile(tmp_path / "sent.zip", "w") as packed:
        for t in range(2):
            packed.write(tmp_path / "0.png", f"Annotations/bear/{t:05}.png")
            packed.writestr(f"__MACOSX/Annotations/bear/._{t:05}.png", b"")
    found = find_folders(tmp_path / "sent.zip")
    assert [*label_files(found.sequences["bear"])] == ["00000", "00001"]
    with ZipFile(tmp_path / "one.zip", "w") as packed:
        packed.write(tmp_path / "0.png", "00000.png")
    np.testing.assert_array_equal(open_masks(tmp_path / "one.zip").labels("00000"), np.eye(4))


def test_a_damaged_zip_file_is_refused(tmp_path):
    (tmp_path / "sent.zip").write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(SourceError, match="no readable zip file"):
        find_folders(tmp_path / "sent.zip")
