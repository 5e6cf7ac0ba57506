"""`--to`: results of a run in other formats, too."""

import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any

import tyro

from propago.cli.arguments import with_flags

Formats = tyro.conf.UseAppendAction[
    Annotated[tuple[Annotated[str, tyro.conf.arg(metavar="FORMAT")], ...], tyro.conf.arg(name="to")]
]
"""The type of the argument `to`."""


def refuse_unknown(formats: Sequence[str]) -> None:
    """Before any work: refuse formats that there are not.

    Raises:
        UsageError: one is unknown, or cannot be written.
    """
    if formats:
        from propago.io.conversion import writable

        for name in formats:
            writable(name)


def say_exports(
    verb: ModuleType, out: Path, formats: Sequence[str], frames: str | Path | None, **reading: Any
) -> None:
    """Write the results in `out` in each format, and say where they are and what was lost."""
    if not formats:
        return
    from propago.jobs.convert import export

    for done in export(out, formats, frames=frames, reading=reading):
        for note in done.notes:
            print(f"note: {with_flags(note, verb)}", file=sys.stderr)
        print(f"{done.to_format:<8} {done.out}")
