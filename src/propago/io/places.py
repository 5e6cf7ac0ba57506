"""Files and folders that an argument names."""

from pathlib import Path

from propago.errors import UsageError

MASKS = ("masks", "results", "gt")
"""Arguments that masks are read from."""


def place_of(value: str | Path, argument: str) -> Path:
    """The file or folder that `argument` names.

    Raises:
        UsageError: it is neither text nor a path.
    """
    if isinstance(value, str | Path):
        return Path(value)
    shape = getattr(value, "shape", None)
    came = type(value).__name__ if shape is None else f"{type(value).__name__} {tuple(shape)}"
    advice = ""
    if shape is not None and argument in MASKS:
        advice = ". Arrays are written frame by frame with `propago.write_mask` first"
    raise UsageError(f"`{argument}` is a file or folder, as text or a Path; this is {came}{advice}")
