"""What the formats in JSON share: loading a file, and telling formats apart by its beginning."""

import json
from pathlib import Path
from typing import Any

from propago.errors import SourceError

HEAD_BYTES = 1 << 20


def read_json(path: Path) -> Any:
    """What a JSON file holds; NaN and infinite numbers are read, and refused where they stand.

    Raises:
        SourceError: it cannot be read, or is cut off or no JSON.
    """
    try:
        return json.loads(path.read_text("utf-8-sig"))
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise SourceError(
            f"{path} is no whole JSON file ({error}); was it cut off? Write or copy it again"
        ) from error


def head_of(path: Path) -> str:
    """The beginning of a .json file; empty of any other."""
    if path.suffix.lower() != ".json" or not path.is_file():
        return ""
    with path.open("rb") as file:
        return file.read(HEAD_BYTES).decode("utf-8-sig", "replace").lstrip()
