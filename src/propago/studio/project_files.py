"""Reading what lies in a studio's folder."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from propago.errors import OutputError
from propago.io.atomic import replacing, unwritable
from propago.studio.history import StudioObject

SETTINGS = "studio.json"

Figures = dict[int, dict[int, tuple[int, float]]]
"""By frame, by object: area in pixels and mean probability."""


def read_objects(path: Path) -> dict[int, StudioObject]:
    """The objects of studio.json, by id; none where there is no such file.

    Raises:
        OutputError: it is damaged.
    """
    try:
        told = read_settings(path).get("objects", {})
        return {int(i): StudioObject(**said) for i, said in told.items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise _damaged(path, error) from error


def read_settings(path: Path) -> dict[str, Any]:
    """All of studio.json; empty where there is no such file.

    Raises:
        OutputError: it is damaged.
    """
    try:
        told = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise _damaged(path, error) from error
    if not isinstance(told, dict):
        raise _damaged(path, "it is not an object")
    return told


def write_settings(path: Path, told: Mapping[str, Any]) -> None:
    """Write studio.json.

    Raises:
        OutputError: it cannot be written.
    """
    with replacing(path) as unfinished:
        unfinished.write_text(json.dumps(told, indent=1) + "\n", "utf-8")


def read_figures(path: Path) -> Figures:
    """What frames.jsonl says of each frame whose line is whole; nothing where it is not there.

    Raises:
        OutputError: it is damaged.
    """
    try:
        text = path.read_text("utf-8")
        lines: list[dict[str, Any]] = [
            json.loads(t) for t in text.splitlines(True) if t[-1] == "\n"
        ]
        return {
            line["index"]: {
                int(i): (said["area"], said["score"]) for i, said in line["objects"].items()
            }
            for line in lines
        }
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise OutputError(f"{path} is damaged ({error}); choose another `out`") from error


def delete(path: Path) -> None:
    """Delete a file that may be there.

    Raises:
        OutputError: it cannot be deleted.
    """
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise unwritable(path, error) from error


def _damaged(path: Path, why: object) -> OutputError:
    return OutputError(
        f"{path} is damaged ({why}); delete it: names and colours are lost, no masks"
    )
