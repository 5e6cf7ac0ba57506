"""The checkpoints of a run: where it can be gone on with, and where corrections begin."""

from collections.abc import Iterable
from pathlib import Path

from propago.errors import OutputError
from propago.io.atomic import make_folder
from propago.io.checkpoint import load_state, save_state
from propago.pipeline import Checkpoint

EVERY_FRAMES = 50
"""A run is written down after so many frames."""

MOST = 24
"""A run of up to `MOST` * `EVERY_FRAMES` frames keeps every checkpoint, a longer one fewer."""

SUFFIX = ".safetensors"


class Checkpoints:
    """A folder with checkpoints, each named by the index of the frame it stands behind."""

    def __init__(self, folder: Path, selected: range, packages: tuple[str, ...]) -> None:
        """Those of a run over the frames `selected`.

        Args:
            folder: made by the first `save`.
            selected: the indices of the frames.
            packages: whose classes a checkpoint may name.
        """
        self._folder, self._selected, self._packages = folder, selected, packages

    def save(self, checkpoint: Checkpoint) -> None:
        """Write one, and delete those that are no longer kept.

        Raises:
            OutputError: it cannot be written.
        """
        make_folder(self._folder)
        save_state(self._path(checkpoint.index), checkpoint)
        counts = {self._selected.index(index) + 1: index for index in self._indices()}
        for count in counts.keys() - kept(counts):
            self._path(counts[count]).unlink(missing_ok=True)

    def last_index(self, before: int | None = None) -> int | None:
        """The frame of the latest one, or of the latest `before` a frame; None without one."""
        found = (i for i in self._indices() if before is None or i < before)
        return max(found, default=None)

    def last(self) -> Checkpoint | None:
        """The latest one, None where there is none.

        Raises:
            PropagoError: it is damaged, or no checkpoint of a run.
        """
        index = self.last_index()
        if index is None:
            return None
        checkpoint = load_state(self._path(index), self._packages)
        if not isinstance(checkpoint, Checkpoint):
            raise OutputError(
                f"{self._path(index)} is no checkpoint of a run; `overwrite` begins again"
            )
        return checkpoint

    def drop_from(self, index: int) -> None:
        """Delete those of frame `index` and later ones.

        Raises:
            OutputError: that is not possible.
        """
        for later in self._indices():
            if later >= index:
                try:
                    self._path(later).unlink()
                except OSError as error:
                    raise OutputError(f"{self._path(later)} cannot be deleted: {error}") from error

    def _indices(self) -> list[int]:
        stems = (path.stem for path in self._folder.glob(f"*{SUFFIX}"))
        return [int(stem) for stem in stems if stem.isdecimal() and int(stem) in self._selected]

    def _path(self, index: int) -> Path:
        return self._folder / f"{index:05d}{SUFFIX}"


def due(count: int) -> bool:
    """Whether a checkpoint is written behind the frame that makes it `count` frames."""
    return count % EVERY_FRAMES == 0


def kept(counts: Iterable[int]) -> set[int]:
    """Which checkpoints of a run are kept: the latest, and others evenly, `MOST` at most.

    Args:
        counts: behind how many frames each stands.
    """
    counts = set(counts)
    latest, apart = max(counts), EVERY_FRAMES
    while latest // apart > MOST:
        apart *= 2
    return {count for count in counts if count % apart == 0 or count == latest}


def packages_of(*parts: object) -> tuple[str, ...]:
    """The top-level packages whose states a checkpoint of these parts may hold; None is no part."""
    own = (type(part).__module__.partition(".")[0] for part in parts if part is not None)
    return tuple(dict.fromkeys(("propago", *own)))
