"""The report in a real browser: headless Chromium, without a network."""

import json
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path

import pytest
from PIL import Image

from propago.jobs.evaluate import evaluate
from propago.jobs.report import write_report

CASES = Path(__file__).parent.parent / "evalcases"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--enable-logging=stderr",
)
PROBE = """
<script>
const click = name => [...document.querySelectorAll(".sortable th button")]
  .find(button => button.textContent === name).click();
const column = n => [...document.querySelectorAll(".sortable tbody tr")]
  .map(row => row.cells[n].textContent);
const widths = chosen => [...document.querySelectorAll(chosen)]
  .map(element => element.getBoundingClientRect().width);
addEventListener("load", () => {
  const found = {};
  click("J&F A"); found.down = column(2);
  click("J&F A"); found.up = column(2);
  click("sequence"); found.names = column(0);
  found.sorted = document.querySelector("th[aria-sort]").textContent;
  document.querySelector(".plot").dispatchEvent(new KeyboardEvent("keydown", {key: "ArrowRight"}));
  found.readout = document.querySelector(".readout").textContent;
  found.curves = widths(".plot .curve");
  found.pictures = widths(".panels img");
  found.width = innerWidth;
  found.wide = document.documentElement.scrollWidth - innerWidth;
  parent.postMessage(JSON.stringify(found), "*");
});
</script>
"""
FRAME = """<!doctype html><body style="margin:0"><pre hidden></pre>
<script>onmessage = event => document.querySelector("pre").textContent = event.data;</script>
<iframe src="probed.html" width="{width}" height="900" style="border:0"></iframe>
"""
"""A window of Chromium is never narrower than 500 pixels; a frame is."""
ONE_FRAME_OBJECTS = 2
"""Their curves are dots."""

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no chromium on this machine (Debian: apt-get install chromium)"
)


def browse(page: Path, width: int, folder: Path) -> tuple[dict, str, Image.Image]:
    """What the probe found in a page, what its scripts complain about, and how it looks."""
    shot, frame = folder / "shot.png", folder / "frame.html"
    probed = page.read_text("utf-8").replace("</body>", PROBE + "</body>")
    (folder / "probed.html").write_text(probed, "utf-8")
    frame.write_text(FRAME.format(width=width), "utf-8")
    options = f"--user-data-dir={folder / 'profile'}", "--window-size=1280,900"
    done = subprocess.run(
        [str(CHROMIUM), *FLAGS, *options, "--dump-dom", f"--screenshot={shot}", frame.as_uri()],
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    complaints = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    said = re.search(r"<pre[^>]*>(.+?)</pre>", done.stdout, re.S)
    assert said, complaints
    return json.loads(unescape(said[1])), "\n".join(complaints), Image.open(shot)


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    results = {
        name: evaluate(CASES / "preds" / name, CASES / "davis") for name in ("noisy", "swap")
    }
    return write_report(folder / "report.html", results)


@pytest.mark.parametrize("width", [1280, 400])
def test_the_page_works_and_fits_its_window(page, tmp_path, width):
    found, complaints, picture = browse(page, width, tmp_path)
    assert complaints == ""
    down, up = ([float(v) for v in found[name]] for name in ("down", "up"))
    assert len(up) == 31
    assert up == sorted(up)
    assert down == up[::-1]
    assert found["names"] == sorted(found["names"])
    assert found["sorted"] == "sequence"
    assert sum(w > 20 for w in found["curves"]) == 2 * 2 * (31 - ONE_FRAME_OBJECTS)
    assert re.match(r"Frame 00002\. J of A 1: [01]\.\d+, B 1: ", found["readout"])
    assert found["width"] == width
    assert found["wide"] <= 0
    assert min(found["pictures"]) > 250
    assert len(picture.convert("RGB").getcolors(1 << 24) or []) > 50
