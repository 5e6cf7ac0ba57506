"""The HTML report of one evaluation, or of several side by side."""

from collections.abc import Mapping
from os.path import commonpath
from pathlib import Path

from propago.errors import UsageError
from propago.io.atomic import write_text
from propago.metrics.evaluation import Evaluation
from propago.metrics.identity import evaluate_identity
from propago.report.html import name_results, render_report
from propago.report.worst_frames import shown_frames
from propago.runs.options import Progress


def write_report(
    path: str | Path,
    evaluations: Evaluation | Mapping[str, Evaluation],
    images: str | Path | None = None,
    progress: Progress | None = None,
) -> Path:
    """Write a page that explains evaluations; it needs no other file and no network.

    The protocol, all objects in a table that sorts, J and F per frame, who was lost or swapped
    when, and the worst frames as pictures. The label maps are read again.

    Args:
        path: of the page.
        evaluations: one, or several by name, of the same objects by the same rules.
        images: the pictures behind the masks: a data set's root, a folder with one folder a
            sequence, or the folder or video of the only sequence. None: masks on grey.
        progress: called with (frames done, frames in all, what is done).

    Returns:
        The path.

    Raises:
        UsageError: the evaluations cannot stand side by side.
        SourceError: a picture or a label map is missing or unreadable.
        OutputError: the page cannot be written.
    """
    if isinstance(evaluations, Evaluation):
        evaluations = {_folder(evaluations): evaluations}
    identities = {name: evaluate_identity(e, progress) for name, e in evaluations.items()}
    results = name_results(evaluations, identities)
    shown = shown_frames(results, None if images is None else Path(images))
    page = render_report(results, shown)
    write_text(Path(path), page)
    return Path(path)


def _folder(evaluation: Evaluation) -> str:
    """The folder that holds all predictions."""
    if not evaluation.sequences:
        raise UsageError(f"a report is of label maps; {evaluation.protocol} has none")
    return commonpath([files.frames[0].pred.parent for files in evaluation.sequences])
