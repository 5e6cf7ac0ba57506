"""Who is who when objects part again: regions given to objects as wholes, by where each was going.

Where two objects touch, or one goes behind the other, a method that decides pixel by pixel may let
one of them take both. It shows once they are apart: one object has two regions, the other none.
Then each region goes to one object, so that the courses from before they met go on; of two that
look alike nothing else can tell. What stays one object in two parts, as behind a pole, has not
suddenly the size of two, and is left alone.

The idea is that of the coverage rule of Cheng et al. (DAVIS Challenge 2017) and of assignment in
tracking by detection; courses and sizes are those seen when an object was last alone.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations, permutations
from typing import NamedTuple

import cv2
import numpy as np

SMOOTH = 0.3
"""The weight of the latest frame in an object's velocity, and in its size while it is alone."""

STEADY = 0.25
"""While it touches another, an object whose size differs by a smaller share is still believed."""

LOST = 0.3
"""An object with less than this share of its size is lost."""

ALIKE = 0.4
"""Things of which one is smaller than this share of the other are not mistaken for one another."""

WHOLE = 0.4
"""A region may be all of an object if the smaller is at least this share of the larger."""

NEARLY = 0.7
"""As `WHOLE`, of an object that needs no part that lies in another's region."""

BOTH = 0.8
"""Two regions that are two objects have together at least this share of both sizes."""

FURTHEST_FRAMES = 30
"""So long an object is believed to go on as it went."""

MISSED_FRAMES = 90
"""After so many frames a lost object is no longer looked for in what others have."""

SPECK = 0.03
"""Of a region, so small a share may be labelled as another's by mistake."""

SPECK_PX = 12
"""Smaller regions are not looked at."""

Point = tuple[float, float]
"""(y, x) in pixels."""


@dataclass(frozen=True)
class Course:
    """An object when it was last alone.

    Attributes:
        centre: (y, x) in pixels.
        velocity: of the centre, (y, x) in pixels a frame.
        area: smoothed, in pixels.
        frame: when that was.
    """

    centre: Point
    velocity: Point
    area: float
    frame: int

    def at(self, frame: int) -> Point:
        """Where it is if it has gone on as it went."""
        frames = min(frame - self.frame, FURTHEST_FRAMES)
        y, x = (c + v * frames for c, v in zip(self.centre, self.velocity, strict=True))
        return y, x


@dataclass(frozen=True)
class Courses:
    """What is known of all objects.

    Attributes:
        of: by object, its course.
        met: pairs of objects (lower id first) that have met and are not yet told apart.
        frames: how many frames were seen.
    """

    of: Mapping[int, Course] = field(default_factory=dict)
    met: tuple[tuple[int, int], ...] = ()
    frames: int = 0


@dataclass(frozen=True)
class Blob:
    """A connected region of what belongs to any object.

    Attributes:
        number: its value in the map of regions.
        centre: (y, x) in pixels.
        area: in pixels.
        shares: by object, how many of its pixels.
    """

    number: int
    centre: Point
    area: int
    shares: Mapping[int, int]

    @property
    def owner(self) -> int:
        """The object that most of it belongs to."""
        return max(self.shares, key=lambda i: self.shares[i])


class Reassigned(NamedTuple):
    """A region (H, W) bool that is wholly one object's, though labelled as another's in part."""

    region: np.ndarray
    to: int
    other: int


def seen(known: Courses, labels: np.ndarray, ids: Sequence[int]) -> Courses:
    """What is known after a frame with these labels (H, W), 0 for none, of the objects `ids`.

    Two that have met are told apart when each has a region to itself.
    """
    _, blobs = _blobs(labels)
    alone = {blob.owner for blob in blobs if _is_alone(blob, blobs)}
    known = replace(known, of={i: course for i, course in known.of.items() if i in ids})
    met = {pair for pair in known.met if not set(pair) <= alone and set(pair) <= set(ids)}
    met |= set(_meetings(known, blobs))
    parts = {i: part for i in ids if (part := _main_part(labels, i)) is not None}
    unsure = {i for pair in met if not _are_steady(known, pair, parts) for i in pair}
    mixed = {i for pair in met for i in pair}
    courses = {
        i: _renewed(known.of.get(i), part, known.frames, alone=i not in mixed)
        for i, part in parts.items()
        if i not in unsure
    }
    return Courses({**known.of, **courses}, tuple(sorted(met)), known.frames + 1)


def reassigned(known: Courses, labels: np.ndarray) -> list[Reassigned]:
    """Regions of a frame's labels (H, W) that belong wholly to an object that had lost them."""
    if not known.met:
        return []
    numbers, blobs = _blobs(labels)
    found: list[Reassigned] = []
    for pair in known.met:
        if not set(pair) <= set(known.of):
            continue
        chosen = _told_apart(known, pair, blobs)
        if chosen:
            nearest = _nearest(numbers, [blob.number for blob in chosen.values()])
            for i, blob in chosen.items():
                other = pair[1] if i == pair[0] else pair[0]
                found.append(Reassigned(nearest == blob.number, i, other))
    return found


