"""The sound of a video, copied as it is coded beside pictures that are made of it."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.error import FFmpegError
from av.packet import Packet

MP4_CODECS = ("aac", "mp3", "ac3", "eac3", "alac", "opus")
"""What players take in MP4; other sound is left out."""


class Sound:
    """The first sound stream of a file, added to a container before anything is written to it."""

    def __init__(self, path: Path, into: OutputContainer) -> None:
        """Sound that cannot be read or copied is none.

        Args:
            path: the file; any that is no video has no sound.
            into: gets a stream of the same codec.
        """
        self._into, self._next, self._stream, self._container = into, None, None, None
        try:
            self._container = av.open(f"file:{path}", metadata_errors="replace")
            found = next((s for s in self._container.streams.audio if _fits(s)), None)
            if found is not None:
                self._stream = into.add_stream_from_template(found)
                self._packets = self._container.demux(found)
        except (FFmpegError, OSError, ValueError, MemoryError):
            self._stream = None

    def write_until(self, time_s: float, first_s: float) -> None:
        """Copy what sounds up to `time_s`, by the clock of a video whose first frame is `first_s`.

        Raises:
            FFmpegError: the container takes no more.
        """
        while (packet := self._take()) is not None:
            at = float((packet.pts or 0) * (packet.time_base or Fraction(1))) - first_s
            if at > time_s - first_s:
                self._next = packet
                return
            if at >= 0 and packet.time_base and packet.dts is not None:
                shift = round(first_s / packet.time_base)
                packet.pts, packet.dts = (packet.pts or 0) - shift, packet.dts - shift
                packet.stream = self._stream
                self._into.mux(packet)

    def close(self) -> None:
        """Let the file go."""
        self._stream = None
        if self._container:
            self._container.close()

    def _take(self) -> Packet | None:
        """The next packet, None where there is none or the stream breaks."""
        if self._stream is None:
            return None
        packet, self._next = self._next, None
        try:
            return packet or next(self._whole())
        except (StopIteration, FFmpegError, OSError, MemoryError):
            self._stream = None
            return None

    def _whole(self) -> Iterator[Packet]:
        return (p for p in self._packets if p.size and p.pts is not None and p.dts is not None)


def _fits(stream: AudioStream) -> bool:
    return bool(stream.codec_context) and stream.codec_context.name in MP4_CODECS
