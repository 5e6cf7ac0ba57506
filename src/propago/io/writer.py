"""Write frames as an H.264 MP4 that every player opens."""

from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from av.error import FFmpegError
from av.video.frame import VideoFrame
from av.video.reformatter import Colorspace, VideoReformatter
from av.video.stream import VideoStream

from propago.errors import ShapeError
from propago.io.atomic import unwritable
from propago.io.sound import Sound
from propago.io.video_file import VideoFile

_BT709 = 1
_TV_RANGE = 1
_MIN_TICKS_PER_S = 10_000
_ENCODE_THREADS = 2
_ENCODER = {"preset": "superfast", "crf": "21"}


class VideoWriter:
    """H.264 in MP4 (yuv420p, BT.709, index in front), written beside `path`, renamed at the end.

    Odd sizes are padded to even by repeating the last row or column. As a context manager it
    closes the file, or removes what was written if the block raises.
    """

    def __init__(
        self,
        path: Path,
        size: tuple[int, int],
        fps: Fraction | float,
        pixel_aspect: Fraction = Fraction(1),
        sound: Path | None = None,
    ) -> None:
        """Open the file.

        Args:
            path: an .mp4 file; replaced when the writer is closed.
            size: (height, width) in pixels of the frames to come.
            fps: frames per second.
            pixel_aspect: how wide players show a pixel for its height.
            sound: a video whose sound is kept, from the first frame to the last; `time_s` is by
                its clock.

        Raises:
            OutputError: the folder cannot be written to.
        """
        self.path, self.size, self.fps = path, size, Fraction(fps).limit_denominator(100_000)
        self._ticks_per_s = self.fps.numerator * -(-_MIN_TICKS_PER_S // self.fps.numerator)
        self._frame_ticks = round(self._ticks_per_s / self.fps)
        self._first_s: float | None = None
        self._last_tick: int | None = None
        self._converter = VideoReformatter()
        self._file = VideoFile(path, "mp4", {"movflags": "+faststart"})
        self._stream = self._new_stream(pixel_aspect)
        self._sound = Sound(sound, self._file.container) if sound else None

    def write(self, rgb: np.ndarray, time_s: float | None = None) -> None:
        """Append a frame.

        Args:
            rgb: (H, W, 3) uint8 of the writer's size.
            time_s: when it is shown; the first frame's time counts as 0. None: one frame
                duration after the one before. Times that do not grow are moved on by a tick.

        Raises:
            ShapeError: another size or type.
            OutputError: the disk is full.
        """
        if rgb.shape != (*self.size, 3) or rgb.dtype != np.uint8:
            raise ShapeError(
                f"{self.path.name} takes frames of {(*self.size, 3)} uint8; this one is "
                f"{rgb.shape} {rgb.dtype}"
            )
        picture = VideoFrame.from_ndarray(_even(rgb), "rgb24")
        picture = self._converter.reformat(
            picture, format="yuv420p", dst_colorspace=Colorspace.ITU709, threads=1
        )
        picture.pts, picture.time_base = self._tick(time_s), Fraction(1, self._ticks_per_s)
        picture.duration = self._frame_ticks
        self._file.encode(self._stream, picture)
        if self._sound and time_s is not None and self._first_s is not None:
            self._sound_until(self._sound, time_s + float(1 / self.fps))

    def close(self) -> None:
        """Finish the file and give it its name.

        Raises:
            OutputError: the disk is full; nothing is left behind.
        """
        try:
            self._file.finish(self._stream)
        finally:
            if self._sound:
                self._sound.close()

    def abort(self) -> None:
        """Leave no file behind; an earlier one at `path` stays."""
        if self._sound:
            self._sound.close()
        self._file.abandon()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.abort()

    def _new_stream(self, pixel_aspect: Fraction) -> VideoStream:
        stream = self._file.container.add_stream("libx264", rate=self.fps, options=dict(_ENCODER))
        height, width = self.size
        stream.height, stream.width = height + height % 2, width + width % 2
        stream.pix_fmt = "yuv420p"
        stream.thread_count = _ENCODE_THREADS
        stream.time_base = stream.codec_context.time_base = Fraction(1, self._ticks_per_s)
        context = stream.codec_context
        context.colorspace = context.color_primaries = context.color_trc = _BT709
        context.color_range = _TV_RANGE
        context.sample_aspect_ratio = pixel_aspect
        return stream

    def _tick(self, time_s: float | None) -> int:
        """The frame's time in ticks, later than the one before."""
        if time_s is not None and self._first_s is None:
            self._first_s = time_s
        if self._last_tick is None:
            tick = 0
        elif time_s is None or self._first_s is None:
            tick = self._last_tick + self._frame_ticks
        else:
            wanted = round((time_s - self._first_s) * self._ticks_per_s)
            tick = max(wanted, self._last_tick + 1)
        self._last_tick = tick
        return tick

    def _sound_until(self, sound: Sound, time_s: float) -> None:
        try:
            sound.write_until(time_s, self._first_s or 0.0)
        except (FFmpegError, OSError) as error:
            raise unwritable(self.path, error) from error


def _even(rgb: np.ndarray) -> np.ndarray:
    height, width = rgb.shape[:2]
    if height % 2 or width % 2:
        return np.pad(rgb, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    return np.ascontiguousarray(rgb)
