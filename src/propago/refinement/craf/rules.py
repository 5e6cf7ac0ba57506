"""The steps of the connected-region-aware filter on regions, without scores or label maps.

Source: Cheng et al., "Learning to Segment Instances in Videos with Spatial Propagation Network",
DAVIS challenge 2017, section 4.2. What is ours or the published code's, `CrafSettings` says.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import permutations
from typing import Literal

from propago.ops.regions import Region, holes, iou, overlap, overlap_within, union, without
from propago.refinement.craf.settings import CrafSettings
from propago.types import Event

Found = Mapping[int, Sequence[Region]]
"""By object id its connected regions, the largest first."""
Previous = Mapping[int, Region]
"""By object id where it was in the previous frame; absent ones are missing."""


@dataclass(frozen=True)
class Kept:
    """What is left of an object.

    Attributes:
        region: all its pixels.
        donor: the object whose map the region was adopted from, which may be itself.
        filled: former holes.
    """

    region: Region
    donor: int | None = None
    filled: tuple[Region, ...] = ()


def selected(
    found: Found, previous: Previous, settings: CrafSettings, *, labelled: bool = False
) -> tuple[dict[int, Kept], list[Event]]:
    """All three steps.

    Args:
        found: what each object has now.
        previous: where each was.
        settings: what is kept.
        labelled: somebody gave every region its id. By our rules an object then keeps the regions
            that are like another one's where without them less than `gamma` of it were left.

    Returns:
        What is left of each object, which may be nothing, and what was done.
    """
    kept: dict[int, Kept] = {}
    refused: list[tuple[int, Region, str]] = []
    for i, parts in found.items():
        good, bad = _chosen(i, parts, previous, settings, labelled)
        refused += [(i, region, why) for region, why in bad]
        if good:
            kept[i] = Kept(union(good))
    events = _uncover(kept, previous, settings.beta)
    adopted = _adopt(kept, refused, found, previous, settings)
    if adopted:
        events += adopted
        events += _uncover(kept, previous, settings.beta)
    return kept, [_event(i, "removed", why, region) for i, region, why in refused] + events


def filled(kept: Mapping[int, Kept], up_to_px: int) -> tuple[dict[int, Kept], list[Event]]:
    """Holes of at most `up_to_px` pixels become the object's, less what another object holds."""
    result, events = dict(kept), []
    for i in kept if up_to_px else ():
        own = result[i]
        others = [other.region for j, other in result.items() if j != i]
        small = [hole for hole in holes(own.region) if hole.area <= up_to_px]
        left = [hole for hole in (_less(hole, others) for hole in small) if hole]
        if left:
            result[i] = replace(own, region=union([own.region, *left]), filled=tuple(left))
            events += [_event(i, "filled", "a small hole", hole) for hole in left]
    return result, events


def _chosen(
    i: int, parts: Sequence[Region], previous: Previous, settings: CrafSettings, labelled: bool
) -> tuple[list[Region], list[tuple[Region, str]]]:
    """Step 1: the regions that an object keeps, and the others with the reason."""
    before = previous.get(i)
    bad = [(p, "an island") for p in parts[1:] if p.area < settings.islands_px]
    parts = [p for n, p in enumerate(parts) if n == 0 or p.area >= settings.islands_px]
    if settings.regions == "consistent":
        foreign = [_like_another(part, i, previous, settings.delta) for part in parts]
        own_px = sum(p.area for p, j in zip(parts, foreign, strict=True) if not j)
        if labelled and own_px < settings.gamma * sum(p.area for p in parts):
            foreign = [None] * len(parts)
        strangers = [(p, j) for p, j in zip(parts, foreign, strict=True) if j]
        bad += [(part, f"it is where object {j} was") for part, j in strangers]
        parts = [p for p, j in zip(parts, foreign, strict=True) if not j]
    if not parts:
        return [], bad
    agreement = [_iou(part, before) for part in parts]
    least = settings.alpha * parts[0].area
    large = [n for n, part in enumerate(parts) if n == 0 or part.area > least]
    best = max(large, key=lambda n: (agreement[n], parts[n].area))
    if before and agreement[best] <= settings.least_iou and settings.least_iou:
        why = f"it agrees with the previous region by {agreement[best]:.2f} at most"
        return [], bad + [(part, why) for part in parts]
    good = {best}
    if settings.keep_small:
        good |= {n for n, share in enumerate(agreement) if share > agreement[best]}
    if settings.regions == "consistent":
        good |= set(large)
        small = {n for n in range(len(parts)) if n not in good}
        good |= {n for n in small if _near(parts[n], before, settings.reach_px)}
    why = f"it agrees less with the previous region than the best, {agreement[best]:.2f}"
    bad += [(part, why) for n, part in enumerate(parts) if n not in good]
    return [parts[n] for n in sorted(good)], bad


