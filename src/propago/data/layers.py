"""Layers of a rendered clip: cut-outs that move over a background, composited back to front."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from propago.data.augment import blend, relight
from propago.data.motion import Bend, Path, affine, sampling_map


@dataclass(frozen=True)
class Part:
    """A cut-out that moves with its object, and may swing about a joint.

    Attributes:
        rgba: (h, w, 4) uint8; the last channel is coverage, which vanishes on the border.
        offset: (3, 3) from the part's coordinates (origin at its centre) to the object's.
        joint_px: (x, y) in the part's coordinates about which it swings.
        swing_rad: amplitude of the swing.
        rate: radians a frame.
        phase: radians at time 0.
    """

    rgba: np.ndarray
    offset: np.ndarray
    joint_px: tuple[float, float] = (0.0, 0.0)
    swing_rad: float = 0.0
    rate: float = 0.0
    phase: float = 0.0

    def placement(self, t: float) -> np.ndarray:
        """(3, 3) from the part's coordinates to the object's at time `t`."""
        x, y = self.joint_px
        angle_rad = self.swing_rad * np.sin(self.rate * t + self.phase)
        return self.offset @ affine(x, y, angle_rad) @ affine(-x, -y)


@dataclass(frozen=True)
class Layer:
    """One thing that moves.

    Attributes:
        parts: drawn in order.
        path: where its centre goes.
        label: id in the label map; 0 for what is not annotated.
        bend: deformation of its parts, or None.
        shadow: opacity of the shadow it casts, 0 for none.
        blur_px: length of the motion blur along x and y, (0, 0) for none.
    """

    parts: tuple[Part, ...]
    path: Path
    label: int
    bend: Bend | None = None
    shadow: float = 0.0
    blur_px: tuple[float, float] = (0.0, 0.0)


def render(
    shape: tuple[int, int, int],
    canvas: np.ndarray,
    camera: Path,
    layers: Sequence[Layer],
    sway: Bend | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Images (T, H, W, 3) and labels (T, H, W), both uint8, of a clip of `shape` (T, H, W)."""
    images, labels = np.empty((*shape, 3), np.uint8), np.zeros(shape, np.uint8)
    for t, (image, label) in enumerate(zip(images, labels, strict=True)):
        view = camera.placement(t)
        draw_backdrop(image, canvas, view, sway, t)
        for layer in layers:
            draw_layer(image, label, layer, view, t)
    return images, labels


def draw_layer(
    image: np.ndarray, labels: np.ndarray, layer: Layer, camera: np.ndarray, t: float
) -> None:
    """Composite `layer` at time `t` into an image and its labels, in place.

    Args:
        image: (H, W, 3) uint8 RGB.
        labels: (H, W) uint8.
        layer: what to draw.
        camera: (3, 3) from the scene to the frame.
        t: time in frames.
    """
    body = camera @ layer.path.placement(t)
    blur_px = float(np.hypot(*layer.blur_px))
    placed = [(part.rgba, body @ part.placement(t)) for part in layer.parts]
    pieces = [
        sample_cut_out(rgba, placement, labels.shape, bend=layer.bend, margin_px=blur_px, t=t)
        for rgba, placement in placed
    ]
    shown = [piece for piece in pieces if piece is not None]
    if layer.shadow:
        for (x0, y0, _, _), rgba in shown:
            _cast_shadow(image, rgba[..., 3], (x0, y0), layer.shadow)
    for box, rgba in shown:
        x0, y0, x1, y1 = box
        labels[y0:y1, x0:x1][rgba[..., 3] > 127] = layer.label
        composite(image, box, _motion_blur(rgba, layer.blur_px))


def composite(image: np.ndarray, box: tuple[int, int, int, int], rgba: np.ndarray) -> None:
    """Blend a sampled cut-out into its box (x0, y0, x1, y1) of an image, in place."""
    x0, y0, x1, y1 = box
    coverage = rgba[..., 3] * np.float32(1 / 255)
    colour = cv2.cvtColor(rgba, cv2.COLOR_RGBA2RGB)
    image[y0:y1, x0:x1] = blend(colour, image[y0:y1, x0:x1], coverage)


