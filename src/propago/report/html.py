"""An evaluation as one HTML page that needs no other file: `render_report`."""

import math
from collections.abc import Mapping, Sequence

from propago.errors import UsageError
from propago.metrics.evaluation import Evaluation
from propago.metrics.identity import Identity
from propago.metrics.protocols import PROTOCOLS
from propago.report.colours import HUES
from propago.report.difference import CONFUSED, INVENTED, MISSED
from propago.report.page import templates
from propago.report.sections import (
    EVENTS_AT_ONCE,
    LETTERS,
    Result,
    ShownFrame,
    frames_in,
    section,
)
from propago.report.timeline import Fate

LOWER_IS_BETTER = {"id_switches", "frames_lost", "frames_swapped"}
"""Of the figures that the page adds."""


def name_results(
    evaluations: Mapping[str, Evaluation], identities: Mapping[str, Identity]
) -> list[Result]:
    """The results of one page, each with its letter.

    Args:
        evaluations: by what the user calls them, at least one.
        identities: of the same names.

    Raises:
        UsageError: none or too many, without J&F, or they do not measure the same objects by the
            same rules.
    """
    if not 1 <= len(evaluations) <= len(LETTERS):
        raise UsageError(
            f"a report shows 1 to {len(LETTERS)} results; these are {len(evaluations)}"
        )
    for name, evaluation in evaluations.items():
        if "J&F" not in evaluation.figures:
            raise UsageError(f"a report ranks objects by J&F, and {name} was measured without it")
    (first, reference), *others = evaluations.items()
    for name, evaluation in others:
        if _measured(evaluation) != _measured(reference):
            raise UsageError(
                f"{first} and {name} cannot stand side by side: they were not measured on the "
                "same frames and objects by the same protocol and tolerance"
            )
    letters = LETTERS if others else [""]
    return [
        Result(letter, name, evaluation, identities[name])
        for letter, (name, evaluation) in zip(letters, evaluations.items(), strict=False)
    ]


def render_report(results: Sequence[Result], shown: Sequence[ShownFrame]) -> str:
    """The page.

    Args:
        results: from `name_results`.
        shown: the worst frames as pictures; may be empty.
    """
    environment = templates()
    environment.filters["fraction"] = _fraction
    evaluation = results[0].evaluation
    names = dict.fromkeys(o.sequence for o in evaluation.objects)
    sections = [section(n, name, results, shown) for n, name in enumerate(names)]
    return environment.get_template("report.html").render(
        results=results,
        evaluation=evaluation,
        rules=PROTOCOLS[evaluation.protocol].rules,
        meanings=evaluation.meanings,
        notes=list(dict.fromkeys(note for r in results for note in r.evaluation.notes)),
        summary=_summary(results),
        table=_object_table(results, {s.name: s.number for s in sections}),
        worst=_worst_objects(results),
        sections=sections,
        readouts={s.number: _readout(s.name, s.charts, results) for s in sections},
        events_at_once=EVENTS_AT_ONCE,
        hues=HUES,
        errors={"missed": MISSED, "invented": INVENTED, "another object": CONFUSED},
    )


def _measured(evaluation: Evaluation) -> tuple:
    """What must be equal for two results to be compared."""
    objects = sorted((o.sequence, o.id, o.frames) for o in evaluation.objects)
    return evaluation.protocol, evaluation.settings, list(evaluation.figures), objects


def _summary(results: Sequence[Result]) -> list[dict]:
    """One row a figure, one cell a result, the best one marked where there are several."""
    columns = []
    for r in results:
        identity = r.identity.summary.to_json()["global"]
        columns.append(
            {
                **r.evaluation.figures,
                **{name: identity[name] for name in ("HOTA", "id_switches")},
                "frames_lost": sum(frames_in(fates, Fate.LOST) for fates in r.fates.values()),
                "frames_swapped": sum(frames_in(fates, Fate.SWAPPED) for fates in r.fates.values()),
            }
        )
    less = LOWER_IS_BETTER.union(results[0].evaluation.lower_is_better)
    return [
        {"name": name.replace("_", " "), "cells": _marked([c[name] for c in columns], name in less)}
        for name in columns[0]
    ]


def _marked(values: Sequence[float], lower_is_better: bool) -> list[dict]:
    known = [v for v in values if not math.isnan(v)]
    best = (min if lower_is_better else max)(known, default=None)
    several = len(set(values)) > 1
    return [{"value": v, "best": several and v == best} for v in values]


def _object_table(results: Sequence[Result], numbers: Mapping[str, int]) -> dict:
    """Columns and rows of the table of objects."""
    several = len(results) > 1
    figures = list(results[0].evaluation.figures)
    if several:
        figures = [name for name in figures if not name.endswith(("_recall", "_decay"))]
    figures += ["lost", "swapped"]
    columns = [f"{f.replace('_', ' ')} {r.letter}".strip() for f in figures for r in results]
    if several:
        columns.insert(len(results), _difference_name(results))
    rows = []
    for key in results[0].objects:
        values = [_figure(r, key, f) for f in figures for r in results]
        if several:
            values.insert(len(results), _difference(values[: len(results)]))
        rows.append(
            {
                "sequence": key[0],
                "number": numbers[key[0]],
                "id": key[1],
                "proposal": results[0].objects[key].proposal if not several else None,
                "values": values,
            }
        )
    proposals = any(row["proposal"] is not None for row in rows)
    return {"columns": columns, "rows": rows, "proposals": proposals}


def _figure(result: Result, key: tuple[str, int], figure: str) -> float:
    if figure in ("lost", "swapped"):
        return frames_in(result.fates[key], Fate(figure))
    return result.objects[key].figures[figure]


def _difference_name(results: Sequence[Result]) -> str:
    return "J&F B - A" if len(results) == 2 else "J&F best - worst"


def _difference(values: Sequence[float]) -> float:
    return values[1] - values[0] if len(values) == 2 else max(values) - min(values)


def _worst_objects(results: Sequence[Result]) -> list[tuple[Result, str, int, float]]:
    """The three worst objects: result, sequence, id, J&F."""
    found = [(r, name, i, o.figures["J&F"]) for r in results for (name, i), o in r.objects.items()]
    return sorted(found, key=lambda row: row[3])[:3]


def _readout(name: str, charts: Sequence[dict], results: Sequence[Result]) -> dict:
    """What the page's script says when a reader points at a frame."""
    return {
        "frames": results[0].identity.sequences[name].frames,
        "curves": [
            {
                "measure": chart["measure"],
                "label": f"{curve['letter']} {curve['id']}".strip(),
                "values": curve["values"],
            }
            for chart in charts
            for curve in chart["curves"]
        ],
    }


def _fraction(value: float | int | None) -> str:
    """Three decimals; counts as they are; a dash where there is no value."""
    if value is None or math.isnan(value):
        return "–"  # noqa: RUF001
    return str(value) if isinstance(value, int) else f"{value:z.3f}"
