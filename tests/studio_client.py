"""A studio of a tiny clip, and what a page would send to it."""

from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic, sleep

import numpy as np
import pytest

pytest.importorskip("fastapi", reason="the extra `studio` is not installed")

from starlette.testclient import TestClient

from propago.io.formats import open_masks
from propago.io.masks import write_mask
from propago.io.pictures import write_picture
from propago.io.video import open_source
from propago.jobs.options import SegmentOptions, TrackOptions
from propago.jobs.studio import SegmentRuns
from propago.jobs.track import track
from propago.methods.grabcut.run import GrabCut
from propago.runs.output_folder import OutputFolder
from propago.studio.app import create_app
from propago.studio.opening import open_project
from propago.studio.project import Project
from tiny_clip import tiny_clip

TOKEN, ADDRESS = "a-secret", "http://127.0.0.1:8765"
FRAMES, SIZE = 8, (48, 64)


def write_frames(folder, frames=FRAMES, size=SIZE):
    """The pictures of a tiny clip as files; its true label maps."""
    images, labels = tiny_clip(frames, size, ids=(1, 2))
    folder.mkdir()
    for t, image in enumerate(images):
        write_picture(folder / f"{t:05d}.png", image)
    return labels


def track_frames_of(place):
    """Two tracks of the frames in `place`, found without fault, in `place / tracked`."""
    labels = write_frames(place / "frames")
    (place / "found").mkdir()
    for t, one in enumerate(labels):
        write_mask(place / "found" / f"{t:05d}.png", one)
    options = TrackOptions(overlay=False)
    track(place / "frames", place / "found", out=place / "tracked", options=options)
    return labels


@dataclass
class Page:
    client: TestClient
    project: Project

    def get(self, path):
        return self.client.get(f"/{TOKEN}/{path}")

    def masks(self, index):
        return np.frombuffer(self.get(f"api/masks/{index}").content, np.uint8).reshape(SIZE)

    def draw(self, index, labels):
        body = np.ascontiguousarray(labels, np.uint8).tobytes()
        return self.client.put(f"/{TOKEN}/api/annotations/{index}", content=body)

    def post(self, path, **fields):
        return self.client.post(f"/{TOKEN}/{path}", json=fields)

    def listen(self, token=TOKEN, **headers):
        address = f"{ADDRESS.replace('http', 'ws')}/{token}/api/events"
        return self.client.websocket_connect(address, headers=headers)

    def wait_for_pictures(self):
        end = monotonic() + 20
        while (told := self.get("api/project").json()["pictures"])["ready"] != told["total"]:
            assert monotonic() < end, told
            sleep(0.01)

    def run(self, **fields):
        """The state of a run that has ended."""
        answer = self.post("api/run", **fields)
        assert answer.status_code == 200, answer.text
        return self.wait()

    def wait(self, seconds=20.0):
        end = monotonic() + seconds
        while (run := self.get("api/project").json()["run"])["state"] == "running":
            assert monotonic() < end, run
            sleep(0.02)
        return run


def follower(place):
    """Carries masks through the frames in `place` by optical flow, into `place / out`."""
    source, output = open_source(place / "frames"), OutputFolder(place / "out")
    return SegmentRuns(source, output, "optical_flow", SegmentOptions(overlay=False))


def slow_follower(place, at, reached, go_on):
    """As `follower`; behind `at` frames it sets `reached` and waits for `go_on`."""
    inner = follower(place)

    def follow(order, watch, progress):
        def slow(done, total, what):
            progress(done, total, what)
            if done == at:
                reached.set()
                go_on.wait(20)

        return inner(order, watch, slow)

    return follow


def studio_app(place, follow=None, prompter=None, masks=None, gt=None):
    """The project of the frames in `place`, in `place / out`, and its application."""
    project = open_project(open_source(place / "frames"), OutputFolder(place / "out"), masks)
    return project, create_app(
        project,
        follow or follower(place),
        prompter or GrabCut(),
        TOKEN,
        truth=None if gt is None else open_masks(gt),
    )


@contextmanager
def studio(place, follow=None, prompter=None, masks=None, gt=None):
    """A page of the frames in `place`."""
    project, app = studio_app(place, follow, prompter, masks, gt)
    with TestClient(app, base_url=ADDRESS) as client:
        page = Page(client, project)
        page.wait_for_pictures()
        yield page
