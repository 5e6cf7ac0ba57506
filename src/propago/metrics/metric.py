"""What a metric is, and the table of those there are. Adding one is a file and a line here."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from typing import Any, Protocol, runtime_checkable

from propago.errors import UsageError


class Metric(Protocol):
    """A measure of one thing: it takes in pairs of truth and prediction, then gives its figures.

    Of label maps a fresh copy measures each object of each sequence, and a pair is a
    `propago.metrics.pairs.MaskPair`; the figures of the whole are means over the objects. Of track
    files a pair is a `VideoTracks`, of COCO files an `InstanceFiles`, of class maps a `ClassMaps`,
    and one copy sees them all; it has `parts`, too.
    """

    @property
    def lower_is_better(self) -> Collection[str]:
        """Names of the figures of which less is better."""
        ...

    def update(self, pair: Any) -> Mapping[str, float]:
        """Take in the next pair; what becomes curves: values of this frame by name, or nothing."""
        ...

    def compute(self) -> Mapping[str, float]:
        """The figures of all pairs so far by name; NaN where undefined."""
        ...


@runtime_checkable
class MetricOfParts(Metric, Protocol):
    """A metric of a whole set that falls into categories or classes."""

    def parts(self) -> Mapping[int, Mapping[str, float]]:
        """The figures of each category by its id."""
        ...


@dataclass(frozen=True)
class Measure:
    """A line of the table.

    Attributes:
        path: "module:attribute" of what makes the metric, called without arguments.
        summary: what its figures mean.
        of: what it measures: masks, tracks, identities, instances or classes.
    """

    path: str
    summary: str
    of: str = "masks"


METRICS: dict[str, Measure] = {
    "J&F": Measure(
        "propago.metrics.davis:JAndF",
        "J: intersection over union of the two masks. F: harmonic mean of the precision and recall "
        "of the boundary pixels. Mean over frames; recall: share of frames above 0.5; decay: mean "
        "of the first quarter of the frames minus that of the last. J&F: (J mean + F mean) / 2",
    ),
    "J": Measure(
        "propago.metrics.davis:RegionSimilarity",
        "Of J&F the part that J has: the masks' regions",
    ),
    "F": Measure(
        "propago.metrics.davis:BoundaryAccuracy",
        "Of J&F the part that F has: the masks' boundaries",
    ),
    "T": Measure(
        "propago.metrics.stability:Instability",
        "How much the outline of the prediction changes from one frame to the next; 0 is best",
    ),
    "track AP": Measure(
        "propago.metrics.tracks:TrackAveragePrecision",
        "Average precision and recall of tracks, as YouTube-VIS defines them",
        of="tracks",
    ),
    "HOTA": Measure(
        "propago.metrics.identity:TrackIdentity",
        "Finding objects (DetA) and keeping their names (AssA), over 19 IoU thresholds",
        of="tracks",
    ),
    "identity": Measure(
        "propago.metrics.identity:LabelIdentity",
        "Finding objects (DetA) and keeping their names (AssA), over 19 IoU thresholds; MOTA and "
        "identity switches at IoU 0.5",
        of="identities",
    ),
    "AP": Measure(
        "propago.metrics.instances:InstanceAveragePrecision",
        "Average precision and recall of instances, as COCO defines them",
        of="instances",
    ),
    "AP^r": Measure(
        "propago.metrics.instances:RegionAveragePrecision",
        "Average precision of regions at the IoU thresholds .1 ... .9, and the mean over them",
        of="instances",
    ),
    "mIoU": Measure(
        "propago.metrics.semantic:MeanIou",
        "Intersection over union of every class over all pictures; mean over the classes",
        of="classes",
    ),
}


def load_metrics(
    wanted: Iterable[str | Metric], of: str = "masks"
) -> tuple[dict[str, Metric], dict[str, str]]:
    """Metrics by name, and what each of them means.

    Args:
        wanted: names in `METRICS`, or objects; an object's name is that of its class, and its
            meaning the first line of its docstring.
        of: what is measured.

    Raises:
        UsageError: no such name, or a metric of something else.
    """
    metrics: dict[str, Metric] = {}
    meanings: dict[str, str] = {}
    for metric in wanted:
        if isinstance(metric, str):
            measure = _measure(metric, of)
            module, _, attribute = measure.path.partition(":")
            metrics[metric] = getattr(import_module(module), attribute)()
            meanings[metric] = measure.summary
        else:
            name = type(metric).__name__
            metrics[name] = metric
            meanings[name] = (type(metric).__doc__ or name).splitlines()[0]
    if not metrics:
        raise UsageError("`metrics` is empty: name at least one")
    return metrics, meanings


def _measure(name: str, of: str) -> Measure:
    legal = [n for n, measure in METRICS.items() if measure.of == of]
    if name in legal:
        return METRICS[name]
    what = f"measures {METRICS[name].of}, not {of}" if name in METRICS else "is no metric"
    near = get_close_matches(name, legal, 1)
    hint = f"did you mean {near[0]}? There are" if near else "there are"
    raise UsageError(f"`metrics` {name} {what}; {hint} {', '.join(legal)}")
