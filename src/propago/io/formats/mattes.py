"""Mattes: the frames with the masks as alpha, alpha alone, or the objects on a colour.

They are written only. What is inside by halves stays so where soft masks come.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np

from propago.errors import MaskError, SourceError, UsageError
from propago.io.atomic import make_folder
from propago.io.instances import FrameInstances, InstanceSequence
from propago.io.matte_sinks import AlphaVideoSink, CutoutSink, MatteSink, PngSink
from propago.io.pace import STILLS_FPS
from propago.io.source import Source
from propago.ops.image import image_to_rgb
from propago.ops.matting import closed_form_alpha
from propago.types import Frame, SoftMasks


@dataclass(frozen=True)
class MatteOptions:
    """How mattes are made.

    Attributes:
        objects: "merged" into one, or "each" on its own: ID/FRAME.png, NAME_ID.mov.
        premultiplied: colours are multiplied by alpha; else they are straight.
        background: of cut-outs, as #RRGGBB.
        matte: alpha follows the colours of the frame at the edges of the masks, see
            `propago.ops.matting`.
        edge_px: with `matte`, how far from its edge a mask may be wrong.
    """

    objects: Literal["merged", "each"] = "merged"
    premultiplied: bool = False
    background: str = "#00ff00"
    matte: bool = False
    edge_px: int = 4

    def __post_init__(self) -> None:
        """Refuse a colour that is none, and an edge without width."""
        if self.edge_px < 1:
            raise UsageError(f"`edge_px` is at least 1 pixel; this is {self.edge_px}")
        if not re.fullmatch(r"#[0-9a-fA-F]{6}", self.background):
            raise UsageError(f"`background` is #RRGGBB, as #00ff00; this is {self.background!r}")

    @property
    def background_rgb(self) -> tuple[int, int, int]:
        """Of 0 to 255."""
        red, green, blue = bytes.fromhex(self.background[1:])
        return red, green, blue


Opened = Callable[[Path], MatteSink]


def write_rgba(
    path: Path, videos: Sequence[InstanceSequence], source: Source, options: MatteOptions
) -> list[str]:
    """FRAME.png, RGBA of 8 bits."""
    opened = partial(PngSink, kind="rgba", premultiplied=options.premultiplied)
    _write(path, videos, source, options, opened)
    return [_kind(options)]


def write_alpha(
    path: Path, videos: Sequence[InstanceSequence], source: Source, options: MatteOptions
) -> None:
    """FRAME.png, grey of 16 bits: alpha alone."""
    _write(path, videos, source, options, partial(PngSink, kind="alpha", premultiplied=False))


def write_video(
    path: Path, videos: Sequence[InstanceSequence], source: Source, options: MatteOptions
) -> list[str]:
    """ProRes 4444 in .mov, or VP9 in .webm."""
    fps, kind = source.fps or STILLS_FPS, options.premultiplied
    opened = partial(AlphaVideoSink, size=source.size, fps=fps, premultiplied=kind)
    _write(path, videos, source, options, opened)
    return [_kind(options), *_rate_said(source)]


def write_cutout(
    path: Path, videos: Sequence[InstanceSequence], source: Source, options: MatteOptions
) -> list[str]:
    """H.264 in .mp4, the objects on a flat colour."""
    fps, colour = source.fps or STILLS_FPS, options.background_rgb
    opened = partial(CutoutSink, size=source.size, fps=fps, background=colour)
    _write(path, videos, source, options, opened)
    return _rate_said(source)


def _rate_said(source: Source) -> list[str]:
    """What was taken where the frames do not say how many there are a second."""
    if source.fps is not None:
        return []
    return [f"the pictures do not say it: {STILLS_FPS} of them are shown a second, or set `fps`"]


def _kind(options: MatteOptions) -> str:
    return (
        f"colours are {'premultiplied by' if options.premultiplied else 'straight, beside'} alpha"
    )


def _write(
    path: Path,
    videos: Sequence[InstanceSequence],
    source: Source,
    options: MatteOptions,
    opened: Opened,
) -> None:
    (video,) = videos
    ids = [None] if options.objects == "merged" else _ids(video)
    sinks: list[tuple[int | None, MatteSink]] = []
    with ExitStack() as stack:
        for object_id in ids:
            place = _place(path, object_id)
            make_folder(place.parent)
            sinks.append((object_id, opened(place)))
            stack.push(partial(_close, sinks[-1][1]))
        for frame, found in _paired(video, source):
            rgb, masks = image_to_rgb(frame.image), found.soft_masks()
            for object_id, sink in sinks:
                alpha = alpha_of(masks, object_id)
                if options.matte:
                    alpha = closed_form_alpha(rgb, alpha, options.edge_px)
                sink.write(frame.name, rgb, alpha)


def _close(sink: MatteSink, kind: type[BaseException] | None, *_: object) -> None:
    sink.close(failed=kind is not None)


def alpha_of(masks: SoftMasks, object_id: int | None = None) -> np.ndarray:
    """(H, W) float32 in [0, 1]: how much a pixel is of an object, or of any where it is None.

    Shares of objects that meet add up, so that there is no seam between them.
    """
    planes = masks.probabilities.numpy(force=True).astype(np.float32)
    mine = [n for n, i in enumerate(masks.ids) if object_id in (None, i)]
    return planes[mine].sum(0).clip(0, 1)


def _ids(video: InstanceSequence) -> list[int]:
    return sorted({i for _, found in video for i in found.soft_masks().ids})


def _place(path: Path, object_id: int | None) -> Path:
    if object_id is None:
        return path
    return (
        path.with_name(f"{path.stem}_{object_id}{path.suffix}")
        if path.suffix
        else path / str(object_id)
    )


def _paired(video: InstanceSequence, source: Source) -> Iterator[tuple[Frame, FrameInstances]]:
    """The frames that have masks of their name; else one after the other, where as many came."""
    frames = source.frames()
    if source.stems is not None and not set(source.stems) & set(video.readers):
        if len(video) != len(source.stems):
            raise SourceError(
                f"{source.name} has {len(source.stems)} frames, none of the name of one of the "
                f"{len(video)} masks of {video.name}; give the frames that the masks were made of"
            )
        pairs = zip(frames, video.readers.values(), strict=False)
    else:
        pairs = ((f, video.readers[f.name]) for f in frames if f.name in video.readers)
    none = True
    for frame, read in pairs:
        none, found = False, read()
        if found.size != frame.size:
            raise MaskError(
                f"the masks of frame {frame.name} are {found.size[1]}x{found.size[0]}, it is "
                f"{frame.size[1]}x{frame.size[0]}"
            )
        yield frame, found
    if none:
        raise SourceError(
            f"no frame of {source.name} has the name of a mask of {video.name}, as "
            f"{next(iter(video.readers), 'none')}"
        )
