"""What can be set about any run, and about many of them.

Imports nothing heavy: the command line shows it at once.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any, Self

from propago.errors import UsageError

Progress = Callable[[int, int | None, str], None]
"""Called as (frames done, frames in all or None, what is being done)."""


def counted(progress: Progress | None, total: int | None, what: str) -> Callable[..., None]:
    """What is called after each frame, or with how many are done at once; it tells `progress`."""
    done = 0

    def count(frames: int = 1) -> None:
        nonlocal done
        done += frames
        if progress:
            progress(done, total, what)

    return count


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """What can be set about any run over the frames of a source.

    Attributes:
        start: first frame of the source, counted from 0.
        end: frame behind the last one.
        every: take every n-th frame.
        contrast: the stored values that become black and white, such as 100,4000. Default: 0,255
            of 8 bits, of others what several frames show.
        channel: of TIFFs with several channels, counted from 1. Default: the first.
        fps: of pictures: how many are shown a second, in videos made of them. Default: 24.
        device: auto, cpu, cuda or mps.
        threads: processor threads. Default: all of them.
        seed: of every random choice.
        overlay: overlay.mp4, the video with the masks drawn in.
        overwrite: delete an earlier run in the output folder.
        resume: go on with an interrupted run in the output folder.
    """

    start: int | None = None
    end: int | None = None
    every: int = 1
    contrast: tuple[float, float] | None = None
    channel: int | None = None
    fps: float | None = None
    device: str = "auto"
    threads: int | None = None
    seed: int = 0
    overlay: bool = True
    overwrite: bool = False
    resume: bool = False

    def __post_init__(self) -> None:
        """Refuse what contradicts itself.

        Raises:
            UsageError: `resume` and `overwrite` together, or no threads.
        """
        if self.resume and self.overwrite:
            raise UsageError("`resume` keeps what is there, `overwrite` deletes it: choose one")
        if self.threads is not None and self.threads < 1:
            raise UsageError(f"`threads` is {self.threads}; it is at least 1")

    @property
    def reading(self) -> dict[str, Any]:
        """What `open_source` and `open_davis` are told."""
        names = ("start", "end", "every", "contrast", "channel", "fps")
        return {name: getattr(self, name) for name in names}

    def asked(self, *names: str) -> dict[str, Any]:
        """Those of some settings that are not as they are where nothing is asked for."""
        usual = {field.name: field.default for field in fields(self)}
        return {n: getattr(self, n) for n in names if getattr(self, n) != usual[n]}

    def going_on(self) -> Self:
        """The same for a run that has been begun."""
        return replace(self, resume=True, overwrite=False)


@dataclass(frozen=True, kw_only=True)
class ManyOptions:
    """How many videos are shared out.

    Machines and processes share all folders.

    Attributes:
        jobs: of many videos: how many at a time, each in a process of its own.
        shard: of many videos: I/N takes every N-th from the I-th on, for N machines.
        cluster: of many videos: the `jobs` processes are of a Ray cluster: local, ray (the one of
            RAY_ADDRESS, or that runs here), ray://HOST:PORT. A killed one's video is gone on with.
    """

    jobs: int = 1
    shard: str | None = None
    cluster: str | None = None

    def refuse_for_one(self, *, is_set: bool = False) -> None:
        """Refuse what is set where there is one video; a set, too, has `jobs`.

        Raises:
            UsageError: it is set.
        """
        if self.jobs != 1 and not is_set:
            raise UsageError("`jobs` is for many videos: a video is done by one process")
        if self.shard:
            raise UsageError("`shard` is for many videos: give a folder of videos, or a list")
        if self.cluster:
            raise UsageError("`cluster` is for many videos: give a folder of videos, or a list")
