"""A video file while it is written: beside its name, which it gets when it is whole."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import av
from av.error import FFmpegError
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from propago.errors import OutputError
from propago.io.atomic import part_of, remove, unwritable


class VideoFile:
    """A container that is finished as a whole or leaves nothing behind."""

    def __init__(self, path: Path, kind: str, options: Mapping[str, str] | None = None) -> None:
        """Open it.

        Args:
            path: the file, replaced when it is finished.
            kind: FFmpeg's name of the container: "mp4", "mov", "webm".
            options: of the container.

        Raises:
            OutputError: the folder cannot be written to.
        """
        self._path = path
        try:
            part_of(path).touch()
            self.container = av.open(
                str(part_of(path)), "w", format=kind, options=dict(options or {})
            )
        except (FFmpegError, OSError) as error:
            raise unwritable(path, error) from error

    def encode(self, stream: VideoStream, frame: VideoFrame | None) -> None:
        """Append a frame to a stream of the container; None: what its encoder still holds.

        Raises:
            OutputError: the disk is full.
        """
        try:
            for packet in stream.encode(frame):
                self.container.mux(packet)
        except (FFmpegError, OSError) as error:
            raise unwritable(self._path, error) from error

    def finish(self, stream: VideoStream) -> None:
        """Write what the encoder still holds, and give the file its name.

        Raises:
            OutputError: the disk is full; nothing is left behind.
        """
        try:
            self.encode(stream, None)
            self.container.close()
            part_of(self._path).replace(self._path)
        except OutputError:
            self.abandon()
            raise
        except (FFmpegError, OSError) as error:
            self.abandon()
            raise unwritable(self._path, error) from error

    def abandon(self) -> None:
        """Leave no file behind; an earlier one of its name stays."""
        with suppress(FFmpegError, OSError):
            self.container.close()
        remove(part_of(self._path))
