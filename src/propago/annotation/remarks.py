"""What a person should know after a run: what was not used, and what to do next."""

from collections.abc import Iterable, Iterator

from propago.annotation.gather import AnnotationSet
from propago.io.source import Source
from propago.ops.both_ways import stretches
from propago.runs.engine import RunSummary

SOON_FRAMES = 10
"""Objects that are all lost this soon after they were given were not known to the method."""

SHOWN = 5


def remarks(
    source: Source, annotations: AnnotationSet, summary: RunSummary, *, fine_tuned: bool
) -> tuple[str, ...]:
    """Sentences for the user about a run that is done.

    Args:
        source: what was segmented.
        annotations: all that was given.
        summary: what the run has come to.
        fine_tuned: whether the method was tuned on the annotated frames.
    """
    return (
        *_unused(source, annotations, summary.frames),
        *_uncertain(summary),
        *(_lost_soon(annotations, summary) if not fine_tuned else ()),
    )


def _unused(source: Source, annotations: AnnotationSet, frames: int) -> Iterator[str]:
    """Masks behind the last frame, and frames before the first masks."""
    last, first = source.selected[frames - 1], min(annotations.given)
    beyond = [index for index in annotations.given if index > last]
    if beyond:
        yield (
            f"masks of {_listed('frame', beyond)} were not used: the last frame of {source.name} "
            f"is {last} (frames count from 0)"
        )
    start = source.selected.start
    before = min(first, last + 1) - source.selected.step
    if annotations.both_ways:
        yield from _not_backwards(annotations, first, start)
    elif before >= start:
        counting = "; frames count from 0" if first == 1 and not source.named else ""
        which = f"frame {start} lies" if before == start else f"frames {start} to {before} lie"
        empty = "is" if before == start else "are"
        yield (
            f"{which} before the first mask and {empty} empty: `both_ways` follows its objects "
            f"backwards{counting}"
        )


def _not_backwards(annotations: AnnotationSet, first: int, start: int) -> Iterator[str]:
    """What `both_ways` does not reach."""
    if first == start and not stretches(annotations.given):
        yield f"`both_ways` has nothing to do: the first mask is that of frame {start}, the first"
    late = sorted(set(annotations.ids) - set(annotations.given[first].ids))
    if late and first > start:
        yield (
            f"{_listed('object', late)} {'have' if len(late) > 1 else 'has'} no mask on frame "
            f"{first}, from where `both_ways` goes backwards: frames before their own first masks "
            "are without them"
        )


def _uncertain(summary: RunSummary) -> Iterator[str]:
    """Stretches in which an object is absent or weak; its end, if lost there, is told elsewhere."""
    for i, weak in sorted(summary.uncertain.items()):
        middle = [s for s in weak if i not in summary.lost or s[1] < summary.lost[i]]
        if middle:
            told = [f"{a}" if a == b else f"{a} to {b}" for a, b in middle]
            plural = len(middle) > 1 or middle[0][0] < middle[0][1]
            yield (
                f"object {i} is weak or away in {_listed('frame', told, plural=plural)}: look "
                f"there, and where it is wrong add a mask, such as at frame {middle[0][0]}"
            )


def _lost_soon(annotations: AnnotationSet, summary: RunSummary) -> Iterator[str]:
    """Where every object is lost at once, the method does not know its like."""
    given = {i: min(t for t, m in annotations.given.items() if i in m.ids) for i in summary.ids}
    soon = [i for i in summary.lost if summary.lost[i] - given.get(i, 0) <= SOON_FRAMES]
    if summary.ids and len(soon) == len(summary.ids):
        yield (
            "every object is lost within a few frames: `finetune`, such as 60steps, makes the "
            "method know them"
        )


def _listed(noun: str, items: Iterable[object], *, plural: bool | None = None) -> str:
    """The first few of `items` in words."""
    told = [str(item) for item in items]
    more = f" and {len(told) - SHOWN} more" * (len(told) > SHOWN)
    many = len(told) > 1 if plural is None else plural
    return f"{noun}{'s' * many} {', '.join(told[:SHOWN])}{more}"
