"""Boxes and clicks on objects as a user writes them."""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from propago.errors import UsageError
from propago.prompts import Point, Prompt

_NUMBER = r"\s*(-?\d+(?:\.\d*)?)\s*"
_BOX = re.compile(rf"\s*(\d+)\s*={_NUMBER},{_NUMBER},{_NUMBER},{_NUMBER}(?:@\s*(\d+)\s*)?")
_PAIR = rf"{_NUMBER},{_NUMBER}"
_CLICKS = re.compile(rf"\s*(\d+)\s*=({_PAIR}(?:,{_PAIR})*)(?:@\s*(\d+)\s*)?")
_MAX_ID = 65_535


@dataclass(frozen=True)
class Box:
    """A box around one object.

    Attributes:
        id: the object's id, 1 to 65535.
        xyxy: x0, y0, x1, y1 in pixels, exclusive end.
        frame: index of the frame it is drawn on; the first selected one if None.
    """

    id: int
    xyxy: tuple[float, float, float, float]
    frame: int | None = None

    def __str__(self) -> str:
        corners = ",".join(f"{v:g}" for v in self.xyxy)
        return f"{self.id}={corners}" + ("" if self.frame is None else f"@{self.frame}")


@dataclass(frozen=True)
class Clicks:
    """Clicks on one object, and beside it.

    Attributes:
        id: the object's id, 1 to 65535.
        positive: (x, y) on it, in pixels.
        negative: (x, y) beside it, in pixels.
        frame: index of the frame they are on; the first selected one if None.
    """

    id: int
    positive: tuple[Point, ...]
    negative: tuple[Point, ...] = ()
    frame: int | None = None

    def __str__(self) -> str:
        pairs = [f"{x:g},{y:g}" for x, y in self.positive]
        pairs += [f"-{x:g},-{y:g}" for x, y in self.negative]
        return f"{self.id}={','.join(pairs)}" + ("" if self.frame is None else f"@{self.frame}")


@dataclass(frozen=True)
class ObjectPrompt:
    """All that points at one object of one frame.

    Attributes:
        id: the object.
        frame: index of the frame.
        prompt: box and clicks.
        written: as the user gave them.
    """

    id: int
    frame: int
    prompt: Prompt
    written: tuple[Box | Clicks, ...]


def parse_box(text: str) -> Box:
    """The box written ID=x0,y0,x1,y1 or ID=x0,y0,x1,y1@frame.

    Raises:
        UsageError: it is written otherwise.
    """
    match = _BOX.fullmatch(text)
    if match is None:
        raise UsageError(
            f"`boxes` {text!r} is not understood: a box is ID=x0,y0,x1,y1 or ID=x0,y0,x1,y1@frame, "
            "for example 1=120,80,340,260@0 (pixels from the top left corner)"
        )
    object_id, *corners, frame = match.groups()
    x0, y0, x1, y1 = map(float, corners)
    return Box(int(object_id), (x0, y0, x1, y1), None if frame is None else int(frame))


def parse_clicks(text: str) -> Clicks:
    """Clicks written ID=x,y[,x,y ...][@frame]; both numbers of one beside the object have a minus.

    Raises:
        UsageError: they are written otherwise.
    """
    match = _CLICKS.fullmatch(text)
    numbers = [number.strip() for number in match[2].split(",")] if match else []
    pairs = list(zip(numbers[::2], numbers[1::2], strict=True)) if len(numbers) % 2 == 0 else []
    signs = [{number.startswith("-") for number in pair} for pair in pairs]
    if match is None or not pairs or any(len(sign) > 1 for sign in signs):
        raise UsageError(
            f"`clicks` {text!r} is not understood: clicks are ID=x,y or ID=x,y,x,y,-x,-y@frame, "
            "for example 1=230,170,-60,-40@0: object 1 is at (230, 170), not at (60, 40)"
        )
    points = [(abs(float(x)), abs(float(y))) for x, y in pairs]
    return Clicks(
        int(match[1]),
        tuple(point for point, sign in zip(points, signs, strict=True) if True not in sign),
        tuple(point for point, sign in zip(points, signs, strict=True) if True in sign),
        None if match.groups()[-1] is None else int(match.groups()[-1]),
    )


def read_prompts(boxes: Iterable[Box | str], clicks: Iterable[Clicks | str]) -> list[Box | Clicks]:
    """All of them, parsed where they are text.

    Raises:
        UsageError: one is not understood.
    """
    return [
        *(parse_box(box) if isinstance(box, str) else box for box in boxes),
        *(parse_clicks(one) if isinstance(one, str) else one for one in clicks),
    ]


def by_object(
    written: Sequence[Box | Clicks], size: tuple[int, int], first: int
) -> list[ObjectPrompt]:
    """What is said of each object on each frame, in order of frames.

    Args:
        written: boxes and clicks.
        size: (H, W) of the frames.
        first: index of the frame of those that name none.

    Raises:
        UsageError: one is not legal on its frame, or an object has two boxes there.
    """
    found: dict[tuple[int, int], ObjectPrompt] = {}
    for one in written:
        _refuse_illegal(one, size)
        at = (first if one.frame is None else one.frame, one.id)
        known = found.get(at, ObjectPrompt(one.id, at[0], Prompt(), ()))
        found[at] = replace(
            known,
            prompt=_with(known.prompt, one, at),
            written=(*known.written, replace(one, frame=at[0])),
        )
    for prompt in found.values():
        if not (prompt.prompt.box_xyxy or prompt.prompt.positive):
            raise UsageError(
                f"`clicks` {prompt.written[0]} are all beside object {prompt.id}: give one on it, "
                "or a box around it"
            )
    return [found[at] for at in sorted(found)]


def _with(prompt: Prompt, one: Box | Clicks, at: tuple[int, int]) -> Prompt:
    if isinstance(one, Clicks):
        return replace(
            prompt,
            positive=(*prompt.positive, *one.positive),
            negative=(*prompt.negative, *one.negative),
        )
    if prompt.box_xyxy:
        raise UsageError(f"`boxes`: an id is boxed twice on frame {at[0]}; it is {at[1]}")
    return replace(prompt, box_xyxy=one.xyxy)


def _refuse_illegal(one: Box | Clicks, size: tuple[int, int]) -> None:
    height, width = size
    if isinstance(one, Clicks):
        what = f"`clicks` {one}"
        for x, y in (*one.positive, *one.negative):
            if not (0 <= x < width and 0 <= y < height):
                raise UsageError(
                    f"{what}: ({x:g}, {y:g}) lies outside the frame: x goes from 0 to {width}, "
                    f"y from 0 to {height}"
                )
    else:
        what = f"`boxes` {one}"
        x0, y0, x1, y1 = one.xyxy
        if not all(map(math.isfinite, one.xyxy)) or x1 <= x0 or y1 <= y0:
            raise UsageError(f"{what} is empty: x1 lies right of x0 and y1 below y0")
        if x0 < 0 or y0 < 0 or x1 > width or y1 > height:
            raise UsageError(
                f"{what} lies outside the frame: x goes from 0 to {width}, y from 0 to {height}"
            )
    if not 1 <= one.id <= _MAX_ID:
        raise UsageError(f"{what}: an object's id is 1 to {_MAX_ID}, not {one.id}")
