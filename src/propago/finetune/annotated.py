"""Annotated frames: what there is to learn from in a video."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from torch import Tensor

from propago.errors import MaskError, ShapeError
from propago.types import VOID, Annotation


@dataclass(frozen=True)
class AnnotatedFrame:
    """A frame whose masks a person gave, at the working size.

    Attributes:
        image: (3, H, W) RGB float32 in [0, 1].
        labels: (H, W) uint8 or uint16 label map; 0 background, 255 void where uint8.
    """

    image: Tensor
    labels: np.ndarray

    def __post_init__(self) -> None:
        """Refuse an image and a map of different size, or what is no label map.

        Raises:
            MaskError: the labels are not (H, W) uint8 or uint16.
            ShapeError: the image is not (3, H, W).
        """
        Annotation(self.labels)
        if tuple(self.image.shape) != (3, *self.labels.shape):
            raise ShapeError(
                f"an annotated frame has an image (3, H, W) and labels (H, W); these are "
                f"{tuple(self.image.shape)} and {self.labels.shape}"
            )

    @property
    def ids(self) -> tuple[int, ...]:
        """The objects in it, ascending."""
        return Annotation(self.labels).ids

    @property
    def picture(self) -> np.ndarray:
        """(H, W, 3) uint8 RGB."""
        pixels = self.image.mul(255).round().clamp(0, 255).byte()
        return np.ascontiguousarray(pixels.permute(1, 2, 0).numpy(force=True))

    def rows(self, ids: Sequence[int]) -> np.ndarray:
        """(H, W) uint8: n for the n-th of `ids`, 0 for all else, 255 void.

        Raises:
            MaskError: more than 254 ids, which uint8 cannot tell apart from void.
        """
        if len(ids) >= VOID:
            raise MaskError(f"at most 254 objects are tuned together; these are {len(ids)}")
        rows = np.where(Annotation(self.labels).void, VOID, 0).astype(np.uint8)
        for row, object_id in enumerate(ids, start=1):
            rows[self.labels == object_id] = row
        return rows


def annotated(image: Tensor, labels: np.ndarray) -> AnnotatedFrame:
    """The frame with `labels` (any size) brought to the size of `image`; on the CPU.

    Labels are never interpolated: each pixel gets the label nearest to its centre.

    Args:
        image: (3, H, W) RGB in [0, 1].
        labels: (h, w) uint8 or uint16 label map of the same frame.

    Raises:
        MaskError: the labels are of another shape or type.
        ShapeError: the image is of another shape.
    """
    size = (int(image.shape[-1]), int(image.shape[-2]))
    fitted = cv2.resize(labels, size, interpolation=cv2.INTER_NEAREST_EXACT)
    return AnnotatedFrame(image.detach().cpu(), fitted)
