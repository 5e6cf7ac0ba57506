"""The spatial propagation network on one picture, without a video around it: `propago.refine`."""

from functools import lru_cache
from pathlib import Path
from typing import TypeVar, cast

import numpy as np
from torch import Tensor

from propago.io.soft_masks import as_probabilities
from propago.ops.image import as_image
from propago.refinement.spn.run import Spn
from propago.refinement.spn.settings import SpnSettings

Planes = TypeVar("Planes", Tensor, np.ndarray)


def refine(
    image: Tensor | np.ndarray,
    scores: Planes,
    *,
    weights: str | Path = "default",
    device: str = "auto",
    settings: SpnSettings | None = None,
) -> Planes:
    """Sharpen the scores of one picture along its edges, each object by itself.

    Args:
        image: (3, H, W) RGB in [0, 1] of any floating type, or an (H, W, 3) uint8 RGB array.
        scores: (K, H, W), or (H, W) of one object: floats in [0, 1] of any type, or bool.
        weights: "default", or a safetensors file that `propago train` wrote. They are read once.
        device: auto, cpu, cuda or mps.
        settings: where the network works.

    Returns:
        float32 in [0, 1], of the shape and kind of `scores`.

    Raises:
        ShapeError: the image is of another shape, type or range, or of another size than the
            scores.
        MaskError: scores that are not numbers in [0, 1].
        WeightsError: no such weights.
    """
    if isinstance(scores, Tensor):
        plain = scores.float() if scores.is_floating_point() else scores  # numpy has no bfloat16
        planes = as_probabilities(plain.numpy(force=True))
    else:
        planes = as_probabilities(np.asarray(scores))
    rows = planes[None] if planes.ndim == 2 else planes
    spn = Spn(_loaded(weights, device).net, settings)
    refined = spn.refine(as_image(image), rows).reshape(planes.shape)
    same = refined.to(scores.device) if isinstance(scores, Tensor) else refined.numpy(force=True)
    return cast(Planes, same)


@lru_cache(maxsize=2)
def _loaded(weights: str | Path, device: str) -> Spn:
    return Spn.load(weights, device=device)
