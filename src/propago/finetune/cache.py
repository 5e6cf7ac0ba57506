"""Fine-tuned weights on the disk, by the hash of all that made them: the next run has them."""

import dataclasses
import hashlib
import os
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from propago.errors import OutputError, PropagoWarning
from propago.io.atomic import make_folder
from propago.io.checkpoint import CheckpointError, load_state, save_state

_SUFFIX = ".safetensors"


@dataclass(frozen=True)
class Entry:
    """What a file of the cache holds.

    Attributes:
        tensors: fine-tuned parameters by name.
        about: how they were made, for people.
    """

    tensors: dict[str, Tensor]
    about: dict[str, str]


class FineTuneCache:
    """A folder of fine-tuned weights. It never stops a run: where it cannot be used, it warns."""

    def __init__(self, folder: Path | None = None):
        """Keep weights in the subfolder `finetuned` of `folder`; of `cache_folder()` if None."""
        self.folder = (folder or cache_folder()) / "finetuned"

    @staticmethod
    def key(*parts: Any) -> str:
        """SHA-256 (hex) over the parts, their types, shapes and order.

        Args:
            parts: None, numbers, strings, bytes, arrays, tensors (wherever they are), dataclasses,
                and tuples, lists and mappings of those.

        Raises:
            TypeError: a part is something else.
        """
        digest = hashlib.sha256()
        for piece in _pieces(parts):
            digest.update(len(piece).to_bytes(8, "little"))
            digest.update(piece)
        return digest.hexdigest()

    def get(self, key: str) -> dict[str, Tensor] | None:
        """The tensors kept under `key`, on the CPU; None where there are none, or damaged ones."""
        path = self._path(key)
        if not os.path.exists(path):
            return None
        try:
            entry = load_state(path)
        except CheckpointError:
            return None
        return entry.tensors if isinstance(entry, Entry) else None

    def put(self, key: str, tensors: Mapping[str, Tensor], about: Mapping[str, str]) -> bool:
        """Keep `tensors` under `key`.

        Returns:
            Whether they are kept. Where the folder is read-only or the disk full, a
            `PropagoWarning` says so and the run goes on.
        """
        entry = Entry({name: t.detach().cpu() for name, t in tensors.items()}, dict(about))
        try:
            make_folder(self.folder)
            save_state(self._path(key), entry)
        except OutputError as error:
            warnings.warn(
                f"the fine-tuned weights are used but not kept, so the next run fine-tunes again; "
                f"PROPAGO_CACHE names another folder for them. {error}",
                PropagoWarning,
                stacklevel=2,
            )
            return False
        return True

    def unfinished(self, key: str) -> Path | None:
        """Where an unfinished fine-tuning of this key is kept; None where nothing can be."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            return None
        return (
            self.folder / f"{key}.unfinished{_SUFFIX}" if os.access(self.folder, os.W_OK) else None
        )

    def contents(self) -> tuple[int, int]:
        """How many files there are, unfinished ones among them, and their bytes."""
        sizes = [path.stat().st_size for path in self._files()]
        return len(sizes), sum(sizes)

    def clear(self) -> tuple[int, int]:
        """Delete what is kept; the next run of each video tunes again.

        Returns:
            How many files went, and their bytes.

        Raises:
            OutputError: one cannot be deleted.
        """
        kept = self.contents()
        for path in self._files():
            try:
                path.unlink()
            except OSError as error:
                raise OutputError(
                    f"{path} cannot be deleted ({error.strerror}); delete the folder yourself"
                ) from error
        return kept

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}{_SUFFIX}"

    def _files(self) -> list[Path]:
        """Ours only: also what a killed process left half-written."""
        patterns = (f"*{_SUFFIX}", f".*{_SUFFIX}.part")
        return sorted(path for pattern in patterns for path in self.folder.glob(pattern))


def cache_folder() -> Path:
    """$PROPAGO_CACHE, else $XDG_CACHE_HOME/propago, else ~/.cache/propago."""
    if own := os.environ.get("PROPAGO_CACHE"):
        return Path(own)
    if shared := os.environ.get("XDG_CACHE_HOME"):
        return Path(shared) / "propago"
    try:
        return Path.home() / ".cache" / "propago"
    except RuntimeError:  # a user without a home, as in some containers
        return Path(tempfile.gettempdir()) / "propago"


def _pieces(part: Any) -> Iterator[bytes]:
    """`part` as byte strings that no other part has."""
    match part:
        case None | bool() | int() | float() | str():
            yield f"{type(part).__name__} {part!r}".encode()
        case bytes():
            yield b"bytes"
            yield part
        case Tensor():
            dense = part.detach().cpu().contiguous()
            yield f"tensor {dense.dtype} {tuple(dense.shape)}".encode()
            yield dense.flatten().view(torch.uint8).numpy().tobytes()
        case np.ndarray():
            yield f"array {part.dtype} {part.shape}".encode()
            yield np.ascontiguousarray(part).tobytes()
        case tuple() | list():
            yield f"sequence {len(part)}".encode()
            for item in part:
                yield from _pieces(item)
        case Mapping():
            yield f"mapping {len(part)}".encode()
            for name in sorted(part):
                yield from _pieces((name, part[name]))
        case _ if dataclasses.is_dataclass(part) and not isinstance(part, type):
            yield f"dataclass {type(part).__qualname__}".encode()
            yield from _pieces({f.name: getattr(part, f.name) for f in dataclasses.fields(part)})
        case _:
            raise TypeError(f"a key is made of numbers, strings, arrays, tensors; not {part!r}")