def _like_another(part: Region, i: int, previous: Previous, delta: float) -> int | None:
    """The object whose previous region this one is like, more than like its own."""
    like = {
        j: share
        for j, other in previous.items()
        if j != i and _size_ratio(part, other) > delta and (share := iou(part, other)) > delta
    }
    best = max(like, key=lambda j: like[j], default=None)
    return best if best and like[best] > _iou(part, previous.get(i)) else None


def _size_ratio(a: Region, b: Region) -> float:
    """The smaller area over the larger, which the Jaccard similarity does not exceed."""
    return min(a.area, b.area) / max(a.area, b.area)


def _near(part: Region, before: Region | None, reach_px: int) -> bool:
    """Whether half of a region is within reach of the previous one, or there is none."""
    return before is None or 2 * overlap_within(part, before, reach_px) >= part.area


def _uncover(kept: dict[int, Kept], previous: Previous, beta: float | None) -> list[Event]:
    """Step 2, in place: an object loses what a covered object holds."""
    events: list[Event] = []
    if beta is None:
        return events
    for i, j in permutations(sorted(kept), 2):
        if i not in kept or j not in kept:
            continue
        a, b = kept[i].region, kept[j].region
        both = overlap(a, b)
        if not both or both / b.area <= beta:
            continue
        mutual = both / a.area > beta
        if mutual and (_iou(a, previous.get(i)), -i) > (_iou(b, previous.get(j)), -j):
            continue
        events.append(Event(i, "removed", f"object {j} covers it", both, b.xyxy))
        left = without(a, b)
        if left is None:
            del kept[i]
        else:
            kept[i] = replace(kept[i], region=left)
    return events


def _adopt(
    kept: dict[int, Kept],
    refused: list[tuple[int, Region, str]],
    found: Found,
    previous: Previous,
    settings: CrafSettings,
) -> list[Event]:
    """Step 3, in place: objects that have become too small take a refused region for their own.

    What they had is gone: nothing refused it in step 1, so no other object may take it.
    """
    events = []
    for i in found:
        before = previous.get(i)
        area = kept[i].region.area if i in kept else 0
        if before is None or before.area < settings.recover_from_px:
            continue
        if area >= settings.gamma * before.area:
            continue
        n = max(range(len(refused)), key=lambda n: _iou(refused[n][1], before), default=None)
        if n is None or (share := _iou(refused[n][1], before)) <= settings.delta:
            continue
        donor, region, _ = refused.pop(n)
        old = without(kept[i].region, region) if i in kept else None
        if old:
            events.append(_event(i, "removed", "it adopts another region", old))
        kept[i] = Kept(region, donor)
        why = f"from object {donor}: it agrees with the previous region by {share:.2f}"
        events.append(_event(i, "adopted", why, region))
    return events


def _iou(region: Region, before: Region | None) -> float:
    return iou(region, before) if before else 0.0


def _less(region: Region, others: Sequence[Region]) -> Region | None:
    left: Region | None = region
    for other in others:
        left = without(left, other) if left else None
    return left


def _event(
    i: int, what: Literal["removed", "adopted", "filled"], why: str, region: Region
) -> Event:
    return Event(i, what, why, region.area, region.xyxy)
