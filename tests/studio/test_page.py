"""The page in a real browser: Playwright drives the machine's Chromium, where both are there."""

import json
import socket
import threading
from contextlib import contextmanager
from shutil import which
from time import monotonic

import numpy as np
import pytest
from PIL import Image

from propago.io.masks import write_mask
from propago.metrics.davis import region_similarity
from studio_client import (
    FRAMES,
    SIZE,
    TOKEN,
    slow_follower,
    studio_app,
    track_frames_of,
    write_frames,
)

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
uvicorn = pytest.importorskip("uvicorn", reason="the extra `studio` is not installed")

CHROMIUM = which("chromium") or which("google-chrome")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine"),
]


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def served(place, port=0, follow=None, masks=None, gt=None):
    """The address of a studio of the frames in `place`, served as `propago studio` does it."""
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
        self.page.wait_for_selector("#objects li")
        self.until_shown(0)
        self.size = size
        self.page.wait_for_timeout(300)

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

    def kept(self, index):
        """The masks that the server has of a frame."""
        answer = self.page.request.get(f"{self.page.url}api/masks/{index}")
        return np.frombuffer(answer.body(), np.uint8).reshape(self.size)

    def until_kept(self, index, holds):
        self.until(lambda: holds(self.kept(index)))


@pytest.fixture
def truth(tmp_path):
    return write_frames(tmp_path / "frames")


@pytest.mark.filterwarnings("ignore:other masks are given")
def test_draw_carry_correct_go_on_and_export(browser, truth, tmp_path):
    with served(tmp_path) as address:
        person = Person(browser, address)
        rows, columns = np.nonzero(truth[0] == 1)
        person.press("x")
        person.drag((columns.min() - 3, rows.min() - 3), (columns.max() + 4, rows.max() + 4))
        person.until_kept(0, lambda labels: (labels == 1).any())
        found = person.kept(0) == 1
        assert (found & (truth[0] == 1)).sum() / (found | (truth[0] == 1)).sum() > 0.8

        person.press("n", "b")
        person.drag((40, 40), (55, 40))
        person.until_kept(0, lambda labels: (labels == 2).any())
        assert person.kept(0)[40, 48] == 2

        person.press("g")
        person.status("Done")
        before = person.kept(FRAMES - 1)
        assert (before == 1).any()

        person.press("Home", *["ArrowRight"] * 5, "1")
        person.until_shown(5)
        person.drag((10, 5), (50, 5))
        person.until_kept(5, lambda labels: labels[5, 30] == 1)
        person.press("g")
        person.status("Done")
        person.until_kept(FRAMES - 1, lambda labels: not (labels == before).all())

        with person.page.expect_download() as download:
            person.page.get_by_text("YouTube-VIS").click()
        assert json.loads(download.value.path().read_text())["annotations"]
        assert not person.faults


@pytest.mark.filterwarnings("ignore:other masks are given")
def test_a_correction_at_frame_20_leaves_the_frames_before_it(browser, tmp_path):
    truth = write_frames(tmp_path / "frames", 24)
    (tmp_path / "out" / "annotations").mkdir(parents=True)
    write_mask(tmp_path / "out" / "annotations" / "00000.png", truth[0])
    with served(tmp_path) as address:
        person = Person(browser, address)
        person.press("g")
        person.status("Done")
        before = [person.kept(t) for t in range(24)]
        person.press("Home", "Shift+ArrowRight", "Shift+ArrowRight", "1", "b")
        person.until_shown(20)
        person.drag((10, 5), (50, 5))
        person.until_kept(20, lambda labels: labels[5, 30] == 1)
        person.press("g")
        person.status("Done")
        person.until_kept(23, lambda labels: not (labels == before[23]).all())
        for t in range(20):
            np.testing.assert_array_equal(person.kept(t), before[t])
        assert not person.faults


