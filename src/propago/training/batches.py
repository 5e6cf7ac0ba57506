"""Examples to batches: a seed and a number give the same one in any process and after a resume."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from propago.data.clips import Clip, ClipSampler
from propago.data.crops import ObjectCrops
from propago.methods.feelvos.objective import ClipBatch
from propago.methods.seg_with_spn.objective import SegBatch
from propago.ops.flow import dis_flow
from propago.refinement.spn.objective import CropBatch
from propago.types import VOID


class Examples(Protocol):
    """What an objective learns from."""

    def draw(self, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        """One example as arrays whose shapes never change."""
        ...

    def batch(self, parts: Sequence[Tensor]) -> Any:
        """The arrays of several examples, stacked, as the objective takes them."""
        ...


@dataclass(frozen=True)
class ClipExamples:
    """Clips with the flow between their frames."""

    sampler: ClipSampler

    def draw(self, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        """Images (T, 3, H, W), labels (T, H, W) and flows (T - 1, 2, H, W) of a clip."""
        clip = self.sampler.sample(rng)
        return clip.images.transpose(0, 3, 1, 2), clip.labels, backward_flows(clip)

    def batch(self, parts: Sequence[Tensor]) -> ClipBatch:
        """Clips of equal size."""
        return ClipBatch(*parts)


@dataclass(frozen=True)
class CropExamples:
    """Crops with coarse masks and true ones."""

    sampler: ObjectCrops

    def draw(self, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        """Image (3, S, S), coarse mask (1, S, S) and truth (1, S, S) of a crop."""
        crop = self.sampler.sample(rng)
        return crop.image.transpose(2, 0, 1), crop.coarse[None], crop.truth[None]

    def batch(self, parts: Sequence[Tensor]) -> CropBatch:
        """Crops of equal size."""
        return CropBatch(*parts)


@dataclass(frozen=True)
class PictureExamples:
    """Pictures with what is foreground in them: any labelled object."""

    sampler: ClipSampler

    def draw(self, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        """Image (3, H, W) and foreground (H, W) of a clip's first frame; 255 is void."""
        clip = self.sampler.sample(rng)
        labels = clip.labels[0]
        truth = np.where(labels == VOID, VOID, labels > 0).astype(np.uint8)
        return clip.images[0].transpose(2, 0, 1), truth

    def batch(self, parts: Sequence[Tensor]) -> SegBatch:
        """Pictures of equal size."""
        return SegBatch(*parts)


@dataclass(frozen=True)
class NumberedExamples(Dataset):
    """Example number i is drawn with a generator of its own, seeded by (seed, i)."""

    examples: Examples
    seed: int
    first: int
    count: int

    def __len__(self) -> int:
        """How many examples are left to draw."""
        return self.count

    def __getitem__(self, i: int) -> tuple[np.ndarray, ...]:
        """Example number `first` + i."""
        return self.examples.draw(np.random.default_rng((self.seed, self.first + i)))

    @staticmethod
    def collate(samples: Sequence[tuple[np.ndarray, ...]]) -> tuple[Tensor, ...]:
        """The arrays of the samples, stacked: plain tensors, which accelerate can move."""
        return tuple(torch.from_numpy(np.stack(part)) for part in zip(*samples, strict=True))


def backward_flows(clip: Clip) -> np.ndarray:
    """(T - 1, 2, H, W) flow from each frame to the one before it, pixels."""
    greys = [cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in clip.images]
    pairs = zip(greys[1:], greys[:-1], strict=True)
    return np.stack([dis_flow(now, before) for now, before in pairs])


def load(examples: NumberedExamples, batch: int, workers: int) -> DataLoader[Any]:
    """Stacked arrays of `batch` examples in order, prepared by `workers` processes."""
    return DataLoader(
        examples,
        batch,
        num_workers=workers,
        collate_fn=examples.collate,
        worker_init_fn=_one_thread,
        prefetch_factor=4 if workers else None,
        drop_last=True,
    )


def _one_thread(_: int) -> None:
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
