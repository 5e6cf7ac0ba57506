"""The connected-region-aware filter: regions that disagree with the previous frame go.

Source: Cheng et al., "Learning to Segment Instances in Videos with Spatial Propagation Network",
DAVIS challenge 2017, section 4.2; `CrafSettings.released` follows the code that was published with
it. Where the paper leaves something open, `CrafSettings` says what is done.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field

import cv2
import numpy as np
import torch

from propago.errors import MaskError
from propago.ops.regions import Region, components, region_of, within
from propago.refinement.craf.rules import Kept, filled, selected
from propago.refinement.craf.settings import CrafSettings
from propago.types import VOID, Event, SoftMasks, require_probabilities


@dataclass(frozen=True)
class CrafState:
    """The previous frame.

    Attributes:
        regions: by id, where each object was; absent ones are missing.
        frames: how many frames there were.
        size: (H, W) of them; None before the first.
    """

    regions: Mapping[int, Region] = field(default_factory=dict)
    frames: int = 0
    size: tuple[int, ...] | None = None


class Craf:
    """The filter as a `Cleaner`; the first frame is taken for the truth."""

    def __init__(self, settings: CrafSettings | None = None) -> None:
        self.settings = settings or CrafSettings()
        self.description = {"cleaner": "craf", **asdict(self.settings)}

    def begin(self) -> CrafState:
        """Before the first frame."""
        return CrafState()

    def update(self, state: CrafState, masks: SoftMasks) -> CrafState:
        """The state after a frame with these final masks: an object is where it is labelled.

        They are what `filter` gave, or were made of it; their values are not looked at again.

        Raises:
            MaskError: masks of another size than before.
        """
        size = _size(state, masks.probabilities.shape[-2:])
        if not masks.ids:
            return CrafState({}, state.frames + 1, size)
        rows, background = masks.probabilities.numpy(force=True), np.float32(0.5)
        if masks.logits is not None:
            background, *rows = masks.logits.numpy(force=True)
        return _remembered(state, size, _labelled_regions(masks.ids, rows, background))

    def filter(self, state: CrafState, masks: SoftMasks) -> tuple[SoftMasks, tuple[Event, ...]]:
        """Masks that are 0 outside each object's regions that stay, and what was done and why.

        Raises:
            MaskError: soft masks that are not numbers in [0, 1], or of another size than before.
        """
        _size(state, masks.probabilities.shape[-2:])
        if not masks.ids:
            return masks, ()
        require_probabilities(masks.probabilities)
        if not state.frames:
            return masks, ()
        values = masks.probabilities.float().numpy(force=True)
        found = {
            i: components(row > self.settings.threshold)
            for i, row in zip(masks.ids, values, strict=True)
        }
        kept, events = selected(found, state.regions, self.settings)
        kept, more = filled(kept, self.settings.holes_px)
        cleaned = _painted(masks.ids, values, kept)
        device = masks.probabilities.device
        return masks.replaced(torch.from_numpy(cleaned).to(device)), (*events, *more)

    def clean_labels(
        self, state: CrafState, labels: np.ndarray
    ) -> tuple[np.ndarray, CrafState, tuple[Event, ...]]:
        """One label map of a sequence, cleaned.

        Args:
            state: after the map before.
            labels: (H, W) uint8 or uint16; 0 background, 255 void where uint8.

        Returns:
            The cleaned map, of the same type, void where it was; the state after it; what was
            done.

        Raises:
            MaskError: another shape or type, or another size than before.
        """
        if labels.ndim != 2 or labels.dtype not in (np.uint8, np.uint16):
            raise MaskError(
                f"a label map is (H, W) uint8 or uint16; this one is {labels.shape} {labels.dtype}"
            )
        _size(state, labels.shape)
        if not state.frames:
            return labels, _seen(state, labels, _ids(labels)), ()
        ids = sorted({*_ids(labels), *state.regions})
        found = {i: components(labels == i) for i in ids}
        kept, events = selected(found, state.regions, self.settings, labelled=True)
        kept, more = filled(kept, self.settings.holes_px)
        cleaned = np.zeros_like(labels)
        for i, own in kept.items():
            cleaned[own.region.box][own.region.mask] = i
        if labels.dtype == np.uint8:
            cleaned[labels == VOID] = VOID
        return cleaned, _seen(state, cleaned, ids), (*events, *more)


def _seen(state: CrafState, labels: np.ndarray, ids: Iterable[int]) -> CrafState:
    """The state after a frame with these final labels (H, W)."""
    return _remembered(state, labels.shape, ((i, region_of(labels == i)) for i in ids))


def _remembered(
    state: CrafState, size: tuple[int, ...], regions: Iterable[tuple[int, Region | None]]
) -> CrafState:
    return CrafState({i: region for i, region in regions if region}, state.frames + 1, size)


def _size(state: CrafState, size: tuple[int, ...]) -> tuple[int, ...]:
    """The (H, W) of a frame, which is that of the frames before."""
    if state.size and tuple(size) != state.size:
        raise MaskError(
            f"this frame is {size[1]}x{size[0]}, those before were {state.size[1]}x{state.size[0]}"
            "; scale it, or begin again"
        )
    return tuple(size)


def _labelled_regions(
    ids: Iterable[int], rows: Iterable[np.ndarray], background: np.ndarray | np.float32
) -> list[tuple[int, Region | None]]:
    """Where each object's (H, W) row is above the background and no other row is higher."""
    above = [(i, row, region_of(row > background)) for i, row in zip(ids, rows, strict=True)]
    first = above[0][1]
    best = np.full(first.shape, -np.inf, np.result_type(first, np.float32))
    for _, row, region in above:
        if region:
            np.maximum(best[region.box], row[region.box], out=best[region.box])
    return [
        (i, region and within(region, row[region.box] == best[region.box]))
        for i, row, region in above
    ]


def _ids(labels: np.ndarray) -> list[int]:
    """The objects in a label map, ascending."""
    values = np.iinfo(labels.dtype).max + 1
    counts = cv2.calcHist([np.ascontiguousarray(labels)], [0], None, [values], [0, values])
    void = VOID if labels.dtype == np.uint8 else 0
    return [int(i) for i in np.flatnonzero(counts) if i not in (0, void)]


def _painted(ids: tuple[int, ...], values: np.ndarray, kept: Mapping[int, Kept]) -> np.ndarray:
    """(K, H, W) float32: the scores within the kept regions, an adopted one with its donor's."""
    out = np.zeros(values.shape, np.float32)
    row = {i: n for n, i in enumerate(ids)}
    for i, own in kept.items():
        target, box = out[row[i]], own.region.box
        score = values[row[i]][box]
        if own.donor is not None:
            score = np.maximum(score, values[row[own.donor]][box])
        np.copyto(target[box], score, where=own.region.mask)
        for region in own.filled:
            target[region.box][region.mask] = 1.0
    return out
