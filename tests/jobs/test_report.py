"""The HTML report and the identity measures of whole evaluations."""

import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from propago.errors import SourceError, UsageError
from propago.io.masks import write_mask
from propago.io.pictures import write_picture
from propago.jobs.evaluate import evaluate
from propago.jobs.report import write_report
from propago.metrics.identity import evaluate_identity
from propago.report.html import name_results
from propago.report.worst_frames import FRAMES_A_SEQUENCE, worst_frames

CASES = Path(__file__).parent.parent / "evalcases"
EMPTY_TAGS = {"meta", "link", "img", "br"}


class Page(HTMLParser):
    """Tags by name with their attributes; checks that they close as they opened."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.open: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in EMPTY_TAGS:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def all(self, tag, cls=""):
        return [a for t, a in self.tags if t == tag and cls in (a.get("class") or "").split(" ")]


def page_of(path: Path) -> tuple[str, Page]:
    text = path.read_text("utf-8")
    return text, Page(text)


@pytest.fixture(scope="module")
def noisy():
    return evaluate(CASES / "preds/noisy", CASES / "davis")


def moving_square(root: Path, frames: int = 12, ids=(1, 2), swap=(), lose=()) -> None:
    """Squares that stand still; `swap` frames exchange ids 1 and 2, `lose` frames lack id 1."""
    for t in range(frames):
        labels = np.zeros((40, 60), np.uint8)
        for k, i in enumerate(ids):
            labels[10:30, 5 + 25 * k : 25 + 25 * k] = i
        if t in swap:
            labels = np.choose(labels, [0, 2, 1]).astype(np.uint8)
        if t in lose:
            labels[labels == 1] = 0
        root.mkdir(parents=True, exist_ok=True)
        write_mask(root / f"{t:05d}.png", labels)


def test_identity_of_an_evaluation_counts_switches_and_names_frames(tmp_path):
    moving_square(tmp_path / "gt/s")
    moving_square(tmp_path / "pred/s", swap=range(6, 9))
    told = []
    identity = evaluate_identity(
        evaluate(tmp_path / "pred", tmp_path / "gt"), lambda *now: told.append(now)
    )
    found = identity.to_json()
    assert found["global"]["id_switches"] == 4
    assert [(s["frame"], s["gt_id"], s["now"]) for s in found["switches"]] == [
        ("00006", 1, 2),
        ("00006", 2, 1),
        ("00009", 1, 1),
        ("00009", 2, 2),
    ]
    assert found["sequences"]["s"] == found["global"]
    assert told[-1] == (10, 10, "following identities")
    binary = evaluate_identity(evaluate(tmp_path / "pred", tmp_path / "gt", "davis2016"))
    assert binary.to_json()["global"]["id_switches"] == 0
    assert binary.summary.hota == 1.0


def test_the_page_is_whole_and_stands_alone(tmp_path, noisy):
    path = write_report(tmp_path / "r.html", noisy)
    text, page = page_of(path)
    assert len(page.all("article", "sequence")) == 10
    assert len(page.all("path", "curve")) == 2 * 31
    assert len(page.all("div", "track")) == 31
    assert f"{noisy.figures['J&F']:.3f}" in text
    assert "DAVIS 2017 semi-supervised" in text
    assert str(CASES / "preds/noisy") in text
    outside = [a.get("src") or a.get("href") for _, a in page.tags if "src" in a or "href" in a]
    assert all(address.startswith(("#", "data:")) for address in outside)
    assert not re.findall(r"url\((?!#)", text)
    assert path.stat().st_size < 3e6


def test_the_readouts_are_the_scores(tmp_path, noisy):
    text, _ = page_of(write_report(tmp_path / "r.html", noisy))
    readouts = json.loads(re.search(r'id="readouts">(.*?)</script>', text, re.S)[1])
    first = noisy.objects[0]
    assert readouts["0"]["frames"] == list(first.frames)
    curve = readouts["0"]["curves"][0]
    assert (curve["measure"], curve["label"]) == ("J", str(first.id))
    assert curve["values"] == [round(v, 3) for v in first.values["J"].tolist()]


def test_several_results_stand_side_by_side(tmp_path, noisy):
    swap = evaluate(CASES / "preds/swap", CASES / "davis")
    text, page = page_of(write_report(tmp_path / "r.html", {"mine": noisy, "theirs": swap}))
    assert len(page.all("path", "curve")) == 2 * 2 * 31 + 2
    assert "J&amp;F B - A" in text
    assert "B object 1 covered by the mask of 2" in text
    other = evaluate(CASES / "preds/swap", CASES / "davis", tolerance_px=3)
    with pytest.raises(UsageError, match="side by side"):
        write_report(tmp_path / "r.html", {"mine": noisy, "theirs": other})
    with pytest.raises(UsageError, match="these are 0"):
        write_report(tmp_path / "r.html", {})


@pytest.mark.parametrize(
    ("results", "protocol", "official", "charts"),
    [
        ("preds_unsup/few", "davis-unsupervised", False, 2),
        ("preds_unsup/surplus", "davis-unsupervised", True, 2),
        ("preds/noisy", "davis2016", False, 3),
        ("preds/noisy", "youtube-vos", False, 2),
    ],
)
def test_every_protocol_has_a_page(tmp_path, results, protocol, official, charts):
    some = sorted(p.name for p in (CASES / results).iterdir())[:2]
    evaluation = evaluate(CASES / results, CASES / "davis", protocol, official=official, set=some)
    _, page = page_of(write_report(tmp_path / "r.html", evaluation))
    assert len(page.all("figure", "chart")) == charts * len(page.all("article", "sequence"))


def test_worst_frames_lie_apart_and_leave_out_the_faultless(tmp_path):
    moving_square(tmp_path / "gt/s", 34)
    moving_square(tmp_path / "pred/s", 34, lose=(5, 6, 20))
    evaluation = evaluate(tmp_path / "pred", tmp_path / "gt")
    identity = evaluate_identity(evaluation)
    worst = worst_frames(name_results({"a": evaluation}, {"a": identity}))
    assert worst == [("s", "00005", 0.5), ("s", "00020", 0.5)]
    assert len(worst) <= FRAMES_A_SEQUENCE


def with_pictures(tmp_path: Path) -> Path:
    moving_square(tmp_path / "gt/s")
    moving_square(tmp_path / "pred/s", lose=(4, 5), swap=(9,))
    for t in range(12):
        folder = tmp_path / "data/JPEGImages/480p/s"
        folder.mkdir(parents=True, exist_ok=True)
        write_picture(folder / f"{t:05d}.jpg", np.full((80, 120, 3), 20 * t, np.uint8))
    return tmp_path / "data"


def test_worst_frames_are_drawn_over_pictures(tmp_path):
    images = with_pictures(tmp_path)
    evaluation = evaluate(tmp_path / "pred", tmp_path / "gt")
    for place in (images, images / "JPEGImages/480p", images / "JPEGImages/480p/s", None):
        text, page = page_of(write_report(tmp_path / "r.html", evaluation, place))
        captions = [a["alt"] for a in page.all("img")]
        assert captions[:3] == [
            f"{what} of frame 00004" for what in ("ground truth", "prediction", "difference")
        ]
        assert {a["src"][:23] for a in page.all("img")} == {"data:image/jpeg;base64,"}
        assert "object 1 lost, frames 00004 to 00005 (2 frames)" in text


def test_a_missing_picture_is_named_and_no_page_is_left(tmp_path):
    images = with_pictures(tmp_path)
    evaluation = evaluate(tmp_path / "pred", tmp_path / "gt")
    (images / "JPEGImages/480p/s/00004.jpg").unlink()
    with pytest.raises(SourceError, match="no picture of the frame 00004"):
        write_report(tmp_path / "r.html", evaluation, images)
    assert not (tmp_path / "r.html").exists()
    for side in ("gt", "pred"):
        shutil.copytree(tmp_path / side / "s", tmp_path / side / "t")
    two = evaluate(tmp_path / "pred", tmp_path / "gt")
    shutil.copy(images / "JPEGImages/480p/s/00005.jpg", images / "JPEGImages/480p/s/00004.jpg")
    with pytest.raises(SourceError, match="no pictures of the sequence t"):
        write_report(tmp_path / "r.html", two, images)


def test_names_cannot_break_out_of_the_page(tmp_path):
    name = "<img onerror=x> & </script>".replace("/", "_")
    moving_square(tmp_path / "gt" / name)
    moving_square(tmp_path / "pred" / name, lose=(3,))
    text, page = page_of(
        write_report(tmp_path / "r.html", evaluate(tmp_path / "pred", tmp_path / "gt"))
    )
    assert not [a for a in page.all("img") if "onerror" in a]
    assert "&lt;img onerror=x&gt; &amp;" in text