def _told_apart(
    known: Courses, pair: tuple[int, int], blobs: Sequence[Blob]
) -> dict[int, Blob] | None:
    """By object of a pair, its region, where one of them has taken from the other."""
    sizes = {i: known.of[i].area for i in pair}
    theirs = [b for b in blobs if b.owner in pair and b.area >= LOST * min(sizes.values())]
    if len({b.owner for b in theirs}) == 2:
        return _cleared(pair, sizes, theirs)
    if min(sizes.values()) < ALIKE * max(sizes.values()):
        return None
    ways = [
        dict(zip(pair, two, strict=True))
        for chosen in combinations(theirs, 2)
        if sum(b.area for b in chosen) >= BOTH * sum(sizes.values())
        for two in permutations(chosen)
    ]
    fitting = [way for way in ways if _fits(way, sizes)]
    return min(fitting, key=lambda way: _cost(known, way), default=None)


def _cleared(
    pair: tuple[int, int], sizes: Mapping[int, float], theirs: Sequence[Blob]
) -> dict[int, Blob] | None:
    """The largest region of each, where one holds some of the other, which is whole without it."""
    own = {i: max((b for b in theirs if b.owner == i), key=lambda b: b.area) for i in pair}
    guests = [j for i, j in permutations(pair) if j in own[i].shares]
    whole = all(_are_like(own[j].area, sizes[j], NEARLY) for j in guests)
    return own if guests and whole and _fits(own, sizes) else None


def _fits(way: Mapping[int, Blob], sizes: Mapping[int, float]) -> bool:
    return all(_are_like(blob.area, sizes[i], WHOLE) for i, blob in way.items())


def _cost(known: Courses, chosen: Mapping[int, Blob]) -> float:
    """How far regions are from where their objects were going, in sizes, and unlike in size."""
    cost = 0.0
    for i, blob in chosen.items():
        course = known.of[i]
        away_px = math.dist(blob.centre, course.at(known.frames))
        cost += away_px**2 / course.area + math.log(blob.area / course.area) ** 2
    return cost


def _are_like(area: float, size: float, share: float) -> bool:
    return min(area, size) >= share * max(area, size)


def _meetings(known: Courses, blobs: Sequence[Blob]) -> Iterator[tuple[int, int]]:
    """Pairs that share a region, and those of which one is lost where the other is."""
    for blob in blobs:
        yield from combinations(sorted(blob.shares), 2)
    for i, course in known.of.items():
        away = known.frames - course.frame
        if _area(i, blobs) >= LOST * course.area or away > MISSED_FRAMES:
            continue
        expected, reach = course.at(known.frames), course.area**0.5
        for blob in blobs:
            near = math.dist(blob.centre, expected) <= reach + blob.area**0.5
            if blob.owner != i and near:
                yield min(i, blob.owner), max(i, blob.owner)


def _area(i: int, blobs: Sequence[Blob]) -> int:
    return sum(blob.shares.get(i, 0) for blob in blobs)


def _are_steady(known: Courses, pair: tuple[int, int], parts: Mapping[int, Blob]) -> bool:
    """Whether two that touch can be believed: neither has gained or lost much."""
    return all(
        i in parts and (i not in known.of or abs(parts[i].area / known.of[i].area - 1) <= STEADY)
        for i in pair
    )


def _is_alone(blob: Blob, blobs: Sequence[Blob]) -> bool:
    """Whether a region is one object's only, and the largest that this has."""
    largest = max(b.shares.get(blob.owner, 0) for b in blobs)
    return len(blob.shares) == 1 and blob.shares[blob.owner] == largest


def _main_part(labels: np.ndarray, i: int) -> Blob | None:
    """The largest region of an object; None where it has none."""
    return max(_blobs(np.where(labels == i, i, 0))[1], key=lambda blob: blob.area, default=None)


def _renewed(course: Course | None, part: Blob, frame: int, *, alone: bool) -> Course:
    """An object's course with one frame more, in which its largest region was `part`."""
    if course is None or frame - course.frame > FURTHEST_FRAMES:
        return Course(part.centre, (0.0, 0.0), float(part.area), frame)
    passed = frame - course.frame
    y, x = (
        v + SMOOTH * ((now - before) / passed - v)
        for v, now, before in zip(course.velocity, part.centre, course.centre, strict=True)
    )
    area = course.area + SMOOTH * (part.area - course.area) if alone else course.area
    return Course(part.centre, (y, x), area, frame)


def _blobs(labels: np.ndarray) -> tuple[np.ndarray, list[Blob]]:
    """The map of regions (H, W) int32, and its regions without specks."""
    count, numbers, stats, centres = cv2.connectedComponentsWithStats(
        (labels > 0).view(np.uint8), connectivity=8
    )
    blobs = []
    for number in range(1, count):
        left, top, width, height, area = stats[number].tolist()
        if area < SPECK_PX:
            continue
        box = np.s_[top : top + height, left : left + width]
        shares = np.bincount(labels[box][numbers[box] == number])
        own = {int(i): int(shares[i]) for i in np.flatnonzero(shares > SPECK * area)}
        x, y = centres[number].tolist()
        blobs.append(Blob(number, (y, x), area, own))
    return numbers, blobs


def _nearest(numbers: np.ndarray, wanted: Sequence[int]) -> np.ndarray:
    """(H, W) of each pixel the number of the nearest of the `wanted` regions."""
    inside = np.isin(numbers, wanted)
    _, which = cv2.distanceTransformWithLabels(
        (~inside).view(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    which = np.asarray(which, np.int64)
    number_of = np.zeros(int(which.max()) + 1, np.int32)
    number_of[which[inside]] = numbers[inside]
    return number_of[which]
