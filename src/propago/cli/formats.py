"""`--to`: results of a run in other formats, too."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import tyro

from propago.cli.arguments import say_note
from propago.errors import UsageError

Formats = tyro.conf.UseAppendAction[
    Annotated[tuple[Annotated[str, tyro.conf.arg(metavar="FORMAT")], ...], tyro.conf.arg(name="to")]
]
"""The type of the argument `to`."""


def refuse_unknown(formats: Sequence[str], *, matte: bool = False, frames: bool = True) -> None:
    """Before any work: refuse formats that cannot be written, and a `matte` that goes nowhere.

    Args:
        formats: their names.
        matte: whether alpha is to follow the colours of the frames.
        frames: whether the verb has frames.

    Raises:
        UsageError: one is unknown, or needs frames that are not there.
    """
    forms = []
    if formats:
        from propago.io.conversion import writable

        forms = [writable(name) for name in formats]
    for name, form in zip(formats, forms, strict=True):
        if form.needs_source == "write" and not frames:
            raise UsageError(
                f"--to {name} needs the frames, which this verb does not read; write it of the "
                f"results: propago convert RESULTS FILE --to {name} --frames VIDEO"
            )
    if matte and not any(form.needs_source == "write" for form in forms):
        raise UsageError("`matte` is of mattes: add `to` prores, webm, rgba-pngs or alpha-pngs")


def say_exports(
    arguments: Any,
    out: Path,
    frames: str | Path | None,
    *,
    matte: bool = False,
    **reading: Any,
) -> None:
    """Write the results in `out` in each format, and say where they are and what was lost.

    Args:
        arguments: of the verb; `to` are the formats.
        out: the folder of a run.
        frames: its source, for mattes.
        matte: alpha follows the colours of the frames.
        reading: how they are read.
    """
    if not arguments.to:
        return
    from propago.io.formats.mattes import MatteOptions
    from propago.jobs.convert import export_results

    mattes = MatteOptions(matte=matte)
    exported = export_results(out, arguments.to, frames=frames, reading=reading, mattes=mattes)
    for done in exported:
        for note in done.notes:
            say_note(note, arguments)
        print(f"{done.to_format:<8} {done.out}")
