"""Files that cannot be written: nothing is left, and the reason is the true one."""

import errno
import os
import resource
from pathlib import Path

import numpy as np
import pytest

from propago.errors import OutputError
from propago.io.atomic import make_folder, replacing, unwritable
from propago.io.masks import write_mask
from propago.io.writer import VideoWriter
from propago.runs.journal import LineLog
from propago.runs.output_folder import OutputFolder
from propago.training.checkpoint import CheckpointFile, TrainingProgress

REASONS = {
    errno.ENOSPC: "free some space",
    errno.EDQUOT: "free some space",
    errno.EROFS: "read-only",
    errno.EACCES: "no permission",
    errno.EPERM: "no permission",
    errno.ENOENT: "there is no folder nowhere; make it",
    errno.EISDIR: "it is a folder",
    errno.ENAMETOOLONG: "too long",
    errno.EIO: os.strerror(errno.EIO),
}


@pytest.mark.parametrize("number", REASONS)
def test_space_is_asked_for_on_a_full_disk_alone(number: int) -> None:
    said = str(unwritable(Path("nowhere/file"), OSError(number, os.strerror(number))))
    assert said.startswith("nowhere/file cannot be written: ")
    assert REASONS[number] in said
    assert ("free some space" in said) == (number in (errno.ENOSPC, errno.EDQUOT))


def test_the_number_is_found_in_the_words_of_other_libraries(tmp_path: Path) -> None:
    error = ValueError("I/O error: No space left on device (os error 28)")
    assert "free some space" in str(unwritable(tmp_path / "x", error))


def _line_log(path: Path) -> None:
    LineLog(path, None)


WRITERS = {
    "mask": lambda path: write_mask(path, np.zeros((2, 2), np.uint8)),
    "video": lambda path: VideoWriter(path, (4, 4), 24),
    "lines": _line_log,
    "folder": lambda path: make_folder(path),
    "output": lambda path: OutputFolder(path).make(),
    "training": lambda path: CheckpointFile(path.parent).write(TrainingProgress(), {}),
}


@pytest.mark.parametrize("kind", WRITERS)
def test_a_file_where_a_folder_should_be_is_named(kind: str, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(OutputError, match=r"notes\.txt is a file, not a folder"):
        WRITERS[kind](tmp_path / "notes.txt" / "result")


@pytest.mark.parametrize("kind", ["mask", "video", "lines", "training"])
def test_a_folder_that_is_missing_is_named(kind: str, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"there is no folder .*away; make it"):
        WRITERS[kind](tmp_path / "away" / "result")


def test_an_earlier_file_stays_where_the_new_one_fails(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("before")

    def write() -> None:
        with replacing(tmp_path / "kept") as unfinished:
            unfinished.write_text("half")
            raise OSError(errno.EROFS, "")

    with pytest.raises(OutputError, match="read-only"):
        write()
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    assert (tmp_path / "kept").read_text() == "before"


def test_a_training_checkpoint_that_does_not_fit_says_what_the_system_said(tmp_path: Path) -> None:
    import torch

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
    try:
        with pytest.raises(OutputError, match="File too large"):
            CheckpointFile(tmp_path).write(TrainingProgress(), {"net": torch.nn.Linear(100, 100)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not list(tmp_path.iterdir())
