"""Ablations of the methods and the table of all of them: rows, frames, figures by hand."""

import shutil

import pytest
import torch

from propago.clock import Clock
from propago.components import PROPAGATORS
from propago.errors import UsageError
from propago.io.masks import write_mask
from propago.io.pictures import write_picture
from propago.papers.cells import Cell, ObjectFigures, read_cell
from propago.papers.feelvos import FeelvosTables
from propago.papers.maskrnn import MaskRnnTables
from propago.papers.options import ReproduceOptions
from propago.papers.reproduce import reproduce, wanted_rows
from propago.papers.rgmp import TRAINED, RgmpTables
from propago.papers.rgsn import RgsnTables
from propago.papers.zoo import ROWS, ZooTables
from propago.pipeline import segment_frames
from propago.runs.processor import resident_mb
from propago.types import Annotation
from tiny_clip import as_frames, tiny_clip


@pytest.fixture
def davis(tmp_path):
    """A DAVIS root of one sequence of six frames."""
    images, labels = tiny_clip(6, (64, 96), (1, 2))
    for kind in ("JPEGImages", "Annotations"):
        (tmp_path / "davis" / kind / "480p/boat").mkdir(parents=True)
    for t, (image, label) in enumerate(zip(images, labels, strict=True)):
        write_picture(tmp_path / "davis/JPEGImages/480p/boat" / f"{t:05d}.png", image)
        write_mask(tmp_path / "davis/Annotations/480p/boat" / f"{t:05d}.png", label)
    (tmp_path / "davis/ImageSets").mkdir()
    (tmp_path / "davis/ImageSets/val.txt").write_text("boat")
    return tmp_path / "davis"


def options(davis, **others):
    return ReproduceOptions(**({"out": davis.parent / "out", "threads": 1} | others))


def test_rows_and_frames_are_chosen_and_the_figures_are_of_those_frames(davis):
    chosen = options(davis, rows=("rgmp", "rgmp+CRAF"), end=5, every=2)
    made = reproduce("zoo", 1, davis, chosen)
    assert [line.name for line in made.table.lines] == ["rgmp", "rgmp+CRAF"]
    assert made.table.lines[0].paper == (0.648, 0.686, 0.13, None)
    assert made.table.lines[1].paper == (None,) * 4
    assert all(figure is not None for figure in made.table.lines[0].ours)
    assert any("the first 5 frames, every 2. frame" in note for note in made.table.notes)
    kept = sorted(p.name for p in (davis.parent / "out/truth/boat").iterdir())
    assert kept == ["00000.png", "00002.png", "00004.png"]
    cell = read_cell(davis.parent / "out/cells/rgmp/boat.json")
    assert cell.counts["predict"] == 3
    assert cell.resident_mb > 100 or not resident_mb()
    with pytest.raises(UsageError, match="another every"):
        reproduce("zoo", 1, davis, options(davis, rows=("rgmp",), end=5))


@pytest.mark.parametrize(
    ("paper", "others", "says"),
    [
        ("zoo", {"rows": ("rgmp+sharp",)}, r"`rows` rgmp\+sharp: the table has feelvos"),
        ("zoo", {"weights": "rgmp-compact"}, "as they ship"),
        ("zoo", {"end": 2}, "leave 2 frames of boat"),
        ("rgmp", {"every": 3}, "leave 2 frames of boat"),
    ],
)
def test_what_is_wrong_is_said(davis, paper, others, says):
    with pytest.raises(UsageError, match=says):
        reproduce(paper, 1, davis, options(davis, **others))


def test_rows_keep_the_order_of_the_table():
    assert wanted_rows(("a", "b", "c"), ("c", "a")) == ("a", "c")
    assert wanted_rows(("a", "b"), ()) == ("a", "b")


def test_the_zoo_has_every_method_with_a_network():
    names = {row.split("+")[0] for row in ROWS}
    assert names == {name for name, part in PROPAGATORS.items() if part.presets}
    assert "feelvos+finetune" in ROWS
    assert "rgmp+finetune" not in ROWS


def test_figures_of_the_zoo_by_hand(davis):
    objects = tuple(ObjectFigures(n, 0.2 * n, 0, 0.4, 0) for n in (1, 2))
    seconds = {"predict": 6.0, "update": 1.0, "refine": 1.0, "finetune object 1": 4.0}
    cell = Cell("a", objects, seconds, {"predict": 4, "update": 4}, 700)
    tables = ZooTables(options(davis))
    (line,) = tables.made_of(1, {"maskrnn+SPN": [cell]}).lines
    assert line.ours == pytest.approx((0.3, 0.4, 1.0, 700))


@pytest.mark.parametrize("tables", [RgmpTables, MaskRnnTables, RgsnTables, FeelvosTables])
def test_every_row_is_another_way_of_the_same_weights(davis, tables):
    made = tables(options(davis))
    images, labels = tiny_clip(12, (64, 96), (1,))
    said = {}
    for row in made.tables[1]:
        if row not in (*TRAINED, "fine-tuned"):
            method = made.method(row, Clock())
            given = {0: Annotation(labels[0])}
            (*_, last) = segment_frames(as_frames(images), given, method)
            said[row] = last.masks.probabilities
            assert said[row].isfinite().all()
    full = said.pop("full")
    assert all(not torch.equal(full, found) for found in said.values())


def test_a_table_of_an_ablation(davis, monkeypatch):
    monkeypatch.chdir(davis.parent)
    made = reproduce("rgmp", 1, davis, options(davis, rows=("full", "no-reference"), end=4))
    full, without = made.table.lines
    assert full.paper == (0.818, 0.815, 0.820)
    assert without.paper == (None, None, None)
    both, j, f = full.ours
    assert j is not None
    assert f is not None
    assert both == pytest.approx((j + f) / 2)
    assert "weights rgmp-compact" in " ".join(made.table.notes)
    assert "0.818" in made.html.read_text()
    shutil.rmtree(davis.parent / "out/masks")
    again = reproduce("rgmp", 1, davis, options(davis, rows=("full", "no-reference"), end=4))
    assert again == made
