"""The parts of a report page that belong to one sequence: curves, timeline, worst frames."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from propago.metrics.evaluation import Evaluation, ObjectScores, aligned
from propago.metrics.identity import Identity
from propago.report.colours import hue_of
from propago.report.curves import curve_path, scale_top
from propago.report.timeline import Fate, Stretch, stretches

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
EVENTS_AT_ONCE = 6
TROUBLES = (Fate.LOST, Fate.SWAPPED, Fate.INVENTED)


@dataclass(frozen=True)
class Result:
    """One folder of results, measured.

    Attributes:
        letter: its mark in the page; empty where it is the only one.
        name: what the user calls it.
        evaluation: J and F.
        identity: of the same evaluation.
    """

    letter: str
    name: str
    evaluation: Evaluation
    identity: Identity

    @cached_property
    def objects(self) -> dict[tuple[str, int], ObjectScores]:
        """By sequence and id."""
        return {(o.sequence, o.id): o for o in self.evaluation.objects}

    @cached_property
    def fates(self) -> dict[tuple[str, int], tuple[Stretch, ...]]:
        """What becomes of each object, by sequence and id."""
        assigned = self.evaluation.protocol == "davis-unsupervised"
        return {
            (name, i): stretches(
                self.identity.sequences[name].overlaps, i, o.proposal if assigned else i
            )
            for (name, i), o in self.objects.items()
        }


@dataclass(frozen=True)
class Panel:
    """A picture of a worst frame: its caption and its JPEG as a data URI."""

    caption: str
    uri: str


@dataclass(frozen=True)
class ShownFrame:
    """A worst frame: lowest mean of J and F over the objects, in the result that is worst."""

    sequence: str
    name: str
    score: float
    panels: tuple[Panel, ...]


@dataclass(frozen=True)
class Section:
    """What the template shows of one sequence."""

    number: int
    name: str
    scores: list[float]
    ticks: list[str]
    frame_count: int
    objects: list[dict]
    charts: list[dict]
    lanes: list[dict]
    events: list[str]
    shown: list[ShownFrame]


def frames_in(fates: Sequence[Stretch], fate: Fate) -> int:
    """In how many frames an object has a fate."""
    return sum(s.frames for s in fates if s.fate is fate)


def section(
    number: int, name: str, results: Sequence[Result], shown: Sequence[ShownFrame]
) -> Section:
    """One sequence in all results."""
    frames = results[0].identity.sequences[name].frames
    ids = [o.id for o in results[0].evaluation.objects if o.sequence == name]
    scores = [
        sum(r.objects[name, i].figures["J&F"] for i in ids) / len(ids) if ids else float("nan")
        for r in results
    ]
    return Section(
        number=number,
        name=name,
        scores=scores,
        ticks=[frames[0], frames[len(frames) // 2], frames[-1]],
        frame_count=len(frames),
        objects=[{"id": i, "hue": hue_of(i)} for i in ids],
        charts=_charts(name, ids, frames, results),
        lanes=[_lane(name, i, r, frames) for i in ids for r in results],
        events=_events(name, ids, frames, results),
        shown=[frame for frame in shown if frame.sequence == name],
    )


def _charts(
    name: str, ids: Sequence[int], frames: Sequence[str], results: Sequence[Result]
) -> list[dict]:
    """One for everything that was measured frame by frame."""
    charts = []
    for measure in results[0].evaluation.objects[0].values:
        series = [
            (number, r.letter, i, aligned(r.objects[name, i], measure, frames))
            for i in ids
            for number, r in enumerate(results)
        ]
        top = scale_top([v for *_, values in series for v in values])
        curves = [
            {
                "id": i,
                "hue": hue_of(i),
                "result": number,
                "letter": letter,
                "path": curve_path(values, top),
                "values": [None if v is None else round(v, 3) for v in values],
            }
            for number, letter, i, values in series
        ]
        charts.append({"measure": measure, "top": top, "curves": curves})
    return charts


def _lane(name: str, object_id: int, result: Result, frames: Sequence[str]) -> dict:
    """The timeline of one object in one result; places are percentages of the width."""
    count, fates = len(frames), result.fates[name, object_id]
    bars = [
        {
            "fate": s.fate.value,
            "hue": hue_of(object_id if s.called is None else s.called),
            "left": 100 * s.first / count,
            "width": 100 * s.frames / count,
            "called": s.called,
            "title": f"{_told(s)}: {_span(s, frames)}",
        }
        for s in fates
    ]
    totals = {fate: frames_in(fates, fate) for fate in Fate}
    counted = ", ".join(f"{fate.value} in {n} frames" for fate, n in totals.items() if n)
    switches = [
        100 * switch.frame / count
        for switch in result.identity.sequences[name].score.switches
        if switch.gt_id == object_id
    ]
    return {
        "id": object_id,
        "letter": result.letter,
        "hue": hue_of(object_id),
        "bars": bars,
        "switches": switches,
        "label": f"object {object_id} {result.letter}: {counted}",
    }


def _events(
    name: str, ids: Sequence[int], frames: Sequence[str], results: Sequence[Result]
) -> list[str]:
    """What went wrong, in words; the longest first."""
    found = [
        (s.frames, f"{r.letter} object {i} {_told(s)}, {_span(s, frames)}".strip())
        for r in results
        for i in ids
        for s in r.fates[name, i]
        if s.fate in TROUBLES
    ]
    return [text for _, text in sorted(found, key=lambda event: -event[0])]


def _told(stretch: Stretch) -> str:
    if stretch.fate is Fate.SWAPPED:
        return f"covered by the mask of {stretch.called}"
    if stretch.fate is Fate.INVENTED:
        return "predicted though it is not there"
    return stretch.fate.value


def _span(stretch: Stretch, frames: Sequence[str]) -> str:
    if stretch.frames == 1:
        return f"frame {frames[stretch.first]}"
    return f"frames {frames[stretch.first]} to {frames[stretch.last]} ({stretch.frames} frames)"
