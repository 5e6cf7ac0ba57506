"""What the benchmarks have in common: their options, and the commit they run at."""

import os
import subprocess
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Sequence
from pathlib import Path

DATA = Path(os.environ.get("PROPAGO_DATA", "../shared/data"))


def parser(
    doc: str | None,
    *,
    data: bool = True,
    set_name: str | None = None,
    only: Sequence[str] = (),
    threads: int | None = None,
) -> ArgumentParser:
    """A parser with the options that are asked for; a benchmark adds its own.

    Args:
        doc: the benchmark's docstring, its help as it stands.
        data: --data, the folder with `davis` in it; PROPAGO_DATA, or ../shared/data.
        set_name: default of --set, a list of sequences in the data's ImageSets.
        only: what --only may name, all being measured without it.
        threads: default of --threads.
    """
    made = ArgumentParser(description=doc, formatter_class=RawDescriptionHelpFormatter)
    if data:
        made.add_argument("--data", type=Path, default=DATA, help="folder with davis in it")
    if set_name:
        made.add_argument("--set", default=set_name, help=f"sequences; {set_name} if left out")
    if only:
        made.add_argument("--only", choices=only, help="measure nothing else")
    if threads:
        made.add_argument("--threads", type=int, default=threads)
    return made


def commit() -> str:
    """The commit this runs at."""
    command = ["git", "describe", "--always", "--dirty", "--exclude", "*"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parent)
    return done.stdout.strip() or "unknown"