def draw_backdrop(
    image: np.ndarray, canvas: np.ndarray, camera: np.ndarray, bend: Bend | None, t: float
) -> None:
    """Fill an image with the canvas behind a scene, whose middle is the scene's origin.

    Args:
        image: (H, W, 3) uint8 RGB, overwritten.
        canvas: (h, w, 3) uint8 RGB; reflected where the camera looks past its border.
        camera: (3, 3) from the scene to the frame.
        bend: deformation in the scene's coordinates, or None.
        t: time in frames.
    """
    h, w = image.shape[:2]
    middle = (canvas.shape[1] - 1) / 2, (canvas.shape[0] - 1) / 2
    if bend is None:
        to_frame = camera @ affine(-middle[0], -middle[1])
        image[:] = cv2.warpAffine(canvas, to_frame[:2], (w, h), borderMode=cv2.BORDER_REFLECT_101)
        return
    map_x, map_y = sampling_map(np.linalg.inv(camera), (0, 0, w, h), bend, t)
    map_x += middle[0]
    map_y += middle[1]
    image[:] = cv2.remap(canvas, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)


def sample_cut_out(
    rgba: np.ndarray,
    placement: np.ndarray,
    size: tuple[int, ...],
    *,
    bend: Bend | None = None,
    margin_px: float = 0.0,
    t: float = 0.0,
) -> tuple[tuple[int, int, int, int], np.ndarray] | None:
    """A cut-out as seen in its box of the frame; None where it is out of sight.

    Args:
        rgba: (h, w, 4) uint8, whose coverage vanishes on the border.
        placement: (3, 3) from its own coordinates (origin at its centre) to the frame.
        size: (H, W) of the frame.
        bend: deformation in its own coordinates, or None.
        margin_px: room to leave around it, for blur.
        t: time in frames.

    Returns:
        the box (x0, y0, x1, y1) in frame pixels and the (y1 - y0, x1 - x0, 4) uint8 pixels in it.
    """
    slack_px = 0.0 if bend is None else float(np.abs(bend.amplitude_px).sum())
    own_h, own_w = rgba.shape[:2]
    right, down = own_w / 2 + slack_px, own_h / 2 + slack_px
    corners = placement @ np.array(
        [[-right, right, right, -right], [-down, -down, down, down], [1, 1, 1, 1]]
    )
    low, high = corners[:2].min(1) - margin_px, corners[:2].max(1) + margin_px
    x0, y0 = np.maximum(np.floor(low), 0).astype(int).tolist()
    x1, y1 = np.minimum(np.ceil(high), size[::-1]).astype(int).tolist()
    if x1 - x0 < 2 or y1 - y0 < 2:
        return None
    map_x, map_y = sampling_map(np.linalg.inv(placement), (x0, y0, x1, y1), bend, t)
    map_x += (own_w - 1) / 2
    map_y += (own_h - 1) / 2
    seen = cv2.remap(rgba, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return (x0, y0, x1, y1), seen


def _motion_blur(rgba: np.ndarray, blur_px: tuple[float, float]) -> np.ndarray:
    length = int(np.hypot(*blur_px))
    if length < 2:
        return rgba
    size = length | 1
    kernel = np.zeros((size, size), np.float32)
    middle = size // 2
    step = np.array(blur_px) / np.hypot(*blur_px) * middle
    ends = np.round([middle - step, middle + step]).astype(int)
    cv2.line(kernel, ends[0].tolist(), ends[1].tolist(), 1.0)
    return cv2.filter2D(rgba, -1, kernel / kernel.sum())


def _cast_shadow(
    image: np.ndarray, coverage: np.ndarray, corner: tuple[int, int], opacity: float
) -> None:
    """Darken the image below and to the right of a covered region."""
    h, w = coverage.shape
    x0, y0 = corner[0] + w // 12, corner[1] + h // 8
    target = image[y0 : y0 + h, x0 : x0 + w]
    if target.size == 0:
        return
    soft = cv2.blur(coverage, (2 * (w // 16) + 3, 2 * (h // 16) + 3))[
        : target.shape[0], : target.shape[1]
    ]
    keep = 1 - soft.astype(np.float32) * (opacity / 255)
    target[:] = relight(target, keep)
