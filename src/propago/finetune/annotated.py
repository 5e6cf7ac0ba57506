"""Annotated frames: what there is to fine-tune on in a video."""

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
        labels: (H, W) uint8 or uint16: the id of an object, else 0.
        void: (H, W) bool: where nobody knows.
    """

    image: Tensor
    labels: np.ndarray
    void: np.ndarray

    def __post_init__(self) -> None:
        """Refuse maps of another size than the image.

        Raises:
            ShapeError: the image is not (3, H, W), or a map not (H, W).
        """
        shapes = tuple(self.image.shape), self.labels.shape, self.void.shape
        if shapes != ((3, *self.labels.shape), self.labels.shape, self.labels.shape):
            raise ShapeError(
                "an annotated frame has an image (3, H, W), labels and void (H, W); these are "
                f"{', '.join(map(str, shapes))}"
            )

    @property
    def ids(self) -> tuple[int, ...]:
        """The objects in it, ascending."""
        return tuple(np.unique(self.labels[self.labels > 0]).tolist())

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
            raise MaskError(
                f"at most 254 objects are fine-tuned together; these are {len(ids)}: annotate fewer"
            )
        rows = np.where(self.void, VOID, 0).astype(np.uint8)
        for row, object_id in enumerate(ids, start=1):
            rows[self.labels == object_id] = row
        return rows


def annotated_frame(image: Tensor, annotation: Annotation, predicted: np.ndarray) -> AnnotatedFrame:
    """A person's word on a frame, at the size of `image` and on the CPU.

    An object that the annotation leaves out is unknown there, not gone: where it was predicted the
    frame is void. Labels are never interpolated: each pixel gets the one nearest to its centre; an
    object smaller than a pixel keeps the pixels that it lies in.

    Args:
        image: (3, h, w) RGB in [0, 1], at the working size.
        annotation: (H, W), of the frame's own size.
        predicted: (H, W) final label map of the frame.
    """
    size = (image.shape[-2], image.shape[-1])
    labels = np.where(annotation.void, 0, annotation.labels).astype(annotation.labels.dtype)
    unknown = annotation.void | ((labels == 0) & (predicted != 0))
    small, void = _nearest(labels, size), _nearest(unknown.astype(np.uint8), size) > 0
    for object_id in set(annotation.ids) - set(np.unique(small).tolist()):
        y, x = np.nonzero(labels == object_id)
        at = y * size[0] // labels.shape[0], x * size[1] // labels.shape[1]
        small[at], void[at] = object_id, False
    return AnnotatedFrame(image.detach().cpu(), small, void)


def _nearest(labels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return cv2.resize(labels, size[::-1], interpolation=cv2.INTER_NEAREST_EXACT)
