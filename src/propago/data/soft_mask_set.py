"""What a method said of sequences whose truth is known, for networks that sharpen masks."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from propago.data.sources import DataSource
from propago.data.stills import Still, stills_of_davis
from propago.errors import SourceError
from propago.io.soft_masks import soft_masks_in


@dataclass(frozen=True)
class SoftMaskSet(DataSource):
    """Frames with soft masks beside their truth.

    Attributes:
        found: the frames.
    """

    found: Sequence[Still]
    title = "soft masks"

    def stills(self) -> Sequence[Still]:
        """The frames."""
        return self.found


def soft_masks(folder: Path, path: Path, set: str = "train", every: int = 3) -> SoftMaskSet:
    """Every so many-th frame of a DAVIS set with the soft masks that `segment_set` wrote of it.

    The first frame of a sequence, whose mask was given, is left out.

    Args:
        folder: the DAVIS root.
        path: results with soft masks of all sequences of the set, a folder each.
        set: a set of `folder`.
        every: 1 takes all frames.

    Raises:
        SourceError: no such set, or a sequence without soft masks.
    """
    by_sequence: dict[str, list[Still]] = {}
    for still in stills_of_davis(folder, set):
        by_sequence.setdefault(still.image.parent.name, []).append(still)
    found = []
    for name, stills in by_sequence.items():
        read = soft_masks_in(path / name) or soft_masks_in(path / "scores" / name)
        if not read:
            raise SourceError(
                f"{path} holds no soft masks of the sequence {name}: segment the set {set} of "
                f"{folder} with `save_scores`"
            )
        found += [
            replace(still, read_soft=read[still.image.stem])
            for still in stills[every::every]
            if still.image.stem in read
        ]
    return SoftMaskSet(found)
