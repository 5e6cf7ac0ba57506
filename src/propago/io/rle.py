"""COCO run-length masks: every form a file may hold, brought to one, and compared."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from pycocotools import mask as pycocotools_mask

from propago.errors import MaskError
from propago.io.json_fields import is_list, is_number, is_whole

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
        return _from_mapping(segmentation, size, where)
    if _is_polygons(segmentation, size):
        return coco_mask.merge(coco_mask.frPyObjects(segmentation, *size))
    raise MaskError(
        f"{where}: a segmentation is null, an RLE object or a list of polygons of at least "
        f"six numbers, x and y in pixels of its frame; this one is {str(segmentation)[:60]}"
    )


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
        masks[places] = [_pixels(rle) for rle in present]
    return masks


def runs_of(rle: Rle) -> np.ndarray:
    """(R,) int64: how many pixels outside, inside, outside ... follow each other, by columns."""
    runs = _unpacked(rle["counts"])
    if runs is None:
        raise MaskError("the RLE counts are damaged")
    return runs


def of_runs(runs: Sequence[int], size: tuple[int, int]) -> Rle:
    """The compressed mask of `runs_of`, counts as text."""
    rle = coco_mask.frPyObjects({"size": list(size), "counts": list(runs)}, *size)
    return as_text(rle)


def as_text(rle: Rle) -> Rle:
    """The same with counts as text, as JSON takes them, and nothing else in it."""
    counts = rle["counts"]
    text = counts if isinstance(counts, str) else counts.decode("ascii")
    return {"size": [int(side) for side in rle["size"]], "counts": text}


def cropped(rle: Rle) -> tuple[int, int, np.ndarray]:
    """Left and top of the box of a mask that is not empty, and (h, w) bool, what is in it."""
    left, top, width, height = (int(v) for v in coco_mask.toBbox(rle))
    mask = _pixels(rle)
    return left, top, mask[top : top + height, left : left + width]


def pasted(mask: np.ndarray, left: int, top: int, size: tuple[int, int], where: str) -> Rle:
    """The mask of a frame of `size` (H, W) of which (h, w) bool `mask` is a box.

    Raises:
        MaskError: the box reaches beyond the frame; `where` is what it belongs to.
    """
    height, width = mask.shape
    if left < 0 or top < 0 or top + height > size[0] or left + width > size[1]:
        raise MaskError(
            f"{where}: a mask of {width}x{height} at {left}, {top} reaches beyond the frame, "
            f"{size[1]}x{size[0]}"
        )
    whole = np.zeros(size, bool)
    whole[top : top + height, left : left + width] = mask
    return encode(whole[None])[0]


def _pixels(rle: Rle) -> np.ndarray:
    """(H, W) bool. `pycocotools` decodes, too, but not where warnings are errors, as of NumPy 2."""
    height, width = rle["size"]
    runs = runs_of(rle)
    inside = np.arange(len(runs)) % 2 == 1
    return np.repeat(inside, runs).reshape(width, height).T


def _present(rles: Sequence[Rle | None]) -> tuple[list[int], list[Any]]:
    places = [i for i, rle in enumerate(rles) if rle is not None]
    return places, [rles[i] for i in places]


def _from_mapping(segmentation: Mapping[str, Any], size: tuple[int, int], where: str) -> Rle:
    if "counts" not in segmentation or "size" not in segmentation:
        raise MaskError(f"{where}: an RLE object has 'size' and 'counts'; {sorted(segmentation)}")
    counts, said = segmentation["counts"], segmentation["size"]
    said = tuple(said) if is_list(said) else said
    if said != tuple(size):
        raise MaskError(
            f"{where}: the mask is {str(said)[:40]}, its frame {tuple(size)} (height, width); "
            "resize the masks with nearest neighbour"
        )
    packed = isinstance(counts, str | bytes)
    runs = _unpacked(counts) if packed else _whole(counts)
    if runs is None or runs.sum() != size[0] * size[1]:
        told = "are damaged" if runs is None else f"add up to {runs.sum()} pixels"
        raise MaskError(
            f"{where}: the RLE counts {told}; its size {size[0]}x{size[1]} has {size[0] * size[1]}"
        )
    if packed:
        return {"size": list(size), "counts": counts}
    return coco_mask.frPyObjects({"size": list(size), "counts": runs.tolist()}, *size)


def _unpacked(counts: str | bytes) -> np.ndarray | None:
    """The run lengths in COCO's text, which pycocotools reads without a check; None: damaged.

    A character holds five bits, lowest first, and whether more of the same number follow; each
    number from the fourth on is a difference to the last but one.
    """
    text = counts.encode("latin-1", "replace") if isinstance(counts, str) else counts
    codes = np.frombuffer(text, np.uint8).astype(np.int64) - 48
    if not codes.size or codes.min() < 0 or codes.max() > 63 or codes[-1] & 32:
        return None
    ends = np.flatnonzero(codes & 32 == 0)
    begins = np.append(0, ends[:-1] + 1)
    if (ends - begins).max() > 6:
        return None
    place = np.arange(codes.size) - np.repeat(begins, ends - begins + 1)
    numbers = np.add.reduceat((codes & 31) << 5 * place, begins)
    numbers -= np.where(codes[ends] & 16, np.int64(1) << 5 * (place[ends] + 1), 0)
    for first in (1, 2):
        numbers[first::2] = numbers[first::2].cumsum()
    return None if (numbers < 0).any() else numbers


def _whole(counts: Any) -> np.ndarray | None:
    if not is_list(counts) or not all(is_whole(count) and count >= 0 for count in counts):
        return None
    return np.array(counts, np.int64)


def _is_polygons(segmentation: Any, size: tuple[int, int]) -> bool:
    """Lists of corners, none of them far outside: their way is walked pixel by pixel."""
    return (
        is_list(segmentation)
        and len(segmentation) > 0
        and all(
            is_list(polygon)
            and len(polygon) >= 6
            and all(is_number(v) and abs(v) <= 100 * max(size) for v in polygon)
            for polygon in segmentation
        )
    )
