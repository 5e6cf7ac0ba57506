"""Outlines of a mask as closed polygons along its pixel edges, for temporal stability.

The official tool's choices that decide where an outline starts and how it goes on where four pixel
edges meet are kept, since the simplified polygon depends on them: outlines start at such a
junction if they have one, else at the top end of their first vertical edge in reading order.
"""

from collections.abc import Iterator

import numpy as np

Corner = tuple[int, int]
Piece = list[Corner]
ARMS = ((-1, 0), (0, -1), (1, 0), (0, 1))
"""Steps from a junction in the order in which pieces are walked: up, left, down, right."""


def outlines(mask: np.ndarray) -> list[np.ndarray]:
    """All closed outlines of a mask, holes included.

    Args:
        mask: (H, W) bool.

    Returns:
        arrays (N, 2) of (row, column) pixel corners in [0, H] x [0, W], the first one repeated at
        the end.
    """
    joined, tops = _edges(mask)
    stops, pieces = _pieces(joined, tops)
    return [np.array(loop) for loop in _loops(stops, pieces)]


def object_on_right(mask: np.ndarray, outline: np.ndarray) -> bool:
    """Whether the mask lies to the right of who walks along one of its outlines."""
    (row, column), (next_row, next_column) = outline[:2].tolist()
    right = {(0, 1): (0, 0), (1, 0): (0, -1), (0, -1): (-1, -1), (-1, 0): (-1, 0)}
    dy, dx = right[next_row - row, next_column - column]
    y, x = row + dy, column + dx
    return 0 <= y < mask.shape[0] and 0 <= x < mask.shape[1] and bool(mask[y, x])


def _edges(mask: np.ndarray) -> tuple[dict[Corner, list[Corner]], list[Corner]]:
    """Each corner on an outline with those it is joined to; the tops of all vertical edges."""
    padded = np.pad(mask, 1)
    joined: dict[Corner, list[Corner]] = {}
    rows, columns = np.nonzero(padded[:, 1:] ^ padded[:, :-1])
    tops = list(zip((rows - 1).tolist(), columns.tolist(), strict=True))
    for row, column in tops:
        _join(joined, (row, column), (row + 1, column))
    rows, columns = np.nonzero(padded[1:] ^ padded[:-1])
    for row, column in zip(rows.tolist(), (columns - 1).tolist(), strict=True):
        _join(joined, (row, column), (row, column + 1))
    return joined, tops


def _join(joined: dict[Corner, list[Corner]], a: Corner, b: Corner) -> None:
    joined.setdefault(a, []).append(b)
    joined.setdefault(b, []).append(a)


def _pieces(
    joined: dict[Corner, list[Corner]], tops: list[Corner]
) -> tuple[list[Corner], list[Piece]]:
    """Outlines cut at junctions; one without a junction is a piece that ends where it starts.

    Returns:
        the corners at which pieces end, junctions first, each kind in reading order; the pieces
        in the order in which they are found.
    """
    stops = sorted(corner for corner, ends in joined.items() if len(ends) == 4)
    junctions = set(stops)
    walked: set[frozenset[Corner]] = set()
    pieces = []
    for junction in reversed(stops):
        for step in ARMS:
            first = (junction[0] + step[0], junction[1] + step[1])
            if frozenset((junction, first)) not in walked:
                pieces.append(_walk(joined, junction, first, junctions, walked))
    for top in tops:
        below = (top[0] + 1, top[1])
        if frozenset((top, below)) not in walked:
            stops.append(top)
            pieces.append(_walk(joined, top, below, {top}, walked))
    return stops, pieces


def _walk(
    joined: dict[Corner, list[Corner]],
    start: Corner,
    first: Corner,
    ends: set[Corner],
    walked: set[frozenset[Corner]],
) -> Piece:
    """From `start` over `first` along the outline to the next of `ends`."""
    piece = [start, first]
    walked.add(frozenset(piece))
    while piece[-1] not in ends:
        a, b = joined[piece[-1]]
        piece.append(b if a == piece[-2] else a)
        walked.add(frozenset(piece[-2:]))
    return piece


def _loops(stops: list[Corner], pieces: list[Piece]) -> Iterator[list[Corner]]:
    """Pieces joined into closed outlines that turn at every junction they pass."""
    free: dict[Corner, list[int]] = {stop: [] for stop in stops}
    for index, piece in enumerate(pieces):
        for end in dict.fromkeys((piece[0], piece[-1])):
            free[end].append(index)
    for stop in reversed(stops):
        while free[stop]:
            yield from _loops_from(stop, free, pieces)


def _loops_from(
    here: Corner, free: dict[Corner, list[int]], pieces: list[Piece]
) -> Iterator[list[Corner]]:
    """Walks free pieces from `here` until none is left over, and cuts off each loop it closes."""
    path: list[tuple[Corner, int]] = []
    index = free[here][0]
    while True:
        for end in dict.fromkeys((pieces[index][0], pieces[index][-1])):
            free[end].remove(index)
        path.append((here, index))
        here = pieces[index][-1] if pieces[index][0] == here else pieces[index][0]
        met = next((n for n, (corner, _) in enumerate(path) if corner == here), None)
        if met is not None:
            yield _chained(path[met:], pieces)
            del path[met:]
        if not path:
            return
        arrived = _is_vertical(pieces[path[-1][1]], here)
        index = next(i for i in free[here] if _is_vertical(pieces[i], here) != arrived)


def _chained(path: list[tuple[Corner, int]], pieces: list[Piece]) -> list[Corner]:
    """The corners of a closed path of pieces."""
    corners = [path[0][0]]
    for start, index in path:
        piece = pieces[index]
        corners += piece[1:] if piece[0] == start else piece[-2::-1]
    return corners


def _is_vertical(piece: Piece, end: Corner) -> bool:
    """Whether a piece's edge at one of its ends is vertical."""
    next_to_end = piece[1] if piece[0] == end else piece[-2]
    return next_to_end[1] == end[1]
