"""Coarse masks made from true ones: what a network that sharpens masks learns to mend.

Masks are (H, W) uint8, 0 or 1; coarse masks (H, W) float32 in [0, 1]. They resemble what real
predictors give: label maps of low resolution, polygons, uneven outlines, soft and displaced scores.
"""

import cv2
import numpy as np

_FAR_PX = 64.0
"""Distances to an outline beyond this do not matter."""


def draw_coarse(rng: np.random.Generator, mask: np.ndarray) -> np.ndarray:
    """One of the kinds of this file at random; at times the mask itself, or almost."""
    kind = rng.random()
    if kind < 0.32:
        factor = int(rng.choice([4, 6, 8, 8, 8, 12, 16]))
        grid, sample = rng.integers(factor, size=2), rng.integers(factor, size=2)
        corner = rng.random() < 0.4
        return blocks(mask, factor, tuple(grid), (0, 0) if corner else tuple(sample))
    if kind < 0.40:
        coarse = low_resolution(mask, rng.uniform(4, 16)).clip(0, 1)
        return (coarse > 0.5).astype(np.float32) if rng.random() < 0.5 else coarse
    if kind < 0.55:
        cell_px, most_px = rng.uniform(5, 40), rng.uniform(1, 6)
        return uneven(rng, mask, cell_px, most_px, rng.normal(0, 2.5))
    if kind < 0.68:
        return simplified(mask, rng.uniform(1, 10))
    if kind < 0.84:
        return soft(rng, mask)
    if kind < 0.90:
        return uneven(rng, mask, rng.uniform(5, 40), rng.uniform(0, 1))
    return mask.astype(np.float32)


def blocks(
    mask: np.ndarray,
    factor: int,
    grid: tuple[int, ...] = (0, 0),
    sample: tuple[int, ...] = (0, 0),
) -> np.ndarray:
    """Nearest-neighbour down- and up-sampling by `factor`.

    Args:
        mask: what becomes coarse.
        factor: side of a block in pixels.
        grid: rows and columns of the first block that lie outside the picture.
        sample: row and column, within its block, of the pixel that decides.
    """
    height, width = mask.shape
    padded = np.pad(mask, [(shift, 2 * factor) for shift in grid], mode="edge")
    few = padded[sample[0] :: factor, sample[1] :: factor]
    many = few.repeat(factor, 0).repeat(factor, 1)
    cut = many[grid[0] : grid[0] + height, grid[1] : grid[1] + width]
    return np.ascontiguousarray(cut, np.float32)


def low_resolution(values: np.ndarray, factor: float) -> np.ndarray:
    """(H, W) `values` averaged down by `factor`, bilinearly up again, exact to float32."""
    height, width = values.shape
    few = (max(round(width / factor), 1), max(round(height / factor), 1))
    low = cv2.resize(values.astype(np.float32), few, interpolation=cv2.INTER_AREA)
    return cv2.resize(low, (width, height), interpolation=cv2.INTER_LINEAR)


def uneven(
    rng: np.random.Generator, mask: np.ndarray, cell_px: float, most_px: float, bias_px: float = 0
) -> np.ndarray:
    """Eroded here, dilated there.

    Args:
        rng: source of chance.
        mask: what becomes coarse.
        cell_px: distance over which erosion and dilation take turns.
        most_px: so far the outline moves, as a standard deviation.
        bias_px: it moves outwards by so much on average.
    """
    moved = _inwards_px(mask) + bias_px + most_px * _noise(rng, mask.shape, cell_px)
    return (moved > 0).astype(np.float32)


def simplified(mask: np.ndarray, tolerance_px: float) -> np.ndarray:
    """Outlines as polygons that stray from them by at most `tolerance_px` (Douglas, Peucker)."""
    outlines, _ = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    polygons = [cv2.approxPolyDP(outline, tolerance_px, True) for outline in outlines]
    drawn = np.zeros(mask.shape, np.uint8)
    cv2.fillPoly(drawn, [polygon for polygon in polygons if len(polygon) > 2], 1)
    return drawn.astype(np.float32)


def soft(rng: np.random.Generator, mask: np.ndarray) -> np.ndarray:
    """Scores as a network at stride 2 of a shrunken frame gives them.

    Its outline is displaced, uneven and soft; where it is unsure, scores lie between 0 and 1. At
    times whole parts are missing or too much.
    """
    inwards = _inwards_px(mask) + rng.normal(0, 1.5)
    inwards = inwards + rng.uniform(0.3, 2.5) * _noise(rng, mask.shape, rng.uniform(5, 15))
    most_px = rng.uniform(0, rng.choice([6, 6, 25]))
    inwards = inwards + most_px * _noise(rng, mask.shape, rng.uniform(20, 60))
    softness_px = np.exp(rng.uniform(np.log(0.7), np.log(5)))
    shift = np.array([[1, 0, rng.normal(0, 1.5)], [0, 1, rng.normal(0, 1.5)]])
    inwards = cv2.warpAffine(
        inwards.astype(np.float32),
        shift,
        mask.shape[::-1],
        borderMode=cv2.BORDER_REPLICATE,
    )
    low = low_resolution(np.clip(inwards / softness_px, -8, 8), rng.choice([2, 3.5, 3.5, 7]))
    return (1 / (1 + np.exp(-low))).astype(np.float32)


def _inwards_px(mask: np.ndarray) -> np.ndarray:
    """(H, W) distance from the outline, positive inside, at most 64 pixels."""
    inside, outside = (cv2.distanceTransform(side, cv2.DIST_L2, 3) for side in (mask, 1 - mask))
    return np.minimum(inside, _FAR_PX) - np.minimum(outside, _FAR_PX) - np.where(mask, 0.5, -0.5)


def _noise(rng: np.random.Generator, size: tuple[int, ...], cell_px: float) -> np.ndarray:
    """(H, W) smooth noise of mean 0 and a standard deviation somewhat below 1."""
    few = [max(round(side / cell_px), 1) + 2 for side in size]
    values = rng.normal(size=few).astype(np.float32)
    return cv2.resize(values, (size[1], size[0]), interpolation=cv2.INTER_CUBIC)
