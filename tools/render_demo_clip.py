"""Render the clip that `propago demo` follows, with its true masks: clip.mp4 and truth.npz.

python tools/render_demo_clip.py [FOLDER]    by default into the package, over what is shipped
"""

import sys
from pathlib import Path

import numpy as np

from demo_scene.scene import demo_scene
from propago.io.atomic import replacing
from propago.io.writer import VideoWriter

SIZE, FRAMES, FPS = (480, 854), 60, 15
SHIPPED = Path(__file__).parents[1] / "src/propago/demo_clip"


def render(folder: Path, size: tuple[int, int] = SIZE, frames: int = FRAMES) -> None:
    """Write clip.mp4 and truth.npz (`labels`, (T, H, W) uint8) into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    truth = []
    with VideoWriter(folder / "clip.mp4", size, FPS) as video:
        for image, labels in demo_scene(size, frames):
            video.write(image)
            truth.append(labels)
    with replacing(folder / "truth.npz") as unfinished, open(unfinished, "wb") as file:
        np.savez_compressed(file, labels=np.stack(truth))


if __name__ == "__main__":
    render(Path(sys.argv[1]) if len(sys.argv) > 1 else SHIPPED)
