"""Sources of still pictures with masks: whole, as pieces, or moved as clips."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from propago.data.instance_sets import instances_of_coco, instances_of_voc, of_one_class
from propago.data.instances import InstanceStill
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
        annotated: the pictures with the classes of their instances.
    """

    found: Sequence[Still]
    speck_share: float = 0.0
    annotated: Callable[[], Sequence[InstanceStill]] | None = None
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

    def instances(self) -> Sequence[InstanceStill]:
        """Themselves with the classes of their instances."""
        return super().instances() if self.annotated is None else self.annotated()


def saliency(folder: Path) -> StillSet:
    """`images/NAME.jpg` with a black and white `masks/NAME.png`."""
    return StillSet(stills_by_name(folder, "images", "masks"))


def voc(folder: Path, part: str = "all") -> StillSet:
    """`JPEGImages/NAME.jpg` with an indexed `SegmentationObject/NAME.png`."""
    stills = part_of(stills_by_name(folder, "JPEGImages", "SegmentationObject"), part)
    return StillSet(stills, SPECK_SHARE, lambda: part_of(instances_of_voc(folder), part))


def coco(folder: Path, part: str = "all") -> StillSet:
    """`images/` and `instances.json` in the COCO format; crowds and specks are left out.

    Parts are of the files by name, also of those that hold nothing but specks.
    """
    return StillSet(
        _of_files(stills_of_coco(folder), folder, part),
        SPECK_SHARE,
        lambda: part_of(instances_of_coco(folder), part),
    )


def pictures(folder: Path, part: str = "train", label: str = "") -> StillSet:
    """`images/NAME.jpg` with `masks/NAME.png`, indexed or black and white.

    `label` is what every instance is, for detectors; of the sets that are known, their own.
    """
    return _of_one_class(folder, part, label, 0.0)


def cats(folder: Path, part: str = "train", label: str = "cat") -> StillSet:
    """As `pictures`, at other ratios of width and height."""
    return _of_one_class(folder, part, label, STRETCH)


def _of_one_class(folder: Path, part: str, label: str, stretch: float) -> StillSet:
    stills = part_of(stills_by_name(folder, "images", "masks", stretch=stretch), part)
    return StillSet(stills, annotated=lambda: of_one_class(stills, folder, label))


def _of_files(stills: Sequence[Still], folder: Path, part: str) -> list[Still]:
    if part == "all":
        return list(stills)
    files = {one.image for one in part_of(instances_of_coco(folder), part)}
    return [still for still in stills if still.image in files]


def cutouts(folder: Path, part: str = "train") -> StillSet:
    """`rgba/NAME.png`: one object each, cut out, in front of a texture.

    Raises:
        SourceError: there is none.
    """
    files = sorted((folder / "rgba").glob("*.png"))
    if not files:
        raise SourceError(f"{folder} holds no rgba/NAME.png")
    return StillSet(part_of([Still(path, AlphaMask(path), cut_out=True) for path in files], part))


Picture = TypeVar("Picture", Still, InstanceStill)


def part_of(stills: Sequence[Picture], part: str) -> list[Picture]:
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
