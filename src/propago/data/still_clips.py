"""Clips made from single images with masks: objects are cut out, moved and laid over a background.

Perazzi et al. 2017 (MaskTrack) and Oh et al. 2018 (RGMP) train on such clips before real video.
"""

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from propago.data.augment import degrade, jitter_colours
from propago.data.clips import Clip
from propago.data.cutouts import choose, cut_out, filled, instances, split
from propago.data.layers import Layer, Part, render
from propago.data.motion import affine, draw_bend, draw_path, draw_speed
from propago.data.objects import number_objects, visible_objects
from propago.data.stills import Still, read_still
from propago.errors import SourceError

_ATTEMPTS = 30
_SPLIT_CHANCE = 0.35
_APART_CHANCE = 0.4


class StillClips:
    """Clips from images with instance masks.

    The background is the image itself with the moving objects filled in, or another image; each
    object moves, turns, grows and bends on its own path; objects of a further image join in,
    labelled or not, in front or behind. Files are read when they are needed.
    """

    def __init__(
        self,
        stills: Sequence[Still],
        *,
        size: tuple[int, int],
        frames: int,
        max_objects: int = 3,
    ) -> None:
        """Draw clips of `size` (H, W) and `frames` frames with at most `max_objects` labels.

        Raises:
            SourceError: `stills` is empty.
        """
        if not stills:
            raise SourceError("stills: at least one image with a mask is needed, none came")
        self._stills = list(stills)
        self._size, self._frames, self._max_objects = size, frames, max_objects

    def sample(self, rng: np.random.Generator) -> Clip:
        """One clip, whose first frame shows at least one object."""
        for _ in range(_ATTEMPTS):
            images, labels = self._render(rng)
            if visible_objects(labels[0]):
                images = degrade(rng, jitter_colours(rng, images))
                return Clip(images, number_objects(rng, labels, self._max_objects))
        raise SourceError(f"no visible object in {_ATTEMPTS} clips; check the masks")

    def _render(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        h, w = self._size
        canvas, layers, focus_px = self._draw_scene(rng)
        turn_rad = rng.normal(0, 0.08)
        spare_px = np.maximum(np.array(canvas.shape[1::-1]) - (w, h), 0) / 2
        focus_px = np.clip(focus_px + rng.uniform(-0.22, 0.22, 2) * (w, h), -spare_px, spare_px)
        start_px = np.array([w, h]) / 2 - affine(0, 0, turn_rad)[:2, :2] @ focus_px
        speed_px = rng.choice([0.0, 0.005, 0.02]) * max(h, w) * rng.uniform(0.3, 1)
        start = np.array([*start_px, turn_rad, rng.uniform(0, 0.15)])
        camera = draw_path(rng, start, speed_px, spin=rng.choice([0.0, 0.002, 0.01]))
        sway = draw_bend(rng, max(h, w), 0.008) if rng.random() < 0.4 else None
        return render((self._frames, h, w), canvas, camera, layers, sway)

    def _draw_scene(self, rng: np.random.Generator) -> tuple[np.ndarray, list[Layer], np.ndarray]:
        """A backdrop, the layers in front of it, and the point (x, y) to look at."""
        image, ids = self._read(rng)
        chosen = choose(rng, ids, self._max_objects)
        if len(chosen) == 1 and self._max_objects > 1 and rng.random() < _SPLIT_CHANCE:
            ids = split(rng, ids, chosen[0])
            chosen = instances(ids)[: self._max_objects]
        cuts = [cut_out(image, (ids == i).astype(np.uint8)) for i in chosen]
        if rng.random() < 0.65 or not cuts:
            canvas = filled(image, np.isin(ids, chosen).astype(np.uint8))
            origin_px, zoom = np.array(ids.shape[::-1]) / 2, 0.0
        else:
            canvas, origin_px, zoom = self._empty_place(rng), cuts[0][1], rng.uniform(-0.6, 0.1)
        focus_px = cuts[0][1] - origin_px if cuts else np.zeros(2)
        layers = self._bodies(rng, cuts, origin_px, zoom)
        layers += self._strangers(rng, focus_px, first_label=len(layers) + 1)
        rng.shuffle(layers)
        return canvas, layers, focus_px

    def _bodies(
        self,
        rng: np.random.Generator,
        cuts: Sequence[tuple[np.ndarray, np.ndarray]],
        origin_px: np.ndarray,
        zoom: float,
    ) -> list[Layer]:
        """A layer for each cut-out; often all move as one, each swinging a little by itself."""
        starts = [np.array([*(centre_px - origin_px), 0.0, zoom]) for _, centre_px in cuts]
        layers = [
            self._moving(rng, rgba, start, label)
            for label, ((rgba, _), start) in enumerate(zip(cuts, starts, strict=True), 1)
        ]
        if len(cuts) < 2 or rng.random() < _APART_CHANCE:
            return layers
        return [
            _riding(rng, layer, layers[0], start - starts[0])
            for layer, start in zip(layers, starts, strict=True)
        ]

    def _empty_place(self, rng: np.random.Generator) -> np.ndarray:
        """The background of a random still, its instances filled in."""
        image, ids = self._read(rng)
        return filled(image, (ids > 0).astype(np.uint8))

    def _strangers(
        self, rng: np.random.Generator, near_px: np.ndarray, first_label: int
    ) -> list[Layer]:
        """Objects of another image, labelled or not, around a point."""
        if rng.random() < 0.45:
            return []
        image, ids = self._read(rng)
        strangers = []
        for chosen in rng.permutation(instances(ids))[: int(rng.integers(1, 3))]:
            rgba, _ = cut_out(image, (ids == chosen).astype(np.uint8))
            place_px = near_px + rng.uniform(-0.5, 0.5, 2) * self._size[::-1]
            label = first_label + len(strangers) if rng.random() < 0.6 else 0
            start = np.array([*place_px, rng.normal(0, 0.2), rng.uniform(-0.6, 0.1)])
            strangers.append(self._moving(rng, rgba, start, label))
        return strangers

    def _moving(
        self, rng: np.random.Generator, rgba: np.ndarray, start: np.ndarray, label: int
    ) -> Layer:
        """A layer of one cut-out on a random path from `start` (x, y, angle_rad, log_scale)."""
        side_px = max(rgba.shape[:2])
        path = draw_path(rng, start, draw_speed(rng, self._size), 0.03)
        strength = rng.choice([0.0, 0.01, 0.025])
        bend = draw_bend(rng, side_px, strength) if strength else None
        blurred = rng.random() < 0.2
        dx, dy = 0.6 * path.drift[:2] if blurred else (0.0, 0.0)
        return Layer((Part(rgba, np.eye(3)),), path, label, bend, blur_px=(dx, dy))

    def _read(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """A random still at a random scale, at least as large as the clip, perhaps mirrored."""
        still = self._stills[rng.integers(len(self._stills))]
        image, ids = read_still(still, rng)
        cover = max(self._size[0] / ids.shape[0], self._size[1] / ids.shape[1])
        scale = cover * float(np.exp(rng.uniform(0.0, np.log(1.5))))
        size = (round(ids.shape[1] * scale), round(ids.shape[0] * scale))
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        image = cv2.resize(image, size, interpolation=how)
        ids = cv2.resize(ids, size, interpolation=cv2.INTER_NEAREST_EXACT)
        if rng.random() < 0.5:
            image, ids = np.ascontiguousarray(image[:, ::-1]), np.ascontiguousarray(ids[:, ::-1])
        return image, ids


def _riding(rng: np.random.Generator, layer: Layer, leader: Layer, away: np.ndarray) -> Layer:
    """`layer` fixed to the path of `leader` at a distance (x, y), but for a slight swing."""
    part = replace(
        layer.parts[0],
        offset=affine(*(away[:2] / np.exp(leader.path.start[3]))),
        swing_rad=abs(rng.normal(0, 0.12)),
        rate=rng.uniform(0.1, 0.8),
    )
    return replace(layer, parts=(part,), path=leader.path)
