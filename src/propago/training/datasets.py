"""Examples to batches: a seed and a number give the same one in any process and after a resume."""

import signal
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
        worker_init_fn=_begin_worker,
        prefetch_factor=4 if workers else None,
        drop_last=True,
    )


def _begin_worker(_: int) -> None:
    """One thread each; Ctrl-C is for the training, which ends its workers itself."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
