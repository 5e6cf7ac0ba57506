"""24 short videos: one process, two, a local Ray of two workers, and the same with one killed.

Each video is a piece of the clip in the package. Every way has one thread a process, so that the
masks have to be the same to the byte. Starting the processes, which load PyTorch each, is counted.

    python benchmarks/many.py
"""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

import propago
from arguments import commit, parser
from propago.components import load_method
from propago.io.masks import write_mask
from propago.io.video import open_source
from propago.io.writer import VideoWriter
from propago.ops.image import image_to_rgb

VIDEOS = 24
CLIP = Path(propago.__file__).parent / "demo_clip"


class KilledOnce:
    """A propagator whose first process to reach a frame is killed."""

    def __init__(self, inner: Any, mark: Path, frame: int) -> None:
        self.inner, self.mark, self.frame = inner, mark, frame

    def __getattr__(self, name: str) -> Any:
        if name == "inner":
            raise AttributeError(name)
        return getattr(self.inner, name)

    def predict(self, state: Any, frame: propago.Frame) -> Any:
        """What the propagator predicts, unless this is the frame."""
        if frame.index == self.frame:
            with suppress(FileExistsError):
                self.mark.touch(exist_ok=False)
                os.kill(os.getpid(), signal.SIGKILL)
        return self.inner.predict(state, frame)


def main() -> None:
    """Parse, run, print."""
    arguments = parser(__doc__, data=False)
    arguments.add_argument("--frames", type=int, default=8)
    arguments.add_argument("--method", default="feelvos")
    options = arguments.parse_args()
    print(f"{VIDEOS} videos of {options.frames} frames, {options.method}, commit {commit()}")
    with TemporaryDirectory() as made:
        folder = Path(made)
        write_videos(folder / "videos", options.frames)
        fatal = KilledOnce(load_method(options.method), folder / "killed", options.frames - 1)
        two = propago.ManyOptions(jobs=2)
        ray = propago.ManyOptions(jobs=2, cluster="local")
        ways: dict[str, dict[str, Any]] = {
            "serial": {"method": options.method},
            "two processes": {"many": two, "method": options.method},
            "Ray, two workers": {"many": ray, "method": options.method},
            "Ray, one killed": {"many": ray, "method": fatal},
        }
        serial_s, serial = 0.0, {}
        for name, how in ways.items():
            seconds, masks = measured(folder, name, how)
            serial_s, serial = serial_s or seconds, serial or masks
            same = "identical" if masks == serial else "DIFFERENT"
            print(f"{name:<18} {seconds:6.1f} s  {serial_s / seconds:.2f}x  {same}", flush=True)


def measured(folder: Path, name: str, how: dict[str, Any]) -> tuple[float, dict[str, bytes]]:
    """Seconds, and the masks by their paths."""
    out = folder / name
    run = propago.SegmentOptions(overlay=False, threads=1)
    begun = time.perf_counter()
    many = propago.segment_many(folder / "videos", out=out, options=run, **how)
    seconds = time.perf_counter() - begun
    if many.failed:
        raise SystemExit(f"{name}: {many.failed}")
    return seconds, {str(p.relative_to(out)): p.read_bytes() for p in out.rglob("masks/*.png")}


def write_videos(folder: Path, frames: int) -> None:
    """Pieces of the clip, each with the mask of its first frame."""
    folder.mkdir()
    film = [image_to_rgb(frame.image) for frame in open_source(CLIP / "clip.mp4")]
    with np.load(CLIP / "truth.npz") as truth:
        labels = next(iter(truth.values()))
    for n in range(VIDEOS):
        first = n * (len(film) - frames) // VIDEOS
        with VideoWriter(folder / f"{n:02d}.mp4", film[0].shape[:2], 12) as video:
            for image in film[first : first + frames]:
                video.write(image)
        write_mask(folder / f"{n:02d}.png", labels[first])


if __name__ == "__main__":
    main()
