"""Clips to batches: a seed and a number give the same clip in any process and after a resume."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from propago.data.clips import Clip, ClipSampler
from propago.methods.feelvos.objective import ClipBatch
from propago.ops.flow import dis_flow


@dataclass(frozen=True)
class NumberedClips(Dataset):
    """Clip number i is drawn with a generator of its own, seeded by (seed, i)."""

    sampler: ClipSampler
    seed: int
    first: int
    count: int

    def __len__(self) -> int:
        """How many clips are left to draw."""
        return self.count

    def __getitem__(self, i: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Images (T, 3, H, W), labels (T, H, W) and flows (T - 1, 2, H, W) of a clip."""
        clip = self.sampler.sample(np.random.default_rng((self.seed, self.first + i)))
        return clip.images.transpose(0, 3, 1, 2), clip.labels, backward_flows(clip)


def backward_flows(clip: Clip) -> np.ndarray:
    """(T - 1, 2, H, W) flow from each frame to the one before it, pixels."""
    greys = [cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in clip.images]
    pairs = zip(greys[1:], greys[:-1], strict=True)
    return np.stack([dis_flow(now, before) for now, before in pairs])


def load(clips: NumberedClips, batch: int, workers: int) -> DataLoader[ClipBatch]:
    """Batches of `batch` clips in order, prepared by `workers` processes."""
    return DataLoader(
        clips,
        batch,
        num_workers=workers,
        collate_fn=collate,
        worker_init_fn=_one_thread,
        prefetch_factor=4 if workers else None,
        drop_last=True,
    )


def collate(samples: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> ClipBatch:
    """Stack samples of equal size."""
    images, labels, flows = (
        torch.from_numpy(np.stack(part)) for part in zip(*samples, strict=True)
    )
    return ClipBatch(images, labels, flows)


def _one_thread(_: int) -> None:
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
