"""Video files as a source: decoded lazily by PyAV, in display orientation."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from functools import partial
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.error import FFmpegError
from av.sidedata.sidedata import Type as SideDataType
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream
from torch import Tensor

from propago.errors import SourceError
from propago.io.containers import missing_bytes
from propago.io.contrast import EIGHT_BITS, Contrast
from propago.io.source import Source
from propago.io.video_colours import hdr_of, rgb_of
from propago.ops.image import image_from_rgb
from propago.types import Frame

_DECODE_THREADS = 2
_HEAD_BYTES = 2**20
_MAX_RATE = 1000
_FAILURES = (FFmpegError, OSError, MemoryError)
_NO_VIDEO = ("tty", "image2")
_PROGRESSIVE = 1
"""FFmpeg's `AVFieldOrder`: 0 is unknown, above are orders of fields."""
_STILL_CODECS = ("mjpeg", "png", "bmp", "webp", "tiff")


class _DamageError(Exception):
    """The stream breaks here; what came before is whole."""


def open_video(path: Path, wanted: range, contrast: Contrast | None = None) -> Source:
    """A source of the frames of the main video stream of a file.

    Pictures are turned and mirrored in quarter turns as the display matrix says; pixels stay as
    they are stored where they are not square. `rgb_of` has the rules of colours. `Frame.time_s` is
    the presentation time, so a variable frame rate is kept; see `_timed`. Selecting later frames
    decodes the earlier ones and drops them: exact in every container. Damage is what the container
    or the decoder notices; VP9 has no check that would tell a wrong pixel.

    The demultiplexer is chosen by the content, not by the name.

    Raises:
        SourceError: unreadable, without video, or without a frame that can be decoded; while
            iterating, damage (after the frames before it), a change of size, nothing selected.
    """
    with _opened(path) as (container, stream):
        rate = _rate(stream)
        total = _declared_frames(stream, rate, container.duration)
        stored, aspect = (stream.height, stream.width), stream.sample_aspect_ratio or Fraction(1)
        notes = tuple(_notes(path.name, stream))
    shown = contrast or EIGHT_BITS
    first = next(_read(path, None, shown, 0, range(1)), None)
    if first is None:
        raise SourceError(f"{path} holds no frame that can be decoded")
    return Source(
        name=path.stem,
        path=path,
        size=first.size,
        fps=rate / wanted.step if rate else None,
        frame_count=total and len(range(wanted.start, min(wanted.stop, total), wanted.step)),
        selected=wanted,
        read=partial(_read, path, first.size, shown, wanted.start),
        contrast=shown,
        begins=_beginning(path),
        pixel_aspect=aspect if first.size == stored else 1 / aspect,
        notes=notes,
    )


def _notes(name: str, stream: VideoStream) -> Iterator[str]:
    """What a user should know of the pictures of a stream."""
    if hdr := hdr_of(stream.codec_context.color_trc):
        yield f"{name} is HDR ({hdr}): it is tone-mapped to standard range"
    if stream.codec_context.field_order > _PROGRESSIVE:
        yield (
            f"{name} is interlaced: what moves is torn into every other row, and so are its masks; "
            f"first make whole frames of it (ffmpeg -i {name} -vf bwdif whole.mp4)"
        )


def _beginning(path: Path) -> str:
    """A digest of the head of a file, which in most containers tells the size of the whole."""
    try:
        with path.open("rb") as file:
            return hashlib.sha256(file.read(_HEAD_BYTES)).hexdigest()
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror or error}") from error


def _rate(stream: VideoStream) -> Fraction | None:
    """Frames per second on average; raw DV has its clock's ticks there."""
    rate = stream.average_rate
    return rate if rate and rate <= _MAX_RATE else stream.guessed_rate


def _declared_frames(
    stream: VideoStream, rate: Fraction | None, duration_us: int | None
) -> int | None:
    """The number of frames as the header has it, or as duration and rate give it."""
    if stream.frames > 0:
        return stream.frames
    if not rate:
        return None
    if stream.duration is not None and stream.time_base is not None:
        return round(stream.duration * stream.time_base * rate)
    return None if duration_us is None else round(Fraction(duration_us, av.time_base) * rate)


