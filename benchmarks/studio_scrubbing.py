"""Stepping through frames that the studio's page has loaded: how many a second does it show?

Frames are made, an object is drawn on each, the page walks through all of them once, and then
again, each step as soon as the frame before is on the screen. Needs playwright and Chromium.

    python benchmarks/studio_scrubbing.py --frames 100
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path
from shutil import which
from tempfile import TemporaryDirectory

import numpy as np
import psutil

from propago.io.masks import write_mask
from studio_memory import HEIGHTS, until, write_frames

STEP = """async ([index]) => {
    const shown = document.getElementById("canvas").dataset;
    const right = { key: "ArrowRight", bubbles: true }, begun = performance.now();
    for (let next = 1; next <= index; next++) {
        document.body.dispatchEvent(new KeyboardEvent("keydown", right));
        while (shown.shown !== String(next)) await new Promise((done) => setTimeout(done, 0));
        await new Promise(requestAnimationFrame);
    }
    return index / (performance.now() - begun) * 1000;
}"""
"""Frames a second from frame 0 to a frame; each is painted before the next is asked for."""


def main() -> None:
    """Parse, run, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--frames", type=int, default=100)
    parser.add_argument("--height", type=int, choices=HEIGHTS, default=480)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    with TemporaryDirectory() as place:
        folder, drawn = Path(place) / "frames", Path(place) / "masks"
        size = options.height, HEIGHTS[options.height]
        write_frames(folder, options.frames, size)
        write_squares(drawn, options.frames, size)
        command = [sys.executable, "-m", "propago", "studio", str(folder), "--no-open"]
        command += ["--out", f"{place}/out", "--masks", str(drawn), "--prompter", "grabcut"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            try:
                walk(server, options.frames, options.runs)
            finally:
                server.terminate()


def write_squares(folder: Path, frames: int, size: tuple[int, int]) -> None:
    """A square that moves, as an indexed PNG for each frame."""
    folder.mkdir()
    for t in range(frames):
        labels = np.zeros(size, np.uint8)
        labels[60:160, 20 + t : 140 + t] = 1
        write_mask(folder / f"{t:05d}.png", labels)


def walk(server: subprocess.Popen[str], frames: int, runs: int) -> None:
    """Walk through all frames, first while they are loaded, then several times from memory."""
    from playwright.sync_api import sync_playwright

    address = server.stdout.readline().split()[1] if server.stdout else ""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(address)
        until(lambda: ready(page) == frames)
        page.wait_for_selector('#canvas[data-shown="0"]')
        found, spent_s = [], []
        for _ in range(runs + 1):
            page.keyboard.press("Home")
            page.wait_for_selector('#canvas[data-shown="0"]')
            before = processor_s()
            found.append(page.evaluate(STEP, [frames - 1]))
            spent_s.append(processor_s() - before)
        browser.close()
    first, again = found[0], sorted(found[1:])
    each_ms = 1000 * sum(spent_s[1:]) / runs / (frames - 1)
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    print(f"while frames are loaded: {first:.1f} frames/s")
    print(f"from memory: {again[len(again) // 2]:.1f} frames/s (least {again[0]:.1f}), {runs} runs")
    print(f"processor time of the browser for each of these: {each_ms:.1f} ms")


def processor_s() -> float:
    """Seconds that the browser's processes have computed, whatever else runs."""
    seconds = 0.0
    for child in psutil.Process().children(recursive=True):
        if "chrom" in child.name():
            seconds += sum(child.cpu_times()[:2])
    return seconds


def ready(page) -> int:
    """How many frames the server has decoded."""
    return page.request.get(f"{page.url}api/project").json()["pictures"]["ready"]


if __name__ == "__main__":
    main()
