"""Where pictures with alpha go: PNGs, ProRes 4444, VP9, or a video on a flat colour.

Alpha is full range: 0 is outside, the highest value inside. Straight colours are those of the
frame, black where alpha is 0; premultiplied ones are multiplied by alpha.
"""

from fractions import Fraction
from pathlib import Path
from typing import Literal, Protocol, cast

import cv2
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import Colorspace
from av.video.stream import VideoStream

from propago.io.atomic import make_folder, replacing
from propago.io.video_file import VideoFile
from propago.io.writer import VideoWriter

_BT709 = 1
_CODECS: dict[str, tuple[str, str, str, dict[str, str]]] = {
    ".mov": ("prores_ks", "yuva444p10le", "mov", {"profile": "4444", "alpha_bits": "16"}),
    ".webm": (
        *("libvpx-vp9", "yuva420p", "webm"),
        {"crf": "15", "b": "0", "auto-alt-ref": "0", "cpu-used": "4", "row-mt": "1"},
    ),
}


class MatteSink(Protocol):
    """Takes the frames of a video in order."""

    def write(self, name: str, rgb: np.ndarray, alpha: np.ndarray, /) -> None:
        """Append a frame: its name, (H, W, 3) uint8 and (H, W) float32 in [0, 1].

        Raises:
            OutputError: it cannot be written.
        """
        ...

    def close(self, *, failed: bool) -> None:
        """Finish the file, or leave none behind."""
        ...


class PngSink:
    """FRAME.png in a folder: RGBA of 8 bits, or grey of 16 bits, alpha alone."""

    def __init__(
        self, folder: Path, kind: Literal["rgba", "alpha"], *, premultiplied: bool
    ) -> None:
        """Make the folder."""
        make_folder(folder)
        self._folder, self._kind, self._premultiplied = folder, kind, premultiplied

    def write(self, name: str, rgb: np.ndarray, alpha: np.ndarray) -> None:
        """See `MatteSink`."""
        if self._kind == "alpha":
            picture = np.rint(alpha * 65535).astype(np.uint16)
        else:
            picture = cv2.cvtColor(with_alpha(rgb, alpha, self._premultiplied), cv2.COLOR_RGBA2BGRA)
        with replacing(self._folder / f"{name}.png") as unfinished:
            unfinished.write_bytes(cv2.imencode(".png", picture)[1].tobytes())

    def close(self, *, failed: bool) -> None:
        """See `MatteSink`."""


class AlphaVideoSink:
    """ProRes 4444 with 16 bits of alpha in .mov, or VP9 with alpha in .webm; BT.709.

    Frames have equal durations, one a frame of the source.
    """

    def __init__(
        self, path: Path, size: tuple[int, int], fps: Fraction, *, premultiplied: bool
    ) -> None:
        """Open the file; `size` is (H, W) of the frames to come."""
        self._premultiplied, self._count = premultiplied, 0
        codec, self._pixels, container, options = _CODECS[path.suffix.lower()]
        self._file = VideoFile(path, container)
        stream = self._file.container.add_stream(codec, rate=fps, options=dict(options))
        self._stream = cast(VideoStream, stream)
        self._stream.height, self._stream.width = size
        self._stream.pix_fmt = self._pixels
        if container == "webm":
            self._stream.metadata["alpha_mode"] = "1"
        context = self._stream.codec_context
        context.colorspace = context.color_primaries = context.color_trc = _BT709

    def write(self, name: str, rgb: np.ndarray, alpha: np.ndarray) -> None:
        """See `MatteSink`."""
        deep = with_alpha(rgb, alpha, self._premultiplied, deep=True)
        frame = VideoFrame.from_ndarray(deep, "rgba64le")
        frame = frame.reformat(format=self._pixels, dst_colorspace=Colorspace.ITU709)
        frame.pts = self._count
        self._count += 1
        self._file.encode(self._stream, frame)

    def close(self, *, failed: bool) -> None:
        """See `MatteSink`."""
        self._file.abandon() if failed else self._file.finish(self._stream)


class CutoutSink:
    """The objects on a flat colour, H.264 in .mp4."""

    def __init__(
        self, path: Path, size: tuple[int, int], fps: Fraction, background: tuple[int, int, int]
    ) -> None:
        """Open the file; `background` is RGB."""
        self._video = VideoWriter(path, size, fps)
        self._background = np.array(background, np.float32)

    def write(self, name: str, rgb: np.ndarray, alpha: np.ndarray) -> None:
        """See `MatteSink`."""
        share = alpha[..., None]
        self._video.write(np.rint(rgb * share + self._background * (1 - share)).astype(np.uint8))

    def close(self, *, failed: bool) -> None:
        """See `MatteSink`."""
        self._video.abort() if failed else self._video.close()


def with_alpha(
    rgb: np.ndarray, alpha: np.ndarray, premultiplied: bool, *, deep: bool = False
) -> np.ndarray:
    """(H, W, 4) uint8, or uint16 where `deep`, of (H, W, 3) uint8 and (H, W) in [0, 1]."""
    share = alpha[..., None] if premultiplied else (alpha > 0)[..., None]
    full = 65535 if deep else 255
    colours = rgb.astype(np.float32) / 255 * share
    picture = np.concatenate([colours, alpha[..., None]], axis=-1)
    return np.rint(picture * full).astype(np.uint16 if deep else np.uint8)
