"""Fine-tuned weights on the disk, by the hash of all that made them: the next run has them."""

import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from propago.errors import OutputError, PropagoWarning
from propago.io.atomic import make_folder
from propago.io.cache_folder import KeptFiles, digest
from propago.io.checkpoint import CheckpointError, load_state, save_state


@dataclass(frozen=True)
class Entry:
    """What a file of the cache holds.

    Attributes:
        tensors: fine-tuned parameters by name.
        about: how they were made, for people.
    """

    tensors: dict[str, Tensor]
    about: dict[str, str]


class FineTuneCache(KeptFiles):
    """A folder of fine-tuned weights. It never stops a run: where it cannot be used, it warns."""

    def __init__(self, folder: Path | None = None):
        """Keep weights in the subfolder `finetuned` of `folder`; of `cache_folder()` if None."""
        super().__init__("finetuned", ".safetensors", folder)

    @staticmethod
    def key(*parts: Any) -> str:
        """What these parts are kept under: `propago.io.cache_folder.digest`."""
        return digest(*parts)

    def get(self, key: str) -> dict[str, Tensor] | None:
        """The tensors kept under `key`, on the CPU; None where there are none, or damaged ones."""
        path = self.path(key)
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
            save_state(self.path(key), entry)
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
            self.folder / f"{key}.unfinished{self.suffix}"
            if os.access(self.folder, os.W_OK)
            else None
        )