def test_who_is_who_is_said_in_the_list(browser, truth, tmp_path):
    drawn = tmp_path / "out" / "annotations"
    drawn.mkdir(parents=True)
    write_mask(drawn / "00000.png", truth[0])
    with served(tmp_path) as address:
        person = Person(browser, address)
        person.press("g")
        person.status("Done")
        person.press("Home", *["ArrowRight"] * 3, "2")
        person.until_shown(3)
        found = person.kept(3)
        person.page.select_option("#identity", label="swapped with object 1 from this frame on")
        swapped = np.array([0, 2, 1], np.uint8)[found]
        person.until_kept(3, lambda labels: (labels == swapped).all())
        person.page.select_option("#identity", label="the same as object 1")
        person.until_kept(3, lambda labels: (labels == (found > 0)).all())
        assert person.page.locator("#objects li").count() == 1
        assert not person.faults


def test_tracks_are_named_joined_and_saved(browser, tmp_path):
    labels = track_frames_of(tmp_path)
    with served(tmp_path, masks=tmp_path / "tracked") as address:
        person = Person(browser, address)
        classes = person.page.locator("#objects .kind")
        assert [one.input_value() for one in classes.all()] == ["object", "object"]
        assert not person.page.is_visible("#run")
        person.page.fill("#objects li:nth-child(1) input[type=text]", "Anna")
        person.page.keyboard.press("Enter")
        person.page.locator("#canvas").focus()
        person.press("2")
        person.page.select_option("#identity", label="the same as Anna")
        person.until_kept(3, lambda shown: (shown == (labels[3] > 0)).all())
        assert person.page.locator("#objects li").count() == 1
        person.press("Control+z", "Control+z")
        person.until(lambda: person.page.locator("#objects li").count() == 2)
        name = person.page.locator("#objects li:nth-child(1) input[type=text]:not(.kind)")
        person.until(lambda: name.input_value() == "object 1")
        person.press("Control+Shift+z", "Control+Shift+z")
        person.until(lambda: person.page.locator("#objects li").count() == 1)
        person.page.fill("#objects .kind", "cat")
        person.page.keyboard.press("Enter")
        person.page.locator("#canvas").focus()
        person.press("Control+s")
        person.status("Saved")
        (track,) = json.loads((tmp_path / "out" / "tracks.json").read_text())
        assert (track["id"], track["name"], track["category_id"]) == (1, "Anna", 2)
        assert not person.faults


def test_views_beside_the_truth_and_j_of_the_frame(browser, truth, tmp_path):
    for folder, labels in (
        ("out/annotations", np.where(truth[0] == 2, 0, truth[0])),
        ("gt", truth[0]),
    ):
        (tmp_path / folder).mkdir(parents=True)
        write_mask(tmp_path / folder / "00000.png", labels)
    with served(tmp_path, gt=tmp_path / "gt") as address:
        person = Person(browser, address)
        shown = lambda: person.page.inner_text("#quality")  # noqa: E731
        assert shown() == "J 0.500: object 1 1.000, 2 0.000"
        person.press("n", "b")
        person.drag((40, 40), (55, 40))
        person.until_kept(0, lambda labels: (labels == 2).any())
        each = region_similarity(truth[0], person.kept(0), (1, 2))
        assert shown().startswith(f"J {each.mean():.3f}: object 1 {each[0]:.3f}")
        for name in ("Masks", "Picture", "Side by side", "Difference", "Overlay"):
            person.press("v")
            assert person.page.inner_text("#view") == name
            person.page.wait_for_timeout(50)
            assert ("blue: missed" in shown()) is (name == "Difference")
        person.press("v", "v", "v", "c")
        canvas = person.page.locator("#canvas").bounding_box()
        middle = canvas["y"] + canvas["height"] / 2
        person.press("b", "1")
        before = person.kept(0)
        person.page.mouse.click(canvas["x"] + canvas["width"] * 0.75, middle)
        person.until_kept(0, lambda labels: not (labels == before).all())
        changed = np.argwhere(person.kept(0) != before)
        np.testing.assert_allclose(changed.mean(0), (SIZE[0] / 2, SIZE[1] / 2), atol=2)
        assert not person.faults