@contextmanager
def _opened(path: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    if path.is_file() and not path.stat().st_size:
        raise SourceError(f"{path} is empty: a video file holds something")
    try:
        container = av.open(
            f"file:{path}", options={"protocol_whitelist": "file"}, metadata_errors="replace"
        )
    except _FAILURES as error:
        cut = "; the file is cut off, and its index with it" if missing_bytes(path) else ""
        what = getattr(error, "strerror", None) or error
        raise SourceError(f"{path} is no readable video: {what}{cut}") from error
    with container:
        stream = _main_stream(container)
        if stream is None:
            raise SourceError(f"{path} holds no video stream that can be decoded")
        stream.thread_type = "AUTO"
        stream.codec_context.thread_count = _DECODE_THREADS
        try:
            yield container, stream
        finally:
            # Closing waits for the decoder's threads with the interpreter's lock held; where
            # PyAV's logging is on, they wait for that lock. Flushing waits for them without it.
            stream.codec_context.flush_buffers()


def _main_stream(container: InputContainer) -> VideoStream | None:
    """What a player shows: the largest video, then the one with most frames; never cover art.

    Matroska does not say what is a cover: streams of still pictures come last. FFmpeg takes any
    text for a terminal's recording, and single pictures for videos.
    """
    if container.format.name in _NO_VIDEO or container.format.name.endswith("_pipe"):
        return None
    decodable = (s for s in container.streams.video if s.codec_context)
    videos = [s for s in decodable if not s.disposition & Disposition.attached_pic]
    return max(
        videos,
        key=lambda s: (s.codec_context.name not in _STILL_CODECS, s.width * s.height, s.frames),
        default=None,
    )


def _read(
    path: Path, size: tuple[int, int] | None, contrast: Contrast, start: int, wanted: range
) -> Iterator[Frame]:
    """Decode from the beginning, convert what is wanted; `start` is where the source begins."""
    if not wanted:
        return
    index, converter = -1, VideoReformatter()
    with _opened(path) as (container, stream):
        try:
            pictures = _timed(_whole_pictures(container, stream), container, stream)
            for index, (picture, time_s) in enumerate(pictures):
                if index in wanted:
                    image = image_from_rgb(rgb_of(picture, converter), contrast)
                    image = _displayed(image, picture)
                    _refuse_other_size(image, size, path, index)
                    yield Frame(image, index, f"{index:05d}", time_s)
                if index >= wanted[-1]:
                    return
            if lacking := missing_bytes(path):
                raise _DamageError(f"the file is cut off, {lacking} bytes are missing")
        except _DamageError as damage:
            raise SourceError(
                f"{path} breaks at frame {index + 1} ({damage}); the {index + 1} frames before "
                "it can be used"
            ) from damage
    if index < start:
        raise SourceError(f"{path} has {index + 1} frames; starting at {start} selects none")


def _timed(
    pictures: Iterator[VideoFrame], container: InputContainer, stream: VideoStream
) -> Iterator[tuple[VideoFrame, float | None]]:
    """Pictures with the times at which they are shown, which always grow.

    AVI has no presentation times: where the codec reorders pictures, those that FFmpeg makes up
    are wrong. From the first picture on whose time is missing or does not grow, as after the
    clock of a transport stream restarts, pictures follow each other at the frame rate.
    """
    rate, last = _rate(stream), None
    counted = container.format.name == "avi" and bool(stream.codec_context.has_b_frames)
    for picture in pictures:
        base = picture.time_base or stream.time_base
        shown = None if picture.pts is None or base is None else picture.pts * base
        counted = counted or shown is None or (last is not None and shown <= last)
        if counted:
            shown = None if rate is None else Fraction(0) if last is None else last + 1 / rate
        yield picture, None if shown is None else float(shown)
        last = shown


def _whole_pictures(container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
    """Pictures in display order, up to the first damaged one.

    Raises:
        _DamageError: a packet is not whole, the decoder fails or had to invent pixels.
    """
    last = None
    for packet in container.demux(stream):
        try:
            if packet.is_corrupt:
                raise _DamageError("its data end early")
            pictures = packet.decode()
        except (*_FAILURES, _DamageError) as error:
            yield from _finished_before_damage(stream, last)
            raise _DamageError(getattr(error, "strerror", None) or str(error)) from error
        for picture in pictures:
            if picture.is_corrupt:
                raise _DamageError("its data are damaged")
            yield picture
            last = picture.pts


def _finished_before_damage(stream: VideoStream, last: int | None) -> Iterator[VideoFrame]:
    """Whole pictures still inside the decoder that follow `last` (pts) without a gap."""
    rate, base = _rate(stream), stream.time_base
    if last is None or not rate or base is None:
        return
    try:
        pictures = stream.decode(None)
    except _FAILURES:
        return
    for picture in pictures:
        if picture.is_corrupt or picture.pts is None or (picture.pts - last) * base * rate > 1.5:
            return
        yield picture
        last = picture.pts


def _displayed(image: Tensor, picture: VideoFrame) -> Tensor:
    """Apply FFmpeg's display matrix, rounded to quarter turns: x' = ax + cy, y' = bx + dy."""
    try:
        matrix = picture.side_data[SideDataType.DISPLAYMATRIX]  # pyright: ignore[reportGeneralTypeIssues]
    except KeyError:
        return image
    a, b, _, c, d = np.frombuffer(bytes(matrix), np.int32, count=5).tolist()
    lies = abs(b) > abs(a)
    x_sign, y_sign = (c, b) if lies else (a, d)
    turned = image.transpose(1, 2) if lies else image
    mirrored = [axis for axis, sign in ((2, x_sign), (1, y_sign)) if sign < 0]
    return turned.flip(mirrored).contiguous()


def _refuse_other_size(image: Tensor, size: tuple[int, int] | None, path: Path, index: int) -> None:
    height, width = image.shape[-2:]
    if size not in (None, (height, width)):
        raise SourceError(
            f"frame {index} of {path} is {width}x{height}, the frames before it "
            f"{size[1]}x{size[0]}; all frames of a source have one size: convert the video"
        )
