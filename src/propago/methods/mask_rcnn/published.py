"""torchvision's published Mask R-CNN weights, under our names."""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError

import torch
from torch import Tensor

from propago.errors import WeightsError
from propago.nn.mask_rcnn import MaskRcnn
from propago.nn.published import FOLDER

PUBLISHED = FOLDER + "maskrcnn_resnet50_fpn_coco-bf2d0c1e.pth"
"""Where the file lies. Nothing is fetched from there by propago."""

_NAMES = (
    (r"backbone\.body\.", "encoder."),
    (r"backbone\.fpn\.inner_blocks\.(\d)\.(?:0\.)?", r"fpn.inner.\1."),
    (r"backbone\.fpn\.layer_blocks\.(\d)\.(?:0\.)?", r"fpn.layer.\1."),
    (r"rpn\.head\.conv\.(?:0\.0\.)?", "rpn.hidden.0."),
    (r"rpn\.head\.cls_logits\.", "rpn.logits."),
    (r"rpn\.head\.bbox_pred\.", "rpn.offsets."),
    (r"roi_heads\.box_head\.fc6\.", "box_head.first."),
    (r"roi_heads\.box_head\.fc7\.", "box_head.second."),
    (r"roi_heads\.box_predictor\.cls_score\.", "box_head.logits."),
    (r"roi_heads\.box_predictor\.bbox_pred\.", "box_head.offsets."),
    (r"roi_heads\.mask_head\.mask_fcn([1-4])\.", None),
    (r"roi_heads\.mask_head\.([0-3])\.0\.", r"mask_head.body.\1.0."),
    (r"roi_heads\.mask_predictor\.conv5_mask\.", "mask_head.up."),
    (r"roi_heads\.mask_predictor\.mask_fcn_logits\.", "mask_head.logits."),
)
"""Beginnings of torchvision's names, older ones among them, and of ours."""


def our_name(name: str) -> str:
    """Our name of a tensor that torchvision calls `name`.

    Raises:
        WeightsError: it has no tensor of that name.
    """
    for pattern, ours in _NAMES:
        found = re.match(pattern, name)
        if found:
            start = f"mask_head.body.{int(found[1]) - 1}.0." if ours is None else found.expand(ours)
            return start + name[found.end() :]
    raise WeightsError(f"{name} is no tensor of torchvision's maskrcnn_resnet50_fpn ({PUBLISHED})")


def fill_published(net: MaskRcnn, tensors: Mapping[str, Tensor]) -> None:
    """Put torchvision's tensors into a network of the paper preset.

    Raises:
        WeightsError: a name or shape does not fit.
    """
    try:
        net.load_state_dict({our_name(name): tensor for name, tensor in tensors.items()})
    except RuntimeError as error:
        raise WeightsError(
            f"these are not the weights of {PUBLISHED}, or the preset is not paper: {error!s:.400}"
        ) from error


def load_published(net: MaskRcnn, file: Path) -> dict[str, str]:
    """Fill a network of the paper preset from the file, and tell what a run's record says of it.

    Raises:
        WeightsError: the file cannot be read, or is of another network.
    """
    try:
        tensors = torch.load(file, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, UnpicklingError) as error:
        raise WeightsError(
            f"weights {file}: no readable file of PyTorch; fetch {PUBLISHED} ({error!s:.200})"
        ) from error
    if not isinstance(tensors, Mapping) or not all(isinstance(t, Tensor) for t in tensors.values()):
        raise WeightsError(f"weights {file} hold other things than tensors; fetch {PUBLISHED}")
    fill_published(net, tensors)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    return {
        "preset": "paper",
        "weights": file.name,
        "weights_sha256": digest,
        "weights_licence": "BSD-3-Clause (torchvision); COCO's terms",
    }
