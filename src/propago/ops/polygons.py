"""Masks as polygons along the edges of their pixels: what is filled again is the mask, exactly."""

import numpy as np

Loop = list[tuple[int, int]]
_TURNS = ((1, 0), (0, 1), (-1, 0), (0, -1))  # right, down, left, up: each a right turn on


def polygons_of(mask: np.ndarray) -> list[np.ndarray]:
    """The outline of each part of an (H, W) bool mask.

    Pixel (0, 0) reaches from 0 to 1 on both axes. A part's pixels share edges; its holes are tied
    to its outline by a cut of no width, so that one polygon, filled by the even-odd rule or by the
    scan lines of COCO, is all of it.

    Returns:
        (N, 2) int64 corners each, x and y, without the first again at the end.
    """
    outlines: list[Loop] = []
    holes: list[Loop] = []
    for loop in _loops(mask):
        (outlines if _doubled_area(loop) > 0 else holes).append(loop)
    place = {end: n for n, loop in enumerate(outlines) for end in _ends_of_left_edges(loop)}
    for hole in sorted(map(_from_its_top_left, holes)):
        _tie(hole, outlines, place, mask)
    return [np.array(_corners(loop), np.int64) for loop in outlines]


def joined(polygons: list[np.ndarray]) -> np.ndarray:
    """(N, 2): several polygons as one, tied by ways of no width along the axes."""
    whole: list[np.ndarray] = [polygons[0]]
    start = polygons[0][0]
    for polygon in polygons[1:]:
        knee = np.array([polygon[0][0], start[1]])
        whole += [np.stack([start, knee]), polygon, np.stack([polygon[0], knee])]
    return np.concatenate([*whole, start[None]]) if len(polygons) > 1 else whole[0]


def _loops(mask: np.ndarray) -> list[Loop]:
    """Closed ways along pixel edges, a vertex at each pixel, the mask on their right."""
    padded = np.pad(mask.astype(np.int8), 1)
    ways: dict[tuple[int, int], list[int]] = {}
    down = padded[1:, 1:-1] - padded[:-1, 1:-1]
    right = padded[1:-1, 1:] - padded[1:-1, :-1]
    for (rows, columns), way, dx, dy in (
        (np.nonzero(down == 1), 0, 0, 0),
        (np.nonzero(down == -1), 2, 1, 0),
        (np.nonzero(right == -1), 1, 0, 0),
        (np.nonzero(right == 1), 3, 0, 1),
    ):
        for y, x in zip((rows + dy).tolist(), (columns + dx).tolist(), strict=True):
            ways.setdefault((x, y), []).append(way)
    loops = []
    while ways:
        loops.append(_walked(ways, next(iter(ways))))
    return loops


def _walked(ways: dict[tuple[int, int], list[int]], start: tuple[int, int]) -> Loop:
    """Follow one way until it closes, and take it out of `ways`.

    Where pixels touch at a corner only, the way turns right, and so keeps to its own pixel.
    """
    vertex, loop = start, []
    way = ways[vertex][0]
    first = way
    while True:
        loop.append(vertex)
        ways[vertex].remove(way)
        if not ways[vertex]:
            del ways[vertex]
        vertex = vertex[0] + _TURNS[way][0], vertex[1] + _TURNS[way][1]
        on = ways.get(vertex, [])
        if vertex == start and first not in (w for w in on if w != first):
            closing = [w for w in ((way + 1) % 4, way, (way - 1) % 4) if w in (*on, first)]
            if closing[0] == first:
                return loop
        way = next(w for w in ((way + 1) % 4, way, (way - 1) % 4) if w in on)


def _doubled_area(loop: Loop) -> int:
    x, y = np.array(loop).T
    return int(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y))


def _from_its_top_left(hole: Loop) -> Loop:
    n = hole.index(min(hole))
    return hole[n:] + hole[:n]


def _tie(
    hole: Loop, outlines: list[Loop], place: dict[tuple[int, int], int], mask: np.ndarray
) -> None:
    """Put a hole into the outline on its left, to which holes further left are tied already."""
    x, y = hole[0]
    left = x
    while left > 0 and mask[y, left - 1]:
        left -= 1
    n = place[left, y]
    outline = outlines[n]
    before = [outline[-1], *outline[:-1]]
    at = next(
        i
        for i, ends in enumerate(zip(before, outline, strict=True))
        if ends == ((left, y + 1), (left, y))
    )
    outlines[n] = [*outline[: at + 1], *hole, hole[0], *outline[at:]]
    place.update(dict.fromkeys(_ends_of_left_edges(hole), n))


def _ends_of_left_edges(loop: Loop) -> list[tuple[int, int]]:
    """Where the edges end that go up, as those on the left of a pixel do; no two share an end."""
    before = [loop[-1], *loop[:-1]]
    return [(x, y) for (x0, y0), (x, y) in zip(before, loop, strict=True) if (x0, y0) == (x, y + 1)]


def _corners(loop: Loop) -> Loop:
    """Without the vertices between two others of a straight way."""
    points = np.array(loop)
    before, behind = points - np.roll(points, 1, 0), np.roll(points, -1, 0) - points
    return [p for p, kept in zip(loop, (before != behind).any(1), strict=True) if kept]