def test_undo_redo_eraser_polygon_and_fill(browser, truth, tmp_path):
    with served(tmp_path) as address:
        person = Person(browser, address)
        person.press("p")
        for corner in ((10, 10), (30, 10), (30, 30), (10, 30)):
            person.page.mouse.click(*person.at(*corner))
        person.press("Enter")
        square = np.zeros(SIZE, np.uint8)
        square[10:30, 10:30] = 1
        person.until_kept(0, lambda labels: abs(int((labels != square).sum())) < 45)
        drawn = person.kept(0)

        person.press("e")
        person.drag((8, 20), (32, 20))
        person.until_kept(0, lambda labels: labels[20, 20] == 0)
        person.press("Control+z")
        person.until_kept(0, lambda labels: (labels == drawn).all())
        person.press("Control+Shift+z")
        person.until_kept(0, lambda labels: labels[20, 20] == 0)
        person.press("f")
        person.page.mouse.click(*person.at(20, 20))
        person.until_kept(0, lambda labels: labels[20, 20] == 1)
        person.press("Control+z", "Control+z", "Control+z")
        person.until_kept(0, lambda labels: not labels.any())
        assert not (tmp_path / "out" / "annotations" / "00000.png").exists()
        assert not person.faults


def test_two_tabs_a_reload_in_mid_run_and_a_lost_connection(browser, truth, tmp_path):
    reached, go_on = threading.Event(), threading.Event()
    follow = slow_follower(tmp_path, 4, reached, go_on)
    with served(tmp_path, follow=follow) as address:
        person, other = Person(browser, address), Person(browser, address)
        person.press("b")
        person.drag((20, 20), (30, 20))
        other.until_kept(0, lambda labels: labels[20, 25] == 1)
        person.press("g")
        assert reached.wait(20)
        other.page.reload()
        other.until(lambda: "of 8 frames" in other.page.inner_text("#status"))
        go_on.set()
        person.status("Done")
        other.status("Done")
        port = int(address.split(":")[2].split("/")[0])
    person.until(lambda: person.page.is_visible("#veil"))
    assert "connection is lost" in person.page.inner_text("#veil")
    with served(tmp_path, port):
        person.until(lambda: not person.page.is_visible("#veil"))
        assert (person.kept(0) == 1).any()
    assert not person.faults
    assert not other.faults


def test_a_phone_sized_window_and_fingers(browser, truth, tmp_path):
    with served(tmp_path) as address:
        person = Person(browser, address, width=390, height=844)
        wide = person.page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 390
        person.press("c")
        rows, columns = np.nonzero(truth[0] == 1)
        person.page.touchscreen.tap(*person.at(columns.mean(), rows.mean()))
        person.until_kept(0, lambda labels: (labels == 1).any())
        assert not person.faults


def test_a_4k_frame_is_drawn_on_at_its_own_pixels(browser, tmp_path):
    size = (2160, 3840)
    (tmp_path / "frames").mkdir()
    Image.new("RGB", (3840, 2160), (90, 120, 60)).save(tmp_path / "frames" / "00000.jpg")
    with served(tmp_path) as address:
        person = Person(browser, address, size)
        person.press("b")
        person.drag((1000, 1000), (1100, 1000))
        person.until_kept(0, lambda labels: labels[1000, 1050] == 1)
        assert not person.faults


def test_a_source_that_breaks_off_is_said_and_its_whole_frames_are_drawn_on(
    browser, truth, tmp_path
):
    (tmp_path / "frames" / "00005.png").write_bytes(b"\x89PNG\r\n\x1a\n damaged")
    with served(tmp_path) as address:
        person = Person(browser, address)
        person.until(lambda: "00005.png" in person.page.inner_text("#veil"))
        person.press("End", "b")
        person.until_shown(4)
        person.drag((20, 20), (30, 20))
        person.until_kept(4, lambda labels: labels[20, 25] == 1)
        assert not person.faults


def test_the_keys_are_told(browser, truth, tmp_path):
    with served(tmp_path) as address:
        person = Person(browser, address)
        person.press("?")
        assert "next frame worth a look" in person.page.inner_text("#keys")
        assert not person.faults
