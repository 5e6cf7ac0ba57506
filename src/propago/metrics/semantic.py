"""Mean IoU of class maps, from one confusion matrix over the whole set."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from propago.errors import MaskError, UsageError
from propago.metrics.confusion import joint_counts

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

    def to_json(self) -> dict:
        """{"global": {"mIoU", "pixel_accuracy", "mean_accuracy"}, "classes": [{"id", "IoU"}]}."""
        return {
            "global": {
                "mIoU": self.mean_iou,
                "pixel_accuracy": self.pixel_accuracy,
                "mean_accuracy": self.mean_accuracy,
            },
            "classes": [{"id": n, "IoU": iou} for n, iou in enumerate(self.iou)],
        }


def mean_iou(pairs: Iterable[tuple[np.ndarray, np.ndarray]], classes: int) -> SemanticScore:
    """Score (ground truth, prediction) maps; one pair is in memory at a time.

    Args:
        pairs: (H, W) integer class maps; 255 in the ground truth is not counted.
        classes: number of classes, background included (21 for PASCAL VOC).

    Raises:
        UsageError, ShapeError, MaskError: as `confusion_matrix` and `score_of_confusion`.
    """
    matrix = np.zeros((classes, classes), np.int64)
    for gt, prediction in pairs:
        matrix += confusion_matrix(gt, prediction, classes)
    return score_of_confusion(matrix)


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
