"""Sound that is kept beside pictures that are made of a video."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.audio.frame import AudioFrame
from av.video.frame import VideoFrame

from propago.io.writer import VideoWriter

RATE, FRAMES, FPS = 44100, 50, 25


def film(path: Path, codec: str) -> Path:
    """Two seconds of grey pictures with a tone that begins at one second."""
    with av.open(path, "w") as container:
        video, sound = (
            container.add_stream("libx264", rate=FPS),
            container.add_stream(codec, rate=RATE),
        )
        video.height, video.width, video.pix_fmt = 32, 48, "yuv420p"
        sound.layout = "mono"
        encode: Any = sound.encode
        for t in range(FRAMES):
            picture = VideoFrame.from_ndarray(np.full((32, 48, 3), 4 * t, np.uint8))
            container.mux(video.encode(picture))
        at = np.arange(2 * RATE)
        tone = (np.sin(at * 0.06) * 20000 * (at > RATE)).astype(np.int16)
        for begin in range(0, len(tone), 1024):
            samples = AudioFrame.from_ndarray(tone[None, begin : begin + 1024], "s16", "mono")
            samples.sample_rate, samples.pts, samples.time_base = RATE, begin, Fraction(1, RATE)
            container.mux(encode(samples))
        container.mux(encode(None))
        container.mux(video.encode())
    return path


def written(path: Path, source: Path, first: int, last: int) -> Path:
    with VideoWriter(path, (32, 48), FPS, sound=source) as video:
        for t in range(first, last):
            video.write(np.zeros((32, 48, 3), np.uint8), t / FPS)
    return path


def loudness(path: Path) -> dict[float, int]:
    """The highest sample by the time at which it sounds, in packets."""
    with av.open(path) as container:
        if not container.streams.audio:
            return {}
        frames = container.decode(container.streams.audio[0])
        return {float(f.time or 0): int(np.abs(f.to_ndarray()).max() > 0.2) for f in frames}


def test_sound_stays_with_the_pictures(tmp_path):
    whole = loudness(written(tmp_path / "a.mp4", film(tmp_path / "film.mp4", "aac"), 0, FRAMES))
    assert max(whole) == pytest.approx(2, abs=0.1)
    begins = min(at for at, loud in whole.items() if loud)
    assert begins == pytest.approx(1, abs=0.1)


def test_a_part_of_a_video_has_the_sound_of_that_part(tmp_path):
    part = loudness(written(tmp_path / "a.mp4", film(tmp_path / "film.mp4", "aac"), 15, 35))
    assert max(part) == pytest.approx(0.8, abs=0.1)
    assert min(at for at, loud in part.items() if loud) == pytest.approx(0.4, abs=0.1)
    assert min(part) >= 0


def test_sound_that_mp4_does_not_take_and_none_at_all(tmp_path):
    assert (
        loudness(written(tmp_path / "a.mp4", film(tmp_path / "pcm.mkv", "pcm_s16le"), 0, 9)) == {}
    )
    (tmp_path / "stack.tif").write_bytes(b"no video")
    assert loudness(written(tmp_path / "b.mp4", tmp_path / "stack.tif", 0, 9)) == {}
