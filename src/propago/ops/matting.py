"""Alpha along the edges of a picture, from a mask that is right but for a band at its edge.

Source: Levin, Lischinski, Weiss, "A Closed-Form Solution to Natural Image Matting", CVPR 2006 and
PAMI 2008, equations 12 and 14. Beyond it: only the band is solved for, and the mask is a weak prior
there, so that what is thinner than the band does not vanish.
"""

import cv2
import numpy as np
from scipy import sparse
from scipy.sparse.linalg import cg

EPSILON = 1e-6
"""Of the covariance of a window's colours, as in the authors' code."""
PRIOR = 0.01
"""Weight of the mask within the band; a window that colours explain has eigenvalues about 1."""
PRECISION = 1e-3
ITERATIONS = 300
_SIDE = 3
_PIXELS = _SIDE * _SIDE


def closed_form_alpha(rgb: np.ndarray, alpha: np.ndarray, edge_px: int = 4) -> np.ndarray:
    """Alpha that follows the colours of a picture within `edge_px` of a mask's edge.

    In a window of 3 by 3 pixels alpha is taken to be linear in the colour. Farther from the edge
    than `edge_px` it is 1 inside and 0 outside.

    Args:
        rgb: (H, W, 3) uint8.
        alpha: (H, W) in [0, 1]: a mask, or soft; its edge is where it is a half.
        edge_px: how far from the edge it may be wrong.

    Returns:
        (H, W) float32 in [0, 1].
    """
    unknown, inside = _band(alpha, edge_px)
    result = inside.astype(np.float32)
    rows, columns = np.nonzero(unknown)
    if not len(rows) or min(alpha.shape) < _SIDE:
        return result
    box = tuple(slice(max(at.min() - 2, 0), at.max() + 3) for at in (rows, columns))
    here = unknown[box]
    laplacian = matting_laplacian(rgb[box].astype(np.float64) / 255, here)
    solved, known = np.flatnonzero(here), np.flatnonzero(~here)
    prior = alpha[box].ravel()[solved].astype(np.float64)
    own = laplacian[solved]
    left = own[:, solved] + PRIOR * sparse.identity(len(solved))
    right = PRIOR * prior - own[:, known] @ result[box].ravel()[known]
    scale = sparse.diags_array(1 / left.diagonal())
    found, _ = cg(left, right, x0=prior, rtol=PRECISION, maxiter=ITERATIONS, M=scale)
    result[unknown] = found.clip(0, 1)
    return result


def matting_laplacian(image: np.ndarray, wanted: np.ndarray) -> sparse.csr_array:
    """The Laplacian of equation 12, summed over the windows that hold a pixel that is wanted.

    Args:
        image: (H, W, 3) floats in [0, 1], three rows and columns at least.
        wanted: (H, W) bool; rows of other pixels are not complete.

    Returns:
        (H W, H W), symmetric; its rows sum to 0.
    """
    height, width, _ = image.shape
    places = np.arange(height * width).reshape(height, width)
    centres = cv2.dilate(wanted.astype(np.uint8), np.ones((_SIDE, _SIDE), np.uint8))[1:-1, 1:-1] > 0
    windows = np.lib.stride_tricks.sliding_window_view(places, (_SIDE, _SIDE))[centres]
    windows = windows.reshape(-1, _PIXELS)
    colours = image.reshape(-1, 3)[windows]
    off = colours - colours.mean(1, keepdims=True)
    covariance = np.einsum("kni,knj->kij", off, off) / _PIXELS
    inverse = np.linalg.inv(covariance + EPSILON / _PIXELS * np.eye(3))
    likeness = np.einsum("kni,kij,kmj->knm", off, inverse, off)
    values = np.eye(_PIXELS) - (1 + likeness) / _PIXELS
    rows = np.repeat(windows, _PIXELS, axis=1).ravel()
    columns = np.tile(windows, (1, _PIXELS)).ravel()
    size = (height * width, height * width)
    return sparse.coo_array((values.ravel(), (rows, columns)), size).tocsr()


def _band(alpha: np.ndarray, edge_px: int) -> tuple[np.ndarray, np.ndarray]:
    """What lies within `edge_px` of the edge, and what is inside; the frame's rim is no edge."""
    inside = (alpha > 0.5).astype(np.uint8)
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * edge_px + 1, 2 * edge_px + 1))
    core = cv2.erode(inside, disk, borderType=cv2.BORDER_REPLICATE)
    reach = cv2.dilate(inside, disk, borderType=cv2.BORDER_REPLICATE)
    return (core == 0) & (reach > 0), inside > 0
