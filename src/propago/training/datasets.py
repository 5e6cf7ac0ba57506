"""Examples to batches: a seed and a number give the same one in any process and after a resume."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
from torch.utils import data

from propago.data.task import Dataset


@dataclass(frozen=True)
class NumberedExamples(data.Dataset):
    """Example number i is drawn with a generator of its own, seeded by (seed, i)."""

    dataset: Dataset
    seed: int
    first: int
    count: int

    def __len__(self) -> int:
        """How many examples are left to draw."""
        return self.count

    def __getitem__(self, i: int) -> Any:
        """Example number `first` + i."""
        return self.dataset.sample(np.random.default_rng((self.seed, self.first + i)))


def load(
    examples: NumberedExamples,
    batch: int,
    collate: Callable[[Sequence[Any]], Any],
    workers: int,
) -> data.DataLoader[Any]:
    """Batches of `batch` examples in order, prepared by `workers` processes."""
    return data.DataLoader(
        examples,
        batch,
        num_workers=workers,
        collate_fn=collate,
        worker_init_fn=_one_thread,
        prefetch_factor=4 if workers else None,
        drop_last=True,
    )


def _one_thread(_: int) -> None:
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
