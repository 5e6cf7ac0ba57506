"""What every kind of input looks like to the rest of propago: a re-iterable list of frames."""

import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from propago.errors import PropagoWarning, UsageError
from propago.io.contrast import EIGHT_BITS, Contrast
from propago.types import Frame


@dataclass(frozen=True)
class Source:
    """One video, described; its frames are decoded when iterated, one in memory at a time.

    Attributes:
        name: what a run on it is called: the file's stem, the folder's name, the sequence.
        path: the file, the folder, or the glob pattern.
        size: (height, width) in pixels in display orientation (rotation applied).
        fps: average frames per second of the selected frames; None for stills
            and time lapses, whose frames may have times all the same.
        frame_count: how many frames are selected. Exact for stills; for a video what its header
            says, which may be off by a few; None where the header says nothing.
        selected: the selected indices, in the source's own counting. `stop` may lie far behind
            the end of a video.
        read: yields the frames of a sub-range of `selected`.
        stems: the file stem of every frame of the source, selected or not; None where the frames
            have no file names.
        files: the file of every frame; none where the frames have no files of their own.
        begins: a digest of what the source begins with; another one of its name has another.
        contrast: which stored values become black and white.
        pixel_aspect: how wide a pixel is shown for its height.
        notes: how the source was understood, in sentences for the user.
    """

    name: str
    path: Path
    size: tuple[int, int]
    fps: Fraction | None
    frame_count: int | None
    selected: range
    read: Callable[[range], Iterator[Frame]] = field(repr=False)
    stems: tuple[str, ...] | None = field(default=None, repr=False)
    files: tuple[Path, ...] = field(default=(), repr=False)
    begins: str = field(default="", repr=False)
    contrast: Contrast = EIGHT_BITS
    pixel_aspect: Fraction = Fraction(1)
    notes: tuple[str, ...] = ()

    @property
    def named(self) -> bool:
        """True where frames have file names; their masks are written under these names."""
        return self.stems is not None

    @property
    def last(self) -> int | None:
        """Index of the last selected frame, as far as it is known."""
        return self.selected[self.frame_count - 1] if self.frame_count else None

    def __iter__(self) -> Iterator[Frame]:
        """Every selected frame."""
        return self.frames()

    def frames(self, first: int = 0) -> Iterator[Frame]:
        """The selected frames whose index is at least `first`.

        Raises:
            SourceError: while iterating, after the last whole frame, where the data are damaged.
        """
        skipped = max(0, -((self.selected.start - first) // self.selected.step))
        return self.read(self.selected[skipped:])

    def frame_at(self, index: int) -> Frame:
        """The frame with this index.

        Raises:
            UsageError: it is not among the selected frames, or the source ends before it.
        """
        frame = next(self.frames(index), None) if index in self.selected else None
        if frame is None or frame.index != index:
            raise UsageError(f"there is no frame {index} to take: {self.name} has {self._legal()}")
        return frame

    def say_notes(self) -> None:
        """Warn of how the source was understood, where no result can tell it."""
        for note in self.notes:
            warnings.warn(note, PropagoWarning, stacklevel=3)

    def _legal(self) -> str:
        first, step = self.selected.start, self.selected.step
        every = f", every {step}" if step > 1 else ""
        if self.last is None:
            return f"frames from {first} on{every}"
        return f"frames {first} to {self.last}{every}"


def known_indices(source: Source) -> range:
    """The selected indices, as far as it is known how many there are; else none."""
    return source.selected[: source.frame_count or 0]


def selection(start: int | None, end: int | None, every: int) -> range:
    """The indices that start (inclusive), end (exclusive) and every choose.

    Raises:
        UsageError: they choose nothing or are out of range.
    """
    first, stop = start or 0, sys.maxsize if end is None else end
    if first < 0 or every < 1 or stop <= first:
        raise UsageError(
            f"`start` {start}, `end` {end}, `every` {every} choose no frame: frames count from 0, "
            "end lies behind start (it is not included), every is at least 1"
        )
    return range(first, stop, every)
