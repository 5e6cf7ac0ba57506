"""Tracks, instances or class maps, measured in one pass over all pairs of truth and prediction."""

from collections.abc import Callable, Iterable
from copy import deepcopy
from typing import Any

from propago.metrics.evaluation import CategoryScores, Evaluation
from propago.metrics.metric import Metric, MetricOfParts


def measure_pairs(
    protocol: str, pairs: Iterable[Any], metrics: Iterable[Metric], tick: Callable[[], None]
) -> Evaluation:
    """The figures over everything, and by category where a metric has such.

    Args:
        protocol: its name.
        pairs: what `propago.metrics.inputs.open_pairs` yields.
        metrics: copies of them see every pair.
        tick: called after each pair.
    """
    own = deepcopy(list(metrics))
    for pair in pairs:
        for metric in own:
            metric.update(pair)
        tick()
    parts: dict[int, dict[str, float]] = {}
    for metric in own:
        for i, figures in metric.parts().items() if isinstance(metric, MetricOfParts) else ():
            parts.setdefault(i, {}).update(figures)
    return Evaluation(
        protocol,
        {},
        {name: figure for metric in own for name, figure in metric.compute().items()},
        categories=tuple(CategoryScores(i, figures) for i, figures in sorted(parts.items())),
    )
