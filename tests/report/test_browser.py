"""The report in a real browser: headless Chromium, without a network."""

import re
import shutil
import subprocess
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
  .map(row => row.cells[n].textContent).join(" ");
click("J&F A"); document.body.dataset.down = column(2);
click("J&F A"); document.body.dataset.up = column(2);
click("sequence"); document.body.dataset.names = column(0);
document.querySelector(".plot").dispatchEvent(new KeyboardEvent("keydown", {key: "ArrowRight"}));
const boxes = [...document.querySelectorAll(".plot .curve")].map(c => c.getBoundingClientRect());
document.body.dataset.drawn = boxes.filter(box => box.width > 20).length;
document.body.dataset.wide = document.documentElement.scrollWidth - innerWidth;
</script>
"""
ONE_FRAME_OBJECTS = 2
"""Their curves are dots."""

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no chromium on this machine (Debian: apt-get install chromium)"
)


def browse(page: Path, width: int, folder: Path) -> tuple[str, str, Image.Image]:
    """What becomes of a page, what its scripts complain about, and how it looks."""
    probed, shot = folder / "probed.html", folder / "shot.png"
    probed.write_text(page.read_text("utf-8").replace("</body>", PROBE + "</body>"), "utf-8")
    options = f"--user-data-dir={folder / 'profile'}", f"--window-size={width},900"
    done = subprocess.run(
        [str(CHROMIUM), *FLAGS, *options, "--dump-dom", f"--screenshot={shot}", probed.as_uri()],
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    complaints = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return done.stdout, "\n".join(complaints), Image.open(shot)


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    results = {
        name: evaluate(CASES / "preds" / name, CASES / "davis") for name in ("noisy", "swap")
    }
    return write_report(folder / "report.html", results)


def noted(dom: str, name: str) -> str:
    """What the probe wrote on the page's body."""
    found = re.search(rf'<body[^>]* data-{name}="([^"]*)"', dom)
    assert found, f"the probe did not get as far as {name!r}"
    return found[1]


@pytest.mark.parametrize("width", [1280, 500])
def test_the_page_works_and_fits_its_window(page, tmp_path, width):
    dom, complaints, picture = browse(page, width, tmp_path)
    assert complaints == ""
    down, up = ([float(v) for v in noted(dom, name).split()] for name in ("down", "up"))
    assert len(up) == 31
    assert up == sorted(up)
    assert down == up[::-1]
    assert noted(dom, "names").split() == sorted(noted(dom, "names").split())
    assert 'aria-sort="ascending"' in dom
    assert int(noted(dom, "drawn")) == 2 * 2 * (31 - ONE_FRAME_OBJECTS)
    assert re.search(r"Frame 00002\. J of A 1: [01]\.\d+, B 1: ", dom)
    assert int(noted(dom, "wide")) <= 0
    assert picture.width == width
    assert len(picture.convert("RGB").getcolors(1 << 24) or []) > 50
