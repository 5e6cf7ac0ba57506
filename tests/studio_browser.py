"""A person with a browser before a studio: Playwright drives the machine's Chromium."""

import socket
import threading
from contextlib import contextmanager
from importlib.util import find_spec
from shutil import which
from time import monotonic

import numpy as np
import pytest

from studio_client import SIZE, TOKEN, studio_app

CHROMIUM = which("chromium") or which("google-chrome")

needs_browser = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine"),
    pytest.mark.skipif(find_spec("playwright") is None, reason="playwright is not installed"),
    pytest.mark.skipif(find_spec("uvicorn") is None, reason="the extra `studio` is not installed"),
]


@contextmanager
def served(place, port=0, follow=None, masks=None, gt=None):
    """The address of a studio of the frames in `place`, served as `propago studio` does it."""
    import uvicorn

    _, app = studio_app(place, follow, masks=masks, gt=gt)
    listening = socket.create_server(("127.0.0.1", port))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/{TOKEN}/"
    finally:
        server.should_exit = True
        thread.join()


class Person:
    """What a person does with the page, in pixels of the frame."""

    def __init__(self, browser, address, size=SIZE, **window):
        viewport = {"width": 1100, "height": 700} | window
        self.page = browser.new_page(viewport=viewport, has_touch=True)
        self.faults = []
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.goto(address)
        self.page.wait_for_selector('body[data-live="true"]')
        self.until_shown(0)
        self.size = size

    def until_shown(self, index):
        self.page.wait_for_selector(f'#canvas[data-shown="{index}"]')

    def until(self, holds, seconds=40):
        end = monotonic() + seconds
        while not holds():
            assert monotonic() < end, (self.page.inner_text("#status"), self.faults)
            self.page.wait_for_timeout(30)

    def at(self, x, y):
        """A point of the frame, where the fitted picture shows it."""
        box, (height, width) = self.page.locator("#canvas").bounding_box(), self.size
        scale = min(box["width"] / width, box["height"] / height)
        left = box["x"] + (box["width"] - width * scale) / 2
        top = box["y"] + (box["height"] - height * scale) / 2
        return left + x * scale, top + y * scale

    def drag(self, *points):
        mouse = self.page.mouse
        mouse.move(*self.at(*points[0]))
        mouse.down()
        for point in points[1:]:
            mouse.move(*self.at(*point), steps=4)
        mouse.up()

    def press(self, *keys):
        for key in keys:
            self.page.keyboard.press(key)

    def status(self, begins):
        self.until(lambda: self.page.inner_text("#status").startswith(begins))

    def project(self):
        """What the server tells a page that opens."""
        return self.page.request.get(f"{self.page.url}api/project").json()

    def kept(self, index):
        """The masks that the server has of a frame."""
        answer = self.page.request.get(f"{self.page.url}api/masks/{index}")
        return np.frombuffer(answer.body(), np.uint8).reshape(self.size)

    def until_kept(self, index, holds):
        self.until(lambda: holds(self.kept(index)))
