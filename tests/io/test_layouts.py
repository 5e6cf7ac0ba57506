"""Folders and lists of data sets, in the variants in which they are met."""

import pytest

from propago.io.davis_layout import davis_annotations, davis_frames
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
