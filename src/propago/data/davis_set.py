"""Sequences in the DAVIS layout as a source: clips, pieces of frames, whole frames."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from propago.data.clips import DavisClips
from propago.data.instance_sets import instances_of_davis
from propago.data.instances import InstanceStill
from propago.data.pictures import StillPictures
from propago.data.sources import DataSource
from propago.data.stills import Still, stills_of_davis
from propago.data.task import Dataset
from propago.io.davis import open_davis


@dataclass(frozen=True)
class DavisSet(DataSource):
    """A set of a DAVIS root.

    Attributes:
        root: the root.
        set_name: the set.
    """

    root: Path
    set_name: str
    title = "sequences"

    def clips(self, size: tuple[int, int], frames: int, max_objects: int) -> Dataset:
        """Frames in a row."""
        names = [source.name for source in open_davis(self.root, Path(self.set_name))]
        return DavisClips(self.root, names, size=size, frames=frames, max_objects=max_objects)

    def pictures(self, size: tuple[int, int], max_objects: int) -> Dataset:
        """Pieces of frames."""
        return StillPictures(self.stills(), size=size)

    def stills(self) -> Sequence[Still]:
        """Every frame."""
        return stills_of_davis(self.root, self.set_name)

    def instances(self) -> Sequence[InstanceStill]:
        """Frames whose objects have a class in `classes.json`."""
        return instances_of_davis(self.root, self.set_name)


def davis(folder: Path, set: str = "train") -> DavisSet:
    """The sequences of a set of a DAVIS root."""
    return DavisSet(folder, set)
