"""Sources of still pictures with masks: whole, as pieces, or moved as clips."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from propago.data.pictures import StillPictures
from propago.data.sources import DataSource
from propago.data.still_clips import StillClips
from propago.data.stills import AlphaMask, Still, stills_by_name, stills_of_coco
from propago.data.task import Dataset
from propago.errors import SourceError, UsageError

SPECK_SHARE = 0.01
"""What covers less of a picture is no foreground where every instance is annotated."""

HELD_OUT = 10
"""Every so many-th picture, by name, is none to train on."""

STRETCH = 0.3
"""The cats were stretched to squares by those who published them."""


@dataclass(frozen=True)
class StillSet(DataSource):
    """Annotated pictures.

    Attributes:
        found: the pictures.
        speck_share: an instance that covers less of its picture is no foreground.
    """

    found: Sequence[Still]
    speck_share: float = 0.0
    title = "still pictures"

    def clips(self, size: tuple[int, int], frames: int, max_objects: int) -> Dataset:
        """Their objects, moved over a background."""
        return StillClips(self.found, size=size, frames=frames, max_objects=max_objects)

    def pictures(self, size: tuple[int, int], max_objects: int) -> Dataset:
        """Pieces of them with all their objects."""
        return StillPictures(self.found, size=size, least_share=self.speck_share)

    def stills(self) -> Sequence[Still]:
        """Themselves."""
        return self.found


def saliency(folder: Path) -> StillSet:
    """`images/NAME.jpg` with a black and white `masks/NAME.png`."""
    return StillSet(stills_by_name(folder, "images", "masks"))


def voc(folder: Path) -> StillSet:
    """`JPEGImages/NAME.jpg` with an indexed `SegmentationObject/NAME.png`."""
    return StillSet(stills_by_name(folder, "JPEGImages", "SegmentationObject"), SPECK_SHARE)


def coco(folder: Path) -> StillSet:
    """`images/` and `instances.json` in the COCO format; crowds and specks are left out."""
    return StillSet(stills_of_coco(folder), SPECK_SHARE)


def pictures(folder: Path, part: str = "train") -> StillSet:
    """`images/NAME.jpg` with `masks/NAME.png`, indexed or black and white."""
    return StillSet(part_of(stills_by_name(folder, "images", "masks"), part))


def cats(folder: Path, part: str = "train") -> StillSet:
    """As `pictures`, at other ratios of width and height."""
    stills = stills_by_name(folder, "images", "masks", stretch=STRETCH)
    return StillSet(part_of(stills, part))


def cutouts(folder: Path, part: str = "train") -> StillSet:
    """`rgba/NAME.png`: one object each, cut out, in front of a texture.

    Raises:
        SourceError: there is none.
    """
    files = sorted((folder / "rgba").glob("*.png"))
    if not files:
        raise SourceError(f"{folder} holds no rgba/NAME.png")
    return StillSet(part_of([Still(path, AlphaMask(path), cut_out=True) for path in files], part))


def part_of(stills: Sequence[Still], part: str) -> list[Still]:
    """The "train" or "val" part of a set, or "all" of it; "val" is every tenth picture by name.

    Raises:
        UsageError: no such part.
    """
    if part not in ("train", "val", "all"):
        raise UsageError(f"part = {part!r}: there are train, val and all")
    held_out = [n % HELD_OUT == HELD_OUT - 1 for n in range(len(stills))]
    return [
        still
        for still, out in zip(stills, held_out, strict=True)
        if part == "all" or out == (part == "val")
    ]
