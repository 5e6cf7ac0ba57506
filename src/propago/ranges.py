"""Settings that are numbers say their range where they say their default."""

from dataclasses import field, fields
from typing import Any

from propago.errors import require_range


def ranged(
    default: Any,
    *,
    least: float | None = None,
    above: float | None = None,
    most: float | None = None,
    below: float | None = None,
) -> Any:
    """A field of a `Ranged` dataclass: a number in this range."""
    limits = {"least": least, "above": above, "most": most, "below": below}
    return field(default=default, metadata={"range": limits})


class Ranged:
    """A dataclass that refuses numbers out of the ranges of its fields; None is in any."""

    def __post_init__(self) -> None:
        """Refuse what is out of range.

        Raises:
            UsageError: it names the setting and what is legal.
        """
        for each in fields(self):  # pyright: ignore[reportArgumentType]
            if each.metadata.get("range") and getattr(self, each.name) is not None:
                require_range(self, each.name, **each.metadata["range"])
