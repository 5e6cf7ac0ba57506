"""What a page sends: checked before anything is done with it."""

from typing import Annotated, Literal

from fastapi import Path
from pydantic import BaseModel, Field

ObjectId = Annotated[int, Field(ge=1, le=254)]
FrameIndex = Annotated[int, Path(ge=0)]
ExportName = Annotated[str, Path(pattern="^[a-z-]{1,40}$")]


class ObjectFields(BaseModel):
    """What an object is called."""

    name: Annotated[str, Field(min_length=1, max_length=60)]
    colour: Annotated[str, Field(pattern="^#[0-9a-fA-F]{6}$")]
    ended: Annotated[int | None, Field(ge=0)] = None
    class_name: Annotated[str | None, Field(min_length=1, max_length=60)] = None


class PromptFields(BaseModel):
    """Clicks are (x, y, on the object or not), boxes x0, y0, x1, y1, in pixels."""

    object: ObjectId
    box: tuple[float, float, float, float] | None = None
    clicks: Annotated[list[tuple[float, float, bool]], Field(max_length=100)] = []


class IdentityFields(BaseModel):
    """What is said of who an object is, from a frame on."""

    what: Literal["swap", "merge", "split"]
    object: ObjectId
    other: ObjectId | None = None


class RunFields(BaseModel):
    """How to carry the masks."""

    overwrite: bool = False
    both_ways: bool = False
