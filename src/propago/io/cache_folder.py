"""The user's cache: files that were dear to make, and can always be made again."""

import dataclasses
import hashlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from propago.errors import OutputError


class KeptFiles:
    """Files of one kind in a subfolder of the cache.

    Attributes:
        folder: the subfolder; perhaps not there.
    """

    def __init__(self, name: str, suffix: str, folder: Path | None = None):
        """The files that end with `suffix` in the subfolder `name`.

        Args:
            name: of the subfolder.
            suffix: of the files.
            folder: the cache; `cache_folder()` if None.
        """
        self.folder = (folder or cache_folder()) / name
        self.suffix = suffix

    def path(self, key: str) -> Path:
        """Where what has this key is kept."""
        return self.folder / f"{key}{self.suffix}"

    def contents(self) -> tuple[int, int]:
        """How many files there are, unfinished ones among them, and their bytes."""
        sizes = [path.stat().st_size for path in self._files()]
        return len(sizes), sum(sizes)

    def clear(self) -> tuple[int, int]:
        """Delete what is kept.

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

    def _files(self) -> list[Path]:
        """Ours only: also what a killed process left half-written."""
        patterns = (f"*{self.suffix}", f".*{self.suffix}.part")
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


def digest(*parts: Any) -> str:
    """SHA-256 (hex) over the parts, their types, shapes and order.

    Args:
        parts: None, numbers, strings, bytes, arrays, tensors (wherever they are), dataclasses,
            and tuples, lists and mappings of those.

    Raises:
        TypeError: a part is something else.
    """
    found = hashlib.sha256()
    for piece in _pieces(parts):
        found.update(len(piece).to_bytes(8, "little"))
        found.update(piece)
    return found.hexdigest()


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
