"""The errors propago raises on bad input. Light, so that the command line starts fast."""

import math
from typing import Self


class PropagoError(Exception):
    """Something a user can mend. The message says what came, what is legal and what to do.

    Attributes:
        exit_code: of the command line: 1 where the work failed, 2 where an argument was wrong.
    """

    exit_code = 1

    def of_argument(self) -> Self:
        """The same error where an argument names what is not there: exit code 2."""
        self.exit_code = UsageError.exit_code
        return self


class UsageError(PropagoError):
    """An argument or option is wrong before any work was done."""

    exit_code = 2


class SourceError(PropagoError):
    """A video, image, folder or data set cannot be read."""


class MaskError(PropagoError):
    """A given mask is not a legal label map for its frame."""


class ShapeError(PropagoError):
    """A tensor or array has another shape than the function needs."""


class OutputError(PropagoError):
    """Results cannot be written where they were asked for."""


class WeightsError(PropagoError):
    """A weights file is missing, corrupt or belongs to another network."""


class PropagoWarning(UserWarning):
    """Something a user should know although the work goes on; says what was not done and why."""


def require_range(
    settings: object,
    *names: str,
    least: float | None = None,
    above: float | None = None,
    most: float | None = None,
    below: float | None = None,
) -> None:
    """Refuse a setting that is not finite or not in this range.

    Raises:
        UsageError: it names the first such setting and the range.
    """
    bounds = {"at least": least, "above": above, "at most": most, "below": below}
    legal = " and ".join(f"{word} {bound:g}" for word, bound in bounds.items() if bound is not None)
    for name in names:
        value = getattr(settings, name)
        fits = (
            math.isfinite(value)
            and (least is None or value >= least)
            and (above is None or value > above)
            and (most is None or value <= most)
            and (below is None or value < below)
        )
        if not fits:
            raise UsageError(f"{name} = {value}: it is a number {legal}")
