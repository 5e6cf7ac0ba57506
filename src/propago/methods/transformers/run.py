"""Instance segmentation models of the library transformers, as a detector.

Models that answer with queries, each a class and a mask: Mask2Former (Cheng et al., CVPR 2022),
MaskFormer (Cheng et al., NeurIPS 2021), DETR for segmentation, EoMT and others.
"""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from propago.detections import Detections
from propago.errors import UsageError, WeightsError
from propago.io.categories import CATEGORY_IDS
from propago.nn.inference import choose_device, for_detector, require_working_size
from propago.ops.resize import bilinear
from propago.types import Frame

SIZE = 480
"""Short side in pixels where the model's own files name none."""

IMAGENET = {"image_mean": (0.485, 0.456, 0.406), "image_std": (0.229, 0.224, 0.225)}
"""Where the model's own files name none."""

EXAMPLE = "facebook/mask2former-swin-tiny-coco-instance"

_ANSWERS = (("class_queries_logits", "masks_queries_logits"), ("logits", "pred_masks"))


class TransformersDetector:
    """A model as a `Detector`.

    Attributes:
        class_names: by category id: COCO's ids where the model has COCO's classes, else 1 and more.
    """

    def __init__(
        self,
        net: Any,
        preparation: Mapping[str, Any] | None = None,
        size: int | None = None,
        min_confidence: float = 0.3,
        device: torch.device | None = None,
        description: Mapping[str, Any] | None = None,
    ):
        """Run `net`, a model of transformers with a `config`.

        Args:
            net: its answer has `class_queries_logits` and `masks_queries_logits`, or DETR's names.
            preparation: of its pictures: image_mean, image_std, size, as in its files.
            size: working size, short side in pixels; that of `preparation` if None.
            min_confidence: what is less certain is not reported.
            device: where it runs.
            description: for a run's record.
        """
        self.device = device or torch.device("cpu")
        self.net = net.to(self.device).eval().requires_grad_(False)
        told = {**IMAGENET, **(preparation or {})}
        self._mean, self._std = (
            torch.tensor(told[name], dtype=torch.float32, device=self.device)[:, None, None]
            for name in IMAGENET
        )
        self.size = size or _short_side(told.get("size"))
        self.min_confidence = min_confidence
        labels = {int(i): str(name) for i, name in net.config.id2label.items()}
        is_coco = set(labels.values()) <= CATEGORY_IDS.keys()
        self._ids = {i: CATEGORY_IDS[name] if is_coco else i + 1 for i, name in labels.items()}
        self.class_names = {self._ids[i]: name for i, name in labels.items()}
        self.description = {
            "detector": "transformers",
            **(description or {}),
            "size": self.size,
            "min_confidence": min_confidence,
        }

    @classmethod
    def load(
        cls,
        weights: str | Path = "default",
        device: str = "auto",
        size: int | None = None,
        min_confidence: float = 0.3,
    ) -> "TransformersDetector":
        """A model that lies in a folder, or that transformers fetches from its hub.

        Args:
            weights: the folder, or a name on the hub.
            device: "auto", "cpu", "cuda" or "mps".
            size: working size, short side in pixels; the model's own if None.
            min_confidence: what is less certain is not reported.

        Raises:
            UsageError: no name, transformers is not installed, or an unknown device.
            WeightsError: no such model, or one of another kind.
        """
        if str(weights) == "default":
            raise UsageError(
                f"`weights`: the detector transformers has none of its own; name a model of the "
                f"hub, as {EXAMPLE}, or a folder that holds one"
            )
        if size is not None:
            require_working_size(size)
        library = _library()
        try:
            net = library.AutoModelForUniversalSegmentation.from_pretrained(str(weights))
        except (OSError, ValueError) as error:
            raise WeightsError(
                f"weights {weights}: no instance segmentation model that transformers can load, as "
                f"{EXAMPLE} is one: {error!s:.300}"
            ) from error
        about = {
            "preset": net.config.model_type,
            "weights": str(weights),
            "revision": getattr(net.config, "_commit_hash", None) or "",
            "weights_licence": "the model's own, see where it comes from",
        }
        told = _preparation(library, str(weights))
        return cls(net, told, size, min_confidence, choose_device(device), about)

    @torch.no_grad()
    def __call__(self, frame: Frame) -> Detections:
        """The instances of a frame, the most confident first."""
        images, size = for_detector(frame.image.to(self.device), self.size)
        there = torch.zeros(images.shape[-2:], dtype=torch.long, device=self.device)
        there[: size[0], : size[1]] = 1
        pixels = (images - self._mean) / self._std * there
        classes, masks = queries_of(self.net(pixel_values=pixels, pixel_mask=there[None]))
        whole = bilinear(masks, (images.shape[-2], images.shape[-1]))
        shown = bilinear(whole[..., : size[0], : size[1]], frame.size)[0]
        planes, labels, confidence = chosen(classes[0], shown, self.min_confidence)
        ids = [self._ids[label] for label in labels.tolist()]
        return Detections.of_masks(
            planes.numpy(force=True), ids, confidence.double().numpy(force=True)
        )


def queries_of(answer: Any) -> tuple[Tensor, Tensor]:
    """(B, Q, classes + 1) and (B, Q, h, w) logits of a model's answer; the last class is none.

    Raises:
        WeightsError: the model answers otherwise.
    """
    for names in _ANSWERS:
        if all(getattr(answer, name, None) is not None for name in names):
            classes, masks = (getattr(answer, name) for name in names)
            return classes.float(), masks.float()
    raise WeightsError(
        f"{type(answer).__name__} has no queries with masks, as Mask2Former, MaskFormer and DETR "
        "have; take one of these"
    )


def chosen(classes: Tensor, masks: Tensor, min_confidence: float) -> tuple[Tensor, Tensor, Tensor]:
    """(N, H, W) bool, (N,) labels and (N,) confidences of what is found, the most confident first.

    A query's confidence is the probability of its class times the mean probability inside its mask,
    as in Mask2Former.

    Args:
        classes: (Q, C + 1) logits.
        masks: (Q, H, W) logits.
        min_confidence: what is less certain is left out.
    """
    best, labels = classes.softmax(-1)[:, :-1].max(-1)
    inside = masks > 0
    areas = inside.sum((1, 2))
    quality = (masks.sigmoid() * inside).sum((1, 2)) / areas.clamp_min(1)
    confidence = best * quality
    kept = ((confidence >= min_confidence) & (areas > 0)).nonzero()[:, 0]
    kept = kept[confidence[kept].argsort(descending=True, stable=True)]
    return inside[kept], labels[kept], confidence[kept].clamp(0, 1)


def _short_side(size: Any) -> int:
    """Of a size as in a model's files: a number, {"shortest_edge"} or {"height", "width"}."""
    if isinstance(size, Mapping):
        sides = [side for name, side in size.items() if name != "longest_edge" and side]
        return int(min(sides, default=SIZE))
    return int(size or SIZE)


def _preparation(library: Any, weights: str) -> Mapping[str, Any]:
    """How the model's pictures are prepared; empty where its files do not say."""
    processing = import_module(f"{library.__name__}.image_processing_base")
    try:
        told, _ = processing.ImageProcessingMixin.get_image_processor_dict(weights)
    except OSError:
        return {}
    return told


def _library() -> Any:
    try:
        return import_module("transformers")
    except ImportError as error:
        raise UsageError(
            f"transformers cannot be imported ({error}): pip install 'propago[transformers]'"
        ) from error
