"""A long source in the studio: does the memory of server and page stay flat?

Frames of noise are made, a square is drawn on the first, then the page scrubs through all of them,
and the masks are carried, the page showing each frame that comes. Needs playwright and Chromium.

    python benchmarks/studio_memory.py --frames 2000
"""

import argparse
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from shutil import which
from tempfile import TemporaryDirectory
from time import sleep

import cv2
import numpy as np
import psutil

HEIGHTS = {240: 320, 480: 854}
"""The width of frames of each height."""

TIMES = 4
"""How often memory is looked at in a pass."""


def main() -> None:
    """Parse, run, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--frames", type=int, default=2000)
    parser.add_argument("--height", type=int, choices=HEIGHTS, default=480)
    parser.add_argument("--method", default="optical_flow")
    options = parser.parse_args()
    with TemporaryDirectory() as place:
        folder = Path(place) / "frames"
        size = options.height, HEIGHTS[options.height]
        write_frames(folder, options.frames, size)
        command = [sys.executable, "-m", "propago", "studio", str(folder), "--no-open"]
        command += ["--out", f"{place}/out", "--method", options.method, "--prompter", "grabcut"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            try:
                watch(server, options.frames, size)
            finally:
                server.terminate()


def write_frames(folder: Path, frames: int, size: tuple[int, int]) -> None:
    """A moving piece of one picture of smooth noise."""
    folder.mkdir()
    shape = (size[0] + 60, size[1] + 80, 3)
    noise = np.random.default_rng(0).integers(0, 255, shape, np.uint8)
    scene = cv2.GaussianBlur(noise, (0, 0), 3)
    for t in range(frames):
        left = int(40 + 39 * np.sin(t / 30))
        piece = scene[30 : 30 + size[0], left : left + size[1]]
        (folder / f"{t:05d}.jpg").write_bytes(cv2.imencode(".jpg", piece)[1].tobytes())


def watch(server: subprocess.Popen[str], frames: int, size: tuple[int, int]) -> None:
    """Scrub, then carry, and say how much memory there is on the way."""
    from playwright.sync_api import sync_playwright

    address = server.stdout.readline().split()[1] if server.stdout else ""
    with sync_playwright() as driver:
        args = ["--no-sandbox", "--enable-precise-memory-info"]
        browser = driver.chromium.launch(executable_path=which("chromium"), args=args)
        page = browser.new_page(viewport={"width": 1100, "height": 700})
        page.goto(address)
        page.wait_for_selector('#canvas[data-shown="0"]')
        control = page.context.new_cdp_session(page)
        square = np.zeros(size, np.uint8)
        square[100:140, 140:200] = 1
        page.request.put(f"{address}api/annotations/0", data=square.tobytes())

        def told() -> dict:
            return page.request.get(f"{address}api/project").json()

        def say(what: str, index: int) -> None:
            control.send("HeapProfiler.collectGarbage")
            heap = control.send("Runtime.getHeapUsage")
            backing = heap.get("backingStorageSize", 0)
            figures = {
                "JS heap": heap["usedSize"],
                "array buffers": backing,
                "page process": renderers(),
                "server": psutil.Process(server.pid).memory_info().rss,
            }
            line = ", ".join(f"{name} {size / 1e6:.0f} MB" for name, size in figures.items())
            print(f"{what} frame {index}: {line}", flush=True)

        until(lambda: told()["pictures"]["ready"] == frames)
        for part in range(TIMES + 1):
            start, end = (max(part - 1, 0) * frames // TIMES, part * frames // TIMES)
            for _ in range(start, end):
                page.keyboard.press("ArrowRight")
            last = min(end, frames - 1)
            page.wait_for_selector(f'#canvas[data-shown="{last}"]')
            say("scrubbing", last)
        page.keyboard.press("g")
        for part in range(1, TIMES + 1):
            due = part * frames // TIMES
            until(
                lambda due=due: told()["run"]["done"] >= due or told()["run"]["state"] == "failed"
            )
            say("carrying", told()["run"]["done"])
        browser.close()


def renderers() -> int:
    """Resident bytes of the largest page process among this process's descendants."""
    found = [0]
    for child in psutil.Process().children(recursive=True):
        if "--type=renderer" in child.cmdline():
            found.append(child.memory_info().rss)
    return max(found)


def until(holds: Callable[[], bool]) -> None:
    """Wait for it."""
    while not holds():
        sleep(0.5)


if __name__ == "__main__":
    main()
