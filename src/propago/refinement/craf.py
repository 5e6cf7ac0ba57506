"""The connected-region-aware filter: regions that disagree with the previous frame go.

Source: Cheng et al., "Learning to Segment Instances in Videos with Spatial Propagation Network",
DAVIS challenge 2017, section 4.2; `CrafSettings.released` follows the code that was published with
it. Where the paper leaves something open, `CrafSettings` says what is done.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import cv2
import numpy as np
import torch

from propago.errors import MaskError
from propago.ops.regions import Region, components, region_of
from propago.refinement.craf_rules import Event, Kept, filled, selected
from propago.refinement.craf_settings import CrafSettings
from propago.types import VOID, Scores


@dataclass(frozen=True)
class CrafState:
    """The previous frame.

    Attributes:
        regions: by id, where each object was; absent ones are missing.
        frames: how many frames there were.
    """

    regions: Mapping[int, Region] = field(default_factory=dict)
    frames: int = 0


class Craf:
    """The filter as a `Cleaner`; the first frame is taken for the truth."""

    def __init__(self, settings: CrafSettings | None = None) -> None:
        self.settings = settings or CrafSettings()

    def begin(self) -> CrafState:
        """Before the first frame."""
        return CrafState()

    def filter(self, state: CrafState, scores: Scores) -> Scores:
        """Scores that are 0 outside each object's kept regions.

        Raises:
            MaskError: scores that are not numbers in [0, 1].
        """
        return self.explain(state, scores)[0]

    def update(self, state: CrafState, scores: Scores) -> CrafState:
        """The state after a frame with these final scores: an object is where it is labelled."""
        if not scores.ids:
            return CrafState({}, state.frames + 1)
        rows, background = scores.probabilities.numpy(force=True), np.float32(0.5)
        if scores.logits is not None:
            background, *rows = scores.logits.numpy(force=True)
        best = np.maximum.reduce(rows)
        labelled = best > background
        masks = ((row == best) & labelled for row in rows)
        return _remembered(state, zip(scores.ids, masks, strict=True))

    def explain(self, state: CrafState, scores: Scores) -> tuple[Scores, tuple[Event, ...]]:
        """As `filter`, and what was removed, adopted or filled, and why.

        Raises:
            MaskError: scores that are not numbers in [0, 1].
        """
        if not scores.ids or not state.frames:
            return scores, ()
        values = _checked(scores)
        over = values > self.settings.threshold
        found = {i: components(mask) for i, mask in zip(scores.ids, over, strict=True)}
        kept, events = selected(found, state.regions, self.settings)
        kept, more = filled(kept, self.settings.holes_px)
        cleaned = _painted(scores.ids, values, kept)
        device = scores.probabilities.device
        return scores.replaced(torch.from_numpy(cleaned).to(device)), (*events, *more)

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
            MaskError: another shape or type.
        """
        if labels.ndim != 2 or labels.dtype not in (np.uint8, np.uint16):
            raise MaskError(
                f"a label map is (H, W) uint8 or uint16; this one is {labels.shape} {labels.dtype}"
            )
        if not state.frames:
            return labels, _seen(state, labels, _ids(labels)), ()
        ids = sorted({*_ids(labels), *state.regions})
        found = {i: components(labels == i) for i in ids}
        kept, events = selected(found, state.regions, self.settings)
        kept, more = filled(kept, self.settings.holes_px)
        cleaned = np.zeros_like(labels)
        for i, own in kept.items():
            cleaned[own.region.box][own.region.mask] = i
        if labels.dtype == np.uint8:
            cleaned[labels == VOID] = VOID
        return cleaned, _seen(state, cleaned, ids), (*events, *more)


def _seen(state: CrafState, labels: np.ndarray, ids: Iterable[int]) -> CrafState:
    """The state after a frame with these final labels (H, W)."""
    return _remembered(state, ((i, labels == i) for i in ids))


def _remembered(state: CrafState, masks: Iterable[tuple[int, np.ndarray]]) -> CrafState:
    regions = {i: region for i, mask in masks if (region := region_of(mask))}
    return CrafState(regions, state.frames + 1)


def _ids(labels: np.ndarray) -> list[int]:
    """The objects in a label map, ascending."""
    values = np.iinfo(labels.dtype).max + 1
    counts = cv2.calcHist([np.ascontiguousarray(labels)], [0], None, [values], [0, values])
    void = VOID if labels.dtype == np.uint8 else 0
    return [int(i) for i in np.flatnonzero(counts) if i not in (0, void)]


def _checked(scores: Scores) -> np.ndarray:
    """(K, H, W) float32."""
    low, high = (float(a) for a in scores.probabilities.aminmax())
    if not (low >= 0 and high <= 1):
        raise MaskError(
            f"scores are probabilities in [0, 1]; these reach from {low:g} to {high:g}. A sigmoid "
            "or softmax makes them of logits"
        )
    return scores.probabilities.float().numpy(force=True)


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
