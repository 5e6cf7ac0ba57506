"""Dense optical flow between two frames, and warping along it.

Convention: flow is (2, H, W), x then y, in pixels. The flow *now -> before* says where each pixel
of the present frame was; sampling the previous frame there carries it to the present.
"""

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor


def dis_flow(now: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Flow *now -> before* by dense inverse search (Kroeger et al. 2016, OpenCV's fast preset).

    Args:
        now: (H, W) uint8 grey image.
        before: (H, W) uint8 grey image.

    Returns:
        (2, H, W) float32, x then y, pixels. Zero where an image is too small for the method.
    """
    if min(now.shape) < 16:
        return np.zeros((2, *now.shape), np.float32)
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    found = search.calc(now, before, np.empty(0))  # an empty start: none is known
    return np.ascontiguousarray(found.transpose(2, 0, 1))


def grey(image: Tensor) -> np.ndarray:
    """(H, W) uint8 luma (BT.601) of a (3, H, W) RGB image in [0, 1]."""
    weights = image.new_tensor([0.299, 0.587, 0.114]).view(3, 1, 1)
    return (image * weights).sum(0).mul(255).round().clamp(0, 255).byte().numpy(force=True)


def warp(x: Tensor, flow: Tensor) -> Tensor:
    """Sample `x` (B, C, H, W) bilinearly at each pixel plus `flow` (B, 2, H, W).

    Outside the image the nearest border pixel is read.
    """
    height, width = x.shape[-2:]
    ys, xs = torch.meshgrid(
        torch.arange(height, dtype=flow.dtype, device=flow.device),
        torch.arange(width, dtype=flow.dtype, device=flow.device),
        indexing="ij",
    )
    u = (xs + flow[:, 0] + 0.5) * (2 / width) - 1
    v = (ys + flow[:, 1] + 0.5) * (2 / height) - 1
    grid = torch.stack([u, v], -1)
    return F.grid_sample(x, grid, mode="bilinear", padding_mode="border", align_corners=False)
