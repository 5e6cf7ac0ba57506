"""The order of file names, and lists of names. Nothing heavy: jobs on label maps start fast."""

import re
from pathlib import Path

from propago.errors import SourceError


def natural_key(name: str) -> list[tuple[int, int, str]]:
    """Sort key in which numbers count as numbers: frame2 before frame10."""
    parts = re.split(r"([0-9]+)", name.lower())
    return [(0, int(p), p) if p.isdecimal() else (1, 0, p) for p in parts if p]


def is_hidden(path: Path) -> bool:
    """Whether systems, not people, put a file or folder there: ._00000.png, __MACOSX, .git."""
    return path.name.startswith(".") or path.name == "__MACOSX"


def visible(folder: Path) -> list[Path]:
    """What people put into a folder, in natural order; nothing where there is no folder."""
    found = (path for path in folder.glob("*") if not is_hidden(path))
    return sorted(found, key=lambda path: natural_key(path.name))


def find_list(root: Path, set_file: Path) -> Path:
    """A list of sequences: a file, or the name of one in the ImageSets of a data set.

    Raises:
        SourceError: there is no such list.
    """
    sets = root / "ImageSets"
    named = (f"{set_file}", f"{set_file}.txt")
    for path in (set_file, *(p for n in named for p in (sets / n, *sorted(sets.glob(f"*/{n}"))))):
        if path.is_file():
            return path
    there = ", ".join(sorted(str(p.relative_to(sets)) for p in sets.rglob("*.txt"))) or "none"
    raise SourceError(f"there is no list {set_file}, nor one in {sets}; there are: {there}")


def names_in(set_file: Path) -> list[str]:
    """Sequence names, one a line, once each; with spaces, with or without a byte order mark.

    A line of DAVIS 2016 is a path to a frame and one to its mask.

    Raises:
        SourceError: the list is empty.
    """
    lines = [line.strip() for line in set_file.read_text("utf-8-sig").splitlines() if line.strip()]
    names = [line.split()[0].split("/")[-2] if "/" in line else line for line in lines]
    if not names:
        raise SourceError(f"{set_file} is empty; it holds one sequence name per line")
    return list(dict.fromkeys(names))
