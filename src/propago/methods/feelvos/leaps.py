"""Small things that leap further than flow looks, found again by what they look like.

Not in the paper. Dense flow goes from coarse to fine and loses what is smaller than its coarse
pixels moves; the picture of such a thing is looked for around where it was (template matching).
"""

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor

from propago.methods.feelvos.object_inputs import carry
from propago.methods.feelvos.rectangle import Rectangle, rectangle_around

LARGEST_PX = 80
"""Longer side of the box of what may leap, at the working size."""

LEAST_PX = 4
"""What is smaller looks like anything."""

WRONG = 0.05
"""Mean absolute difference of colours in [0, 1] from which flow has lost an object."""

BETTER = 0.75
"""A leap has at most this part of the difference that flow and standing still have."""

TURNS_DEG = (0, -30, -15, 15, 30)
"""By how much it may have turned meanwhile."""

REACH, LEAST_REACH_PX, MOST_REACH_PX = 2.5, 24, 104
"""How far a leap goes on either axis: so many sides of the box, within these limits."""


def carried_with_leaps(
    before: Tensor, now: Tensor, masks: Tensor, flow: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """As `carry`, with a flow that knows where small things have leapt to.

    A thing has leapt where both flow and standing still show something else than it, and its
    picture, perhaps turned, is near. Arguments and results are those of `carry`.
    """
    carried, others, error = carry(before, now, masks, flow)
    leaps = []
    for mask, there in zip(masks, carried[:, 0], strict=True):
        thing = Thing.of(before, mask)
        if thing is None:
            continue
        wrong = min(_mean_error(error[0], there), thing.error(_picture(now, thing.box)))
        leap = thing.found(now) if wrong >= WRONG else None
        if leap and leap.error <= BETTER * wrong:
            leaps.append(leap)
    if not leaps:
        return carried, others, error
    leapt = flow.clone()
    for leap in leaps:
        leap.write(leapt)
    return carry(before, now, masks, leapt)


@dataclass(frozen=True)
class Thing:
    """A small object of the previous frame.

    Attributes:
        box: around its pixels, inside the frame.
        picture: (h, w, 3) float32, the box's.
        shown: (h, w) float32, 1 at its pixels in the box.
    """

    box: Rectangle
    picture: np.ndarray
    shown: np.ndarray

    @classmethod
    def of(cls, before: Tensor, mask: Tensor) -> "Thing | None":
        """Out of the frame (3, H, W) and its mask (H, W); None of one that is not small."""
        box = rectangle_around(mask, 0.5, 0)
        if box is None or not LEAST_PX <= max(_sides(box)) <= LARGEST_PX:
            return None
        shown = (box.of(mask) > 0.5).float().numpy(force=True)
        return cls(box, _picture(before, box), shown)

    def error(self, there: np.ndarray) -> float:
        """Mean absolute difference of its pixels to `there`, a picture of the same size."""
        return float((np.abs(there - self.picture).mean(-1) * self.shown).sum() / self.shown.sum())

    def found(self, now: Tensor) -> "Leap | None":
        """Where its picture, perhaps turned, is most alike in `now` (3, H, W)."""
        reach = round(min(max(REACH * max(_sides(self.box)), LEAST_REACH_PX), MOST_REACH_PX))
        searched = self.box.wider((now.shape[-2], now.shape[-1]), reach)
        picture = _picture(now, searched)
        turned = {angle: self._turned(angle) for angle in TURNS_DEG}
        leaps = [
            one._leap_in(picture, searched, angle)
            for angle, one in turned.items()
            if (np.array(one.shown.shape) <= picture.shape[:2]).all()
        ]
        return min(leaps, key=lambda leap: leap.error, default=None)

    def _leap_in(self, picture: np.ndarray, searched: Rectangle, angle: float) -> "Leap":
        """The best leap of what is turned by `angle`, in the part `searched` of a frame."""
        weights = np.repeat(self.shown[..., None], 3, -1)
        differences = cv2.matchTemplate(picture, self.picture, cv2.TM_SQDIFF, mask=weights)
        row, column = (int(i) for i in np.unravel_index(differences.argmin(), differences.shape))
        height, width = self.shown.shape
        top, left = searched.top + row, searched.left + column
        error = self.error(picture[row : row + height, column : column + width])
        landed = Rectangle(top, top + height, left, left + width)
        return Leap(self.box, angle, landed, self.shown > 0.5, error)

    def _turned(self, angle: float) -> "Thing":
        """Turned counter-clockwise by so many degrees, in a box that holds it."""
        if not angle:
            return self
        height, width = self.shown.shape
        cos, sin = abs(np.cos(np.deg2rad(angle))), abs(np.sin(np.deg2rad(angle)))
        size = round(width * cos + height * sin), round(width * sin + height * cos)
        matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), angle, 1.0)
        matrix[:, 2] += (size[0] - width) / 2, (size[1] - height) / 2
        picture = cv2.warpAffine(self.picture, matrix, size, borderMode=cv2.BORDER_REPLICATE)
        shown = cv2.warpAffine(self.shown, matrix, size)
        return Thing(self.box, picture, (shown > 0.5).astype(np.float32))


@dataclass(frozen=True)
class Leap:
    """Where a thing has leapt to.

    Attributes:
        box: where it was.
        angle: by which it has turned counter-clockwise, degrees.
        landed: the box of the turned thing.
        shown: (h, w) bool, its pixels in `landed`.
        error: mean absolute difference there.
    """

    box: Rectangle
    angle: float
    landed: Rectangle
    shown: np.ndarray
    error: float

    def write(self, flow: Tensor) -> None:
        """Put the way back into `flow` (2, H, W), x then y, where the thing is now."""
        there, was = self.landed.of(flow), _centre(self.box)
        ys, xs = np.mgrid[
            self.landed.top : self.landed.bottom, self.landed.left : self.landed.right
        ]
        y, x = ys - _centre(self.landed)[0], xs - _centre(self.landed)[1]
        cos, sin = np.cos(np.deg2rad(self.angle)), np.sin(np.deg2rad(self.angle))
        back = np.stack([was[1] + cos * x - sin * y - xs, was[0] + sin * x + cos * y - ys])
        shown = torch.from_numpy(self.shown).to(flow.device)
        there[:, shown] = torch.from_numpy(back).to(flow)[:, shown]


def _sides(box: Rectangle) -> tuple[int, int]:
    return box.bottom - box.top, box.right - box.left


def _centre(box: Rectangle) -> tuple[float, float]:
    """(y, x) of its middle, the centres of pixels at whole numbers."""
    return (box.top + box.bottom - 1) / 2, (box.left + box.right - 1) / 2


def _picture(frame: Tensor, box: Rectangle) -> np.ndarray:
    """(h, w, 3) float32 of the part `box` of a frame (3, H, W)."""
    return np.ascontiguousarray(box.of(frame).permute(1, 2, 0).float().numpy(force=True))


def _mean_error(error: Tensor, share: Tensor) -> float:
    """Of `error` (H, W) where `share` (H, W) lies; infinite where it lies nowhere."""
    total = share.sum()
    return float((error * share).sum() / total) if total > 0.5 else float("inf")
