"""Between label maps and run-length masks, without a plane for each object."""

from collections.abc import Iterable

import numpy as np

from propago.io.rle import Rle, of_runs, runs_of


def rles_of_labels(labels: np.ndarray) -> dict[int, Rle]:
    """The mask of each value of an (H, W) label map but 0, ascending."""
    height, width = labels.shape
    flat = labels.ravel(order="F")
    begins = np.flatnonzero(np.append(True, flat[1:] != flat[:-1]))[: flat.size]
    ends, values = np.append(begins[1:], flat.size), flat[begins]
    order = np.argsort(values, kind="stable")
    found = {}
    bounds = np.flatnonzero(np.append(True, np.diff(values[order]) != 0))
    for mine in np.split(order, bounds[1:]):
        if mine.size and (value := int(values[mine[0]])):
            edges = np.stack([begins[mine], ends[mine]], 1).ravel()
            runs = np.diff(np.concatenate([[0], edges, [flat.size]]))
            runs = runs if runs[-1] else runs[:-1]
            found[value] = of_runs(runs.tolist(), (height, width))
    return found


def labels_of_rles(
    masks: Iterable[tuple[int, Rle]], size: tuple[int, int], dtype: type[np.unsignedinteger]
) -> np.ndarray:
    """(H, W) label map of values and their masks; later ones lie in front."""
    flat = np.zeros(size[0] * size[1], dtype)
    for value, rle in masks:
        edges = np.cumsum(runs_of(rle))
        for begin, end in zip(edges[0::2].tolist(), edges[1::2].tolist(), strict=False):
            flat[begin:end] = value
    return np.ascontiguousarray(flat.reshape(size, order="F"))
