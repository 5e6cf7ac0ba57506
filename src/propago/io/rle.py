"""COCO run-length masks: every form a file may hold, brought to one, and compared."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from pycocotools import mask as pycocotools_mask

from propago.errors import MaskError

coco_mask: Any = pycocotools_mask  # its stubs refuse the lists that its functions take

Rle = dict[str, Any]
"""A compressed COCO mask: {"size": [H, W], "counts": bytes or str}."""


def to_rle(segmentation: Any, size: tuple[int, int], where: str) -> Rle | None:
    """One compressed mask from whatever a COCO or YouTube-VIS file holds.

    Args:
        segmentation: None (object not in this frame), compressed or uncompressed RLE, or polygons.
        size: (height, width) of the frame in pixels.
        where: what the segmentation belongs to, for the error message.

    Raises:
        MaskError: another form, or a mask of another size than its frame.
    """
    if segmentation is None:
        return None
    if isinstance(segmentation, Mapping):
        rle = _from_mapping(segmentation, where)
    elif _is_polygons(segmentation):
        rle = coco_mask.merge(coco_mask.frPyObjects(segmentation, *size))
    else:
        raise MaskError(
            f"{where}: a segmentation is null, an RLE object or a list of polygons of at least "
            f"six numbers; this one is {str(segmentation)[:60]}"
        )
    if tuple(rle["size"]) != tuple(size):
        raise MaskError(
            f"{where}: the mask is {tuple(rle['size'])}, its frame {tuple(size)} (height, width); "
            f"resize the masks with nearest neighbour"
        )
    return rle


def areas_px(rles: Sequence[Rle | None]) -> np.ndarray:
    """(N,) float64: pixels of each mask; 0 where there is none."""
    areas = np.zeros(len(rles))
    places, present = _present(rles)
    if present:
        areas[places] = coco_mask.area(present)
    return areas


def intersections_px(rows: Sequence[Rle | None], columns: Sequence[Rle | None]) -> np.ndarray:
    """(R, C) float64: pixels each row mask shares with each column mask; exact."""
    shared = np.zeros((len(rows), len(columns)))
    r, row_rles = _present(rows)
    c, column_rles = _present(columns)
    if r and c:
        of_row_area = np.asarray(coco_mask.iou(row_rles, column_rles, [1] * len(c)))
        row_areas = np.asarray(coco_mask.area(row_rles), float)
        shared[np.ix_(r, c)] = np.rint(of_row_area * row_areas[:, None])
    return shared


def encode(masks: np.ndarray) -> list[Rle]:
    """(N, H, W) bool masks as compressed RLE whose counts are text, as JSON takes them."""
    planes = np.asfortranarray(np.moveaxis(masks, 0, -1).astype(np.uint8))
    return [{**rle, "counts": rle["counts"].decode("ascii")} for rle in coco_mask.encode(planes)]


def decode(rles: Sequence[Rle | None], size: tuple[int, int]) -> np.ndarray:
    """(N, H, W) bool masks of `size`; empty where there is none."""
    masks = np.zeros((len(rles), *size), bool)
    places, present = _present(rles)
    if present:
        masks[places] = np.moveaxis(coco_mask.decode(present), -1, 0)
    return masks


def _present(rles: Sequence[Rle | None]) -> tuple[list[int], list[Any]]:
    places = [i for i, rle in enumerate(rles) if rle is not None]
    return places, [rles[i] for i in places]


def _from_mapping(segmentation: Mapping[str, Any], where: str) -> Rle:
    if "counts" not in segmentation or "size" not in segmentation:
        raise MaskError(f"{where}: an RLE object has 'size' and 'counts'; {sorted(segmentation)}")
    counts, (height, width) = segmentation["counts"], segmentation["size"]
    if isinstance(counts, str | bytes):
        return {"size": [height, width], "counts": counts}
    if sum(counts) != height * width:
        raise MaskError(
            f"{where}: the RLE counts add up to {sum(counts)} pixels, its size {height}x{width} "
            f"has {height * width}"
        )
    return coco_mask.frPyObjects(dict(segmentation), height, width)


def _is_polygons(segmentation: Any) -> bool:
    return (
        isinstance(segmentation, Sequence)
        and len(segmentation) > 0
        and all(isinstance(polygon, Sequence) and len(polygon) >= 6 for polygon in segmentation)
    )
