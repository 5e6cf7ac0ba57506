"""The demo scene: a ball, a van and a parrot cross a meadow and hide one another."""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from demo_scene import sprites
from demo_scene.scenery import Scenery, ground_shift, paint_scenery
from propago.data.augment import relight
from propago.data.layers import composite, sample_cut_out
from propago.data.motion import affine
from propago.errors import UsageError

BALL, VAN, PARROT = 1, 2, 3
"""The object ids of the scene."""

_BALL_ROW, _VAN_ROW = 0.86, 0.735
_SMALLEST = (96, 128)


@dataclass(frozen=True)
class _Cast:
    """The sprites of the scene at their final size."""

    ball: np.ndarray
    ball_light: np.ndarray
    van: np.ndarray
    wheel: np.ndarray
    parrot: np.ndarray
    near_wing: np.ndarray
    far_wing: np.ndarray


def demo_scene(
    size: tuple[int, int] = (480, 854), frames: int = 60, seed: int = 0
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Render the demo scene, frame by frame.

    A ball bounces to the right, a van drives to the left behind it, a parrot swoops between the
    two, while the camera pans. All three are in sight in the first and in the last frame, and
    each pair overlaps on the way.

    Args:
        size: (H, W) in pixels, at least (96, 128).
        frames: how many; the same story is told faster in fewer.
        seed: another seed is another day: other clouds, hills and trees.

    Yields:
        image (H, W, 3) uint8 RGB and labels (H, W) uint8: 0 background, 1 ball, 2 van, 3 parrot.

    Raises:
        UsageError: the size is too small or no frame is asked for.
    """
    if size[0] < _SMALLEST[0] or size[1] < _SMALLEST[1] or frames < 1:
        raise UsageError(
            f"the demo scene needs size >= {_SMALLEST} (height, width) and frames >= 1; "
            f"these are {tuple(size)} and {frames}"
        )
    return _frames(size, frames, seed)


def _frames(
    size: tuple[int, int], frames: int, seed: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    scenery = paint_scenery(np.random.default_rng(seed), size)
    cast = _assemble(size)
    for t in range(frames):
        yield _render(scenery, cast, t / max(frames - 1, 1))


def _assemble(size: tuple[int, int]) -> _Cast:
    h, w = size
    unit = min(h, w * 480 / 854)
    ball, van, parrot = (max(round(share * unit), 8) for share in (0.24, 0.62, 0.46))
    return _Cast(
        ball=sprites.ball_pattern(ball),
        ball_light=sprites.ball_shading(ball),
        van=sprites.van_body(van),
        wheel=sprites.van_wheel(round(0.17 * van)),
        parrot=sprites.parrot_body(parrot),
        near_wing=sprites.parrot_wing(round(0.62 * parrot), 1.0),
        far_wing=sprites.parrot_wing(round(0.56 * parrot), 0.72),
    )


def _render(scenery: Scenery, cast: _Cast, u: float) -> tuple[np.ndarray, np.ndarray]:
    """The scene at story time u in 0..1."""
    h, w = scenery.size
    image = np.empty((h, w, 3), np.uint8)
    labels = np.zeros((h, w), np.uint8)
    pan_px = (u - 0.5) * 0.2 * w
    scenery.draw(image, pan_px)
    van_px, ball_px, parrot_px = _van_at(u, (h, w)), _ball_at(u, (h, w)), _parrot_at(u, (h, w))
    _shade_ground(image, (van_px[0], _VAN_ROW * h), 0.5 * cast.van.shape[1], 0.5)
    _shade_ground(image, (parrot_px[0], 0.82 * h), 0.28 * cast.parrot.shape[1], 0.22)
    height = (_BALL_ROW * h - ball_px[1]) / h
    _shade_ground(
        image, (ball_px[0], (_BALL_ROW + 0.1) * h), 0.5 * cast.ball.shape[1], 0.5 - height
    )
    _draw_van(image, labels, cast, van_px, ground_shift(_VAN_ROW, pan_px, (h, w)))
    _draw_parrot(image, labels, cast, parrot_px, u)
    _draw_ball(image, labels, cast, ball_px, ground_shift(_BALL_ROW, pan_px, (h, w)))
    return image, labels


def _van_at(u: float, size: tuple[int, int]) -> tuple[float, float]:
    """Middle of the van's body: it drives to the left and rocks a little."""
    h, w = size
    return (0.8 - 0.6 * u) * w, (_VAN_ROW - 0.105 + 0.004 * np.sin(40 * u)) * h


def _ball_at(u: float, size: tuple[int, int]) -> tuple[float, float]:
    """Middle of the ball: three bounces to the right, each lower."""
    h, w = size
    bounce, phase = divmod(2.7 * u + 0.15, 1.0)
    height = 0.4 * 0.72**bounce * 4 * phase * (1 - phase)
    return (0.1 + 0.76 * u) * w, (_BALL_ROW - height) * h


def _parrot_at(u: float, size: tuple[int, int]) -> tuple[float, float]:
    """Middle of the parrot: it swoops from the upper right down to the road and up again."""
    h, w = size
    dive = np.exp(-(((u - 0.5) / 0.2) ** 2))
    return (0.62 - 0.3 * u + 0.06 * np.sin(5 * u)) * w, (0.27 + 0.27 * dive) * h


def _draw_van(
    image: np.ndarray,
    labels: np.ndarray,
    cast: _Cast,
    at_px: tuple[float, float],
    ground_px: float,
) -> None:
    length = cast.van.shape[1]
    turned_rad = (at_px[0] + ground_px) / (cast.wheel.shape[0] / 2)
    _put(image, labels, cast.van, affine(*at_px), VAN)
    for place in sprites.VAN_WHEELS:
        x, y = at_px[0] + (place - 0.5) * length, at_px[1] + (0.42 - 0.25) * length
        _put(image, labels, cast.wheel, affine(x, y, turned_rad), VAN)


def _draw_parrot(
    image: np.ndarray, labels: np.ndarray, cast: _Cast, at_px: tuple[float, float], u: float
) -> None:
    tilt_rad = 0.5 * (u - 0.5) * np.exp(-(((u - 0.5) / 0.3) ** 2)) * 4
    body = affine(*at_px, tilt_rad)
    beat = np.sin(2 * np.pi * 5 * u + 0.9)
    shoulder = affine(-0.06 * cast.parrot.shape[1], -0.07 * cast.parrot.shape[0])
    _put(image, labels, cast.far_wing, body @ shoulder @ _wing(cast.far_wing, beat, 0.1), PARROT)
    _put(image, labels, cast.parrot, body, PARROT)
    _put(image, labels, cast.near_wing, body @ shoulder @ _wing(cast.near_wing, beat, 0.35), PARROT)


def _wing(sprite: np.ndarray, beat: float, lean: float) -> np.ndarray:
    """(3, 3) of a wing about its shoulder: foreshortened as it beats, never edge-on."""
    raised = 0.25 + 0.75 * beat
    raised = raised if abs(raised) > 0.15 else float(np.copysign(0.15, raised))
    fold = np.array([[1, -lean, 0], [0, raised, 0], [0, 0, 1.0]])
    return fold @ affine(0, -0.46 * sprite.shape[0])


def _draw_ball(
    image: np.ndarray,
    labels: np.ndarray,
    cast: _Cast,
    at_px: tuple[float, float],
    ground_px: float,
) -> None:
    """Roll the pattern, then light it: the light stays where it is."""
    side = cast.ball.shape[0]
    turned_rad = (at_px[0] + ground_px) / (side / 2)
    middle = (side - 1) / 2
    roll = affine(middle, middle, turned_rad) @ affine(-middle, -middle)
    rolled = cv2.warpAffine(cast.ball, roll[:2], (side, side), borderMode=cv2.BORDER_REPLICATE)
    lit = relight(cv2.cvtColor(rolled, cv2.COLOR_RGBA2RGB), cast.ball_light)
    _put(image, labels, np.dstack([lit, rolled[..., 3]]), affine(*at_px), BALL)


def _put(
    image: np.ndarray, labels: np.ndarray, rgba: np.ndarray, placement: np.ndarray, label: int
) -> None:
    seen = sample_cut_out(rgba, placement, labels.shape)
    if seen is None:
        return
    (x0, y0, x1, y1), pixels = seen
    labels[y0:y1, x0:x1][pixels[..., 3] > 127] = label
    composite(image, (x0, y0, x1, y1), pixels)


def _shade_ground(
    image: np.ndarray, at_px: tuple[float, float], radius_px: float, opacity: float
) -> None:
    """A soft flat shadow on the ground."""
    reach = int(1.5 * radius_px)
    x0, x1 = max(int(at_px[0]) - reach, 0), min(int(at_px[0]) + reach, image.shape[1])
    low = max(reach // 4, 2)
    y0, y1 = max(int(at_px[1]) - low, 0), min(int(at_px[1]) + low, image.shape[0])
    if x1 <= x0 or y1 <= y0:
        return
    x = (np.arange(x0, x1, dtype=np.float32) - at_px[0]) / radius_px
    y = (np.arange(y0, y1, dtype=np.float32) - at_px[1]) / (0.16 * radius_px)
    dark = np.exp(-((x[None, :] ** 2 + y[:, None] ** 2) ** 2))
    image[y0:y1, x0:x1] = relight(image[y0:y1, x0:x1], 1 - max(opacity, 0.05) * dark)
