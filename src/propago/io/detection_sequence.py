"""What every format of detections looks like to the rest of propago: what was found, by frame."""

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from propago.detections import Detections
from propago.errors import MaskError, SourceError
from propago.io.frame_names import last_number, named_frame, numbered_frames
from propago.io.source import Source

Reader = Callable[[tuple[int, int]], Detections]
"""Reads the detections of one frame of a size (H, W)."""


@dataclass(frozen=True)
class DetectionSequence:
    """The detections of one video, described; those of a frame are read when they are asked for.

    Attributes:
        path: the file or folder.
        readers: of its frames, by name ("t012_cp_masks"), or by place among all frames, from 0.
        class_names: of class ids, where the format has names.
        every_frame: whether a frame without a reader was looked at, and held nothing.
        numbered: names are mere numbers of frames.
        first_number: of the first frame, where names without a 0 do not begin with it; None: where
            the numbers show it.
    """

    path: Path
    readers: Mapping[str | int, Reader] = field(repr=False)
    class_names: Mapping[int, str] = field(default_factory=dict)
    every_frame: bool = True
    numbered: bool = False
    first_number: int | None = None

    def by_frame(self, source: Source) -> tuple[dict[int, Reader], tuple[str, ...]]:
        """The readers by `Frame.index`, and how names were understood, in sentences.

        A name is that of a frame's file, or that and a mark (`t012_cp_masks` of t012); else its
        number is that of a frame's file, or of the place of a frame.

        Raises:
            SourceError: two belong to one frame, or none to any.
        """
        places, notes = self._places(source)
        behind = sys.maxsize if source.stems is None else len(source.stems)
        found: dict[int, str | int] = {}
        for key, index in places.items():
            if not 0 <= index < behind:
                continue
            if index in found:
                raise SourceError(
                    f"{self.path}: {found[index]} and {key} are both of frame {index} of "
                    f"{source.name}; keep one of them"
                )
            found[index] = key
        if self.readers and not found:
            frames = f"{source.stems[0]} and so on" if source.stems else "0, 1, 2, ..."
            raise SourceError(
                f"{self.path}: its frames ({_some(self.readers)}) are none of {source.name}, whose "
                f"frames are called {frames}: name the detections like the frames"
            )
        used = set(found.values())
        unused = [key for key in self.readers if key not in used]
        if unused:
            notes += (
                f"{self.path}: detections of {_some(unused)} belong to no frame of {source.name} "
                "and are not used",
            )
        return {index: self.readers[found[index]] for index in sorted(found)}, notes

    def _places(self, source: Source) -> tuple[dict[str | int, int], tuple[str, ...]]:
        """The index of the frame that each key means; keys that mean none are left out."""
        found: dict[str | int, int] = {key: key for key in self.readers if isinstance(key, int)}
        names = [key for key in self.readers if isinstance(key, str)]
        if not self.numbered:
            found |= _named(names, source)
        left = [name for name in names if name not in found]
        numbered, notes = numbered_frames(left, source) if source.stems else ({}, ())
        if numbered or not left:
            return found | numbered, notes
        return _counted(found, left, self.first_number)


def other_size(where: str, came: Sequence[int], size: tuple[int, int]) -> MaskError:
    """That the label map called `where` is not of the size (H, W) of its frame."""
    return MaskError(
        f"{where} is {came[1]}x{came[0]}, its frame {size[1]}x{size[0]}; resize label maps with "
        "nearest neighbour"
    )


def _named(names: Iterable[str], source: Source) -> dict[str, int]:
    """The index of each frame whose name is said for certain."""
    index_of = {stem: n for n, stem in enumerate(source.stems or ())}
    lengths = sorted({len(stem) for stem in index_of}, reverse=True)
    found = {}
    for name in names:
        marked = (name[:n] for n in lengths if name[n : n + 1] in ("", "_", "-", ".", " "))
        stem = next((stem for stem in marked if stem in index_of), None)
        index = named_frame(name, source) if stem is None else index_of[stem]
        if index is not None:
            found[name] = index
    return found


def _counted(
    found: Mapping[str | int, int], names: Iterable[str], first: int | None
) -> tuple[dict[str | int, int], tuple[str, ...]]:
    """`found`, and names that end in numbers, taken for places among the frames."""
    numbers = {name: n for name in names if (n := last_number(name)) is not None}
    if not numbers:
        return dict(found), ()
    lowest = min(numbers.values())
    begins = 0 if not lowest else (lowest == 1 if first is None else first)
    name, number = next(iter(numbers.items()))
    note = f"{name} is taken for frame {number - begins}, counted from 0"
    return {**found, **{name: n - begins for name, n in numbers.items()}}, (note,)


def _some(keys: Iterable[str | int]) -> str:
    told = [str(key) for key in keys]
    return ", ".join(told[:3]) + f" and {len(told) - 3} more" * (len(told) > 3)
