"""Mean IoU of class maps, from one confusion matrix over the whole set."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from propago.errors import MaskError, UsageError
from propago.metrics.confusion import joint_counts
from propago.metrics.inputs import ClassMaps

IGNORED = 255
"""The ground-truth label whose pixels are not counted."""


@dataclass(frozen=True)
class SemanticScore:
    """How well class maps agree, as fractions.

    Attributes:
        mean_iou: mean of the IoUs of the classes that occur in the ground truth or prediction.
        iou: for each class, background included; None for one that occurs in neither.
        pixel_accuracy: correct pixels over counted pixels.
        mean_accuracy: mean over the classes of the ground truth of the part found.
    """

    mean_iou: float
    iou: tuple[float | None, ...]
    pixel_accuracy: float
    mean_accuracy: float


class MeanIou:
    """mIoU of class maps, whatever classes there are."""

    lower_is_better = ()

    def __init__(self) -> None:
        self._matrix = np.zeros((IGNORED, IGNORED), np.int64)

    def update(self, pair: ClassMaps) -> Mapping[str, float]:
        """Count one picture."""
        self._matrix += confusion_matrix(pair.gt, pair.pred, IGNORED)
        return {}

    def compute(self) -> Mapping[str, float]:
        """{"mIoU", "pixel_accuracy", "mean_accuracy"}, fractions."""
        score = score_of_confusion(self._matrix)
        return {
            "mIoU": score.mean_iou,
            "pixel_accuracy": score.pixel_accuracy,
            "mean_accuracy": score.mean_accuracy,
        }

    def parts(self) -> Mapping[int, Mapping[str, float]]:
        """{"IoU"} of each class in truth or prediction."""
        iou = score_of_confusion(self._matrix).iou
        return {n: {"IoU": value} for n, value in enumerate(iou) if value is not None}


def confusion_matrix(gt: np.ndarray, prediction: np.ndarray, classes: int) -> np.ndarray:
    """(classes, classes) int64: pixels by true class (row) and predicted class (column).

    Add the matrices of all pictures, then `score_of_confusion`.

    Raises:
        UsageError: `classes` is not in 1..255.
        ShapeError: the maps differ in size.
        MaskError: a label is no integer or no class; 255 is legal in the ground truth only.
    """
    if not 1 <= classes <= IGNORED:
        raise UsageError(f"classes is 1 to {IGNORED}, background included; this is {classes}")
    matrix = np.zeros((classes, classes), np.int64)
    true, predicted, pixels = joint_counts(gt, prediction)
    counted = true != IGNORED
    true, predicted = true[counted], predicted[counted]
    for name, labels in (("ground truth", true), ("prediction", predicted)):
        if labels.max(initial=0) >= classes:
            raise MaskError(
                f"the {name} holds label {labels.max()}; {classes} classes are 0 to {classes - 1}"
            )
    matrix[true, predicted] = pixels[counted]
    return matrix


def score_of_confusion(matrix: np.ndarray) -> SemanticScore:
    """IoU of a class: diagonal / (row sum + column sum - diagonal).

    Raises:
        UsageError: the matrix counts no pixel.

    Source: Everingham et al. 2010, The PASCAL VOC Challenge, section 4.4.
    """
    if not matrix.any():
        raise UsageError("no pixel was counted: no maps were given, or all are 255")
    right = np.diag(matrix)
    truth = matrix.sum(1)
    union = truth + matrix.sum(0) - right
    iou = tuple(float(r / u) if u else None for r, u in zip(right, union, strict=True))
    found = right[truth > 0] / truth[truth > 0]
    return SemanticScore(
        float(np.mean([value for value in iou if value is not None])),
        iou,
        float(right.sum() / matrix.sum()),
        float(found.mean()),
    )
