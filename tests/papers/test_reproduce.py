import csv
import io
import json
import re
import shutil

import pytest
import torch

from colour_net import Colours
from propago.cli import main
from propago.errors import PropagoError, UsageError
from propago.io.masks import write_mask
from propago.io.pictures import write_picture
from propago.methods.seg_with_spn import run as method
from propago.nn.weights import save_weights
from propago.papers import reproduce as job
from propago.papers import seg_with_spn, sequences
from propago.papers.cells import Cell, ObjectFigures, read_cell
from propago.papers.options import ReproduceOptions
from propago.papers.reproduce import reproduce
from propago.papers.seg_with_spn import STEPS, made_of
from propago.papers.sequences import scored_sequences
from propago.refinement.craf.settings import CrafSettings
from propago.refinement.spn.settings import SpnSettings
from tiny_clip import tiny_clip

NAMES = ("boat", "cat")


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A DAVIS root of two sequences, weights of a tiny network, an empty cache."""
    for n, name in enumerate(NAMES):
        images, labels = tiny_clip(4, (64, 64), (1, 2), seed=n)
        for kind in ("JPEGImages", "Annotations"):
            (tmp_path / "davis" / kind / "480p" / name).mkdir(parents=True)
        for t, (image, label) in enumerate(zip(images, labels, strict=True)):
            write_picture(tmp_path / "davis/JPEGImages/480p" / name / f"{t:05d}.png", image)
            write_mask(tmp_path / "davis/Annotations/480p" / name / f"{t:05d}.png", label)
    (tmp_path / "davis/ImageSets").mkdir()
    (tmp_path / "davis/ImageSets/val.txt").write_text("\n".join(NAMES))
    monkeypatch.setattr(method, "SegNet", Colours)
    monkeypatch.setenv("PROPAGO_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    about = {"network": "seg_with_spn/compact", "licence": "none"}
    save_weights(tmp_path / "tiny.safetensors", Colours().state_dict(), about)
    return tmp_path


def options(place, **others):
    kept = {"finetune": "2steps", "weights": str(place / "tiny.safetensors"), "out": place / "out"}
    return ReproduceOptions(**(kept | others))


def test_tables_share_rows_and_rows_share_fine_tuned_networks(place):
    heard = []

    def hear(what, step, share, loss):
        if step == 1:
            heard.append(what)

    def make(table):
        return reproduce(
            "seg-with-spn", table, place / "davis", options(place), finetune_progress=hear
        )

    second = make(2)
    of_a_sequence = ["foreground", "object 1", "object 2"]
    # row by row; -FT fine-tunes its own objects
    assert heard == of_a_sequence * 2 + ["object 1", "object 2"] * 2
    heard.clear()
    first = make(1)
    assert heard == ["2 objects"] * 2
    heard.clear()
    third = make(3)
    again = make(2)
    assert heard == []
    assert again == second
    assert [line.name for line in first.table.lines] == [
        "per-video fine-tuning",
        "per-object fine-tuning",
    ]
    assert first.table.lines[1].ours == second.table.lines[2].ours
    seconds = {line.name: line.ours[0] for line in third.table.lines}
    steps = ("foreground network", "object network", "SPN", "CRAF")
    assert all(seconds[step] > 0 for step in steps)
    assert seconds["all steps"] == pytest.approx(sum(seconds[step] or 0 for step in steps))
    assert seconds["fine-tuning an object, once"] > 0


def test_a_finished_cell_is_not_run_again_and_a_missing_one_is(place, monkeypatch):
    made = reproduce("seg-with-spn", 3, place / "davis", options(place))
    path = place / "out/cells/full/cat.json"
    first = read_cell(path)
    assert first is not None
    runs = []
    segment_source = sequences.segment_source

    def counted(source, *others):
        runs.append(source.name)
        return segment_source(source, *others)

    monkeypatch.setattr(sequences, "segment_source", counted)
    assert reproduce("seg-with-spn", 3, place / "davis", options(place)) == made
    assert runs == []
    path.write_text("{")
    reproduce("seg-with-spn", 3, place / "davis", options(place))
    assert runs == ["cat"]
    again = read_cell(path)
    assert again is not None
    assert all(again.counts[step] == first.counts[step] for step in STEPS)
    assert set(STEPS) <= again.seconds.keys() <= first.seconds.keys()
    assert again.objects == first.objects


@pytest.mark.parametrize("frames", [3, 4], ids=["goes on", "of all frames begins again"])
def test_an_interrupted_cell(place, frames):
    def stop(done, total, what):
        if done == frames:
            raise KeyboardInterrupt

    chosen = options(place, sequences=("boat",))
    with pytest.raises(KeyboardInterrupt):
        reproduce("seg-with-spn", 3, place / "davis", chosen, progress=stop)
    record = place / "out/masks/full/boat/run.json"
    assert json.loads(record.read_text())["status"] == "interrupted"
    made = reproduce("seg-with-spn", 3, place / "davis", chosen)
    assert json.loads(record.read_text())["status"] == "done"
    assert all(line.ours[0] for line in made.table.lines[: len(STEPS)])


@pytest.mark.parametrize(
    ("table", "others", "says"),
    [
        (4, {}, "1, 2, 3"),
        (1, {"sequences": ("dog",)}, "boat, cat"),
        (1, {"preset": "huge"}, "compact"),
    ],
)
def test_what_is_wrong_is_said(place, table, others, says):
    with pytest.raises(UsageError, match=says):
        reproduce("seg-with-spn", table, place / "davis", options(place, **others))


def refused_at_once(place, says, data="davis", **others):
    with pytest.raises(PropagoError, match=says):
        reproduce("seg-with-spn", 3, place / data, options(place, **others))
    assert not (place / "out").exists()


def test_frames_without_ground_truth_are_refused_before_anything_is_done(place):
    for path in (place / "davis/Annotations/480p/cat").iterdir():
        if path.stem != "00000":
            path.unlink()
    refused_at_once(place, "cat has 1 label maps, .* 4 frames.*`sequences`")
    (place / "davis/Annotations/480p/boat/00003.png").rename(place / "00003.png")
    refused_at_once(place, "boat has 3 label maps, .* 4 frames.*`set`", sequences=("boat",))
    shutil.rmtree(place / "davis/Annotations")
    refused_at_once(place, "Annotations.*boat has 0 label maps")


def test_a_sequence_of_two_frames_is_refused(place):
    for kind in ("JPEGImages", "Annotations"):
        for frame in ("00002", "00003"):
            (place / "davis" / kind / "480p/boat" / f"{frame}.png").unlink()
    refused_at_once(place, "boat has 2 label maps.*at least 3")


def test_a_missing_set_a_wrong_root_and_missing_weights_are_said(place):
    refused_at_once(
        place, "no list test, .*there are: val.txt; name `sequences`.*`set`", set="test"
    )
    refused_at_once(place, "has not the DAVIS layout(?!.*`set`)", data="davis/JPEGImages")
    refused_at_once(place, "no such file", weights="none.safetensors")
    refused_at_once(place, "no weights in the package", preset="paper", weights="default")


def test_a_sequence_named_twice_counts_once(place):
    chosen_ones = scored_sequences(
        place / "davis", options(place, sequences=("cat", "boat", "cat"))
    )
    assert [source.name for source in chosen_ones] == ["cat", "boat"]


def test_cells_of_another_setup_are_not_mixed_in(place, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    def make(data="davis", **others):
        reproduce("seg-with-spn", 3, place / data, options(place, **others))

    def refused(what):
        return pytest.raises(UsageError, match=rf"another {what} \(then .*, now .*`out`")

    monkeypatch.setattr(sequences, "segment_source", stop)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            make(threads=2)
    shutil.copytree(place / "davis", place / "elsewhere/davis")
    with refused("data"):
        make("elsewhere/davis", threads=2)
    with refused("finetune"):
        make(finetune="3steps", threads=2)
    with refused("threads"):
        make(threads=1)
    for module, name, value, what in [
        (job, "device_name", lambda device: "another GPU", "device"),
        (job, "__version__", "0.0", "propago"),
        (seg_with_spn, "SPN_SETTINGS", SpnSettings(margin_px=3), "spn_settings"),
        (seg_with_spn, "CRAF_SETTINGS", CrafSettings(beta=None), "craf_settings"),
    ]:
        with monkeypatch.context() as patch, refused(what):
            patch.setattr(module, name, value)
            make(threads=2)


def test_the_machine_is_that_of_the_run(place, monkeypatch):
    monkeypatch.setattr(sequences, "read_cell", lambda path: cell(path.stem))
    threads = torch.get_num_threads() + 1
    chosen = options(place, threads=threads, sequences=("boat",))
    made = reproduce("seg-with-spn", 3, place / "davis", chosen)
    assert [note for note in made.table.notes if f"processor threads: {threads}." in note]


def test_no_threads_are_refused():
    with pytest.raises(UsageError, match="`threads` is 0; it is at least 1"):
        ReproduceOptions(threads=0)


def cell(name, *objects, **times):
    figures = tuple(ObjectFigures(n, *values) for n, values in enumerate(objects, start=1))
    return Cell(name, figures, times.get("seconds", {}), times.get("counts", {}))


def test_figures_by_hand():
    one = cell("a", (0.2, 0.0, 0.4, 1.0))
    two = cell("b", (0.6, 1.0, 0.8, 0.0), (0.4, 0.5, 0.0, 0.5))
    table = made_of(1, {"per-video": [one, two], "-CRAF-SPN": [two]}, ())
    assert table.lines[0].ours == pytest.approx((0.4, 0.4, 0.5, 0.4, 0.5))
    assert table.lines[0].paper == (0.460, 0.442, 0.513, 0.478, 0.501)
    assert dict(table.lines[0].parts)["a"] == pytest.approx((0.3, 0.2, 0.0, 0.4, 1.0))


def test_seconds_by_hand():
    kept = Cell(
        "a",
        (),
        {"foreground": 2.0, "objects": 6.0, "refine": 1.0, "clean": 0.5}
        | {"finetune foreground": 8.0, "finetune object 1": 4.0, "finetune object 2": 6.0},
        {"foreground": 10, "objects": 20, "refine": 20, "clean": 20}
        | {"finetune foreground": 1, "finetune object 1": 1, "finetune object 2": 1},
    )
    table = made_of(3, {"full": [kept]}, ())
    ours = [line.ours[0] for line in table.lines]
    assert ours == pytest.approx([0.2, 0.3, 0.05, 0.025, 0.575, 8.0, 5.0])
    assert [line.paper[0] for line in table.lines[:5]] == [0.3, 0.3, 0.08, 0.1, 0.78]
    untimed = made_of(3, {"full": [cell("a")]}, ())
    assert {line.ours for line in untimed.lines} == {(None,)}


def test_the_verb_prints_the_table_with_what_differs_and_writes_files(place, capsys):
    arguments = ["reproduce", "seg-with-spn", "--table", 1, "--data", "davis", "--finetune",
                 "2steps", "--weights", "tiny.safetensors", "--sequences", "boat"]  # fmt: skip
    assert main([str(a) for a in arguments]) == 0
    said = capsys.readouterr().out
    title, _, head, *rows = said.splitlines()[:5]
    assert "Table 1" in title
    assert head.split("  ")[0] == "ours (paper)"
    assert re.fullmatch(r"per-video fine-tuning +(\d\.\d{3}) \(0\.460\) .* \(0\.501\)", rows[0])
    assert rows[1].startswith("per-object fine-tuning ")
    assert {len(line) for line in (head, *rows)} == {97}
    assert "The paper: ResNet-101" in said
    out = place / "runs/reproduce/seg-with-spn/compact"
    rows = list(csv.DictReader(io.StringIO((out / "table1.csv").read_text())))
    assert [(row["row"][:7], row["sequence"]) for row in rows] == [
        ("per-vid", "all"),
        ("per-vid", "boat"),
        ("per-obj", "all"),
        ("per-obj", "boat"),
    ]
    assert rows[0]["GM paper"] == "0.46"
    page = (out / "table1.html").read_text()
    assert "0.460" in page
    assert "What differs" in page
    assert "http" not in page
