import pytest

from propago.io.masks import write_mask
from propago.io.pictures import write_picture
from propago.io.writer import VideoWriter
from propago.runs import checkpoints
from segment_runs import EVEN_SIZE, FRAMES, SIZE
from tiny_clip import tiny_clip


@pytest.fixture
def clip(tmp_path):
    """A folder of frames, the masks of its objects 1 and 5, and a place for results."""
    images, labels = tiny_clip(FRAMES, SIZE, (1, 5))
    folder = tmp_path / "frames"
    folder.mkdir()
    for t, image in enumerate(images):
        write_picture(folder / f"shot_{t:03d}.png", image)
    write_mask(tmp_path / "first.png", labels[0])
    return tmp_path


@pytest.fixture
def film(tmp_path):
    """A video file, the mask of its first frame, and a place for results."""
    images, labels = tiny_clip(FRAMES, EVEN_SIZE, (1, 5))
    with VideoWriter(tmp_path / "film.mp4", EVEN_SIZE, 12) as video:
        for image in images:
            video.write(image)
    write_mask(tmp_path / "first.png", labels[0])
    return tmp_path


@pytest.fixture
def often(monkeypatch):
    """A checkpoint every third frame."""
    monkeypatch.setattr(checkpoints, "EVERY_FRAMES", 3)


@pytest.fixture
def videos(tmp_path):
    """Three videos with a mask each; the second is damaged."""
    folder = tmp_path / "videos"
    folder.mkdir()
    for n, name in enumerate(("a", "b", "c")):
        images, labels = tiny_clip(3, (48, 64), (1, 5), seed=n)
        with VideoWriter(folder / f"{name}.mp4", (48, 64), 12) as video:
            for image in images:
                video.write(image)
        write_mask(folder / f"{name}.png", labels[0])
    (folder / "b.mp4").write_bytes(b"no video")
    return folder
