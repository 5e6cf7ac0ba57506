"""A run that is gone on with while its source has changed."""

import shutil

import cv2
import numpy as np
import pytest

from propago.errors import PropagoWarning, SourceError, UsageError
from propago.io.stills import read_rgb
from propago.io.writer import VideoWriter
from propago.jobs.options import SegmentOptions
from propago.jobs.segment import segment
from propago.methods.optical_flow.run import OpticalFlow
from segment_runs import EVEN_SIZE, FRAMES, mask_bytes, run
from tiny_clip import tiny_clip

LAST = f"shot_{FRAMES - 1:03d}.png"


class StopsAt(OpticalFlow):
    def __init__(self, index):
        super().__init__()
        self.index = index

    def predict(self, state, frame):
        if frame.index == self.index:
            raise KeyboardInterrupt
        return super().predict(state, frame)


def interrupted(clip, at=4):
    with pytest.raises(KeyboardInterrupt):
        run(clip, method=StopsAt(at))


def inverted(path):
    path.write_bytes(cv2.imencode(path.suffix, 255 - read_rgb(path))[1].tobytes())


def test_a_folder_that_has_grown_is_gone_on_with(clip, often):
    whole = run(clip, out="whole")
    late = [clip / "frames" / LAST, clip / "frames" / f"shot_{FRAMES - 2:03d}.png"]
    for path in late:
        shutil.move(path, clip / path.name)
    run(clip)
    for path in late:
        shutil.move(clip / path.name, path)
    with pytest.warns(PropagoWarning, match=f"{FRAMES} frames now, and had {FRAMES - 2}"):
        grown = run(clip, resume=True)
    assert grown.frames == FRAMES
    assert mask_bytes(grown.out) == mask_bytes(whole.out)


@pytest.mark.parametrize("done", [True, False])
def test_other_pixels_behind_the_same_names_are_refused(clip, done):
    run(clip) if done else interrupted(clip)
    inverted(clip / "frames" / "shot_002.png")
    with pytest.raises(UsageError, match=r"shot_002.png has \d+ bytes, and had \d+"):
        run(clip, resume=True)
    assert run(clip, overwrite=True).frames == FRAMES


def test_frames_that_have_no_results_yet_may_be_mended(clip):
    broken = clip / "frames" / "shot_005.png"
    whole = broken.read_bytes()
    broken.write_bytes(whole[:40])
    with pytest.raises(SourceError, match="shot_005"):
        run(clip)
    broken.write_bytes(whole)
    assert run(clip, resume=True).frames == FRAMES


def test_frames_that_are_gone_or_come_between_are_refused(clip):
    run(clip)
    frames = clip / "frames"
    (frames / LAST).rename(clip / LAST)
    with pytest.raises(UsageError, match=f"{LAST[:-4]} is gone from"):
        run(clip, resume=True)
    (clip / LAST).rename(frames / LAST)
    shutil.copy(frames / "shot_003.png", frames / "shot_003b.png")
    with pytest.raises(UsageError, match=r"frame 4 is shot_003b\.png now, and was shot_004"):
        run(clip, resume=True)


def test_another_video_of_the_same_name_is_refused(film):
    run(film, "film.mp4")
    images, _ = tiny_clip(FRAMES, EVEN_SIZE, (1, 5))
    with VideoWriter(film / "film.mp4", EVEN_SIZE, 12) as video:
        for image in images[:2] + [np.flipud(image) for image in images[2:]]:
            video.write(image)
    with pytest.raises(UsageError, match=r"film.mp4 begins otherwise now"):
        run(film, "film.mp4", resume=True)


def test_other_pictures_in_memory_are_refused(tmp_path):
    images, labels = tiny_clip(FRAMES, EVEN_SIZE, (1, 5))
    pictures = np.stack(images)

    def segmented(pictures, **options):
        options = SegmentOptions(overlay=False, **options)
        made = segment(pictures, labels[0], out=tmp_path, method=OpticalFlow(), options=options)
        return made.frames

    assert segmented(pictures) == segmented(pictures, resume=True) == FRAMES
    with pytest.raises(UsageError, match="array begins otherwise now"):
        segmented(255 - pictures, resume=True)
