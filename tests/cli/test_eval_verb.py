"""`propago eval` on the command line."""

import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from propago import cli
from propago.io.masks import write_mask

SIZES = Path(__file__).parent.parent / "evalcases/sizes"


def test_table_json_and_csv(tmp_path, capsys):
    case = SIZES / "75x100"
    files = ["--json", str(tmp_path / "e.json"), "--csv", str(tmp_path / "e.csv")]
    assert cli.main(["eval", str(case / "pred"), "--gt", str(case / "gt"), *files]) == 0
    captured = capsys.readouterr()
    assert "davis2017: 2 objects" in captured.out
    assert captured.err == ""
    figures = json.loads((tmp_path / "e.json").read_text())
    assert list(figures["global"])[:3] == ["J&F", "J_mean", "J_recall"]
    assert f"{figures['global']['J&F']:.3f}" in captured.out
    rows = list(csv.DictReader((tmp_path / "e.csv").open()))
    assert [row["sequence"] for row in rows] == ["global", "s", "s"]
    assert float(rows[1]["F_mean"]) == figures["objects"][0]["F_mean"]


def test_a_decay_that_rounds_to_nothing_has_no_sign(tmp_path, capsys):
    for t in range(8):
        true = np.zeros((100, 100), np.uint8)
        true[:99] = 1
        found = true.copy()
        found[0, 0] = 0 if t < 4 else 1
        for folder, labels in ((tmp_path / "gt", true), (tmp_path / "mine", found)):
            folder.mkdir(exist_ok=True)
            write_mask(folder / f"{t:05d}.png", labels)
    files = ["--csv", str(tmp_path / "e.csv"), "--report", str(tmp_path / "e.html")]
    arguments = [str(tmp_path / "mine"), "--gt", str(tmp_path / "gt"), *files]
    assert cli.main(["eval", *arguments]) == 0
    row = next(csv.DictReader((tmp_path / "e.csv").open()))
    assert -0.0005 < float(row["J_decay"]) < 0
    assert "-0.000" not in capsys.readouterr().out
    assert "-0.000" not in (tmp_path / "e.html").read_text()


def test_a_narrow_screen_loses_no_column(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "40")
    case = SIZES / "75x100"
    assert cli.main(["eval", str(case / "pred"), "--gt", str(case / "gt")]) == 0
    said = capsys.readouterr().out
    rows = [line.split() for line in said.splitlines() if line.startswith(" s ")]
    assert [len(row) for row in rows] == [9, 9]


def test_metrics_by_name(capsys):
    case = SIZES / "75x100"
    arguments = ["eval", str(case / "pred"), "--gt", str(case / "gt"), "--metrics"]
    assert cli.main([*arguments, "F", "T"]) == 0
    said = capsys.readouterr().out
    assert "F mean" in said
    assert "T mean" in said
    assert "J mean" not in said
    assert cli.main([*arguments, "AP"]) == 2
    assert "AP measures instances, not masks; there are J&F, J, F, T" in capsys.readouterr().err


def test_several_results_side_by_side(tmp_path):
    case = SIZES / "75x100"
    better = shutil.copytree(case / "gt", tmp_path / "better")
    out = tmp_path / "e.json"
    worse = str(case / "pred")
    arguments = ["eval", worse, str(better), "--gt", str(case / "gt"), "--json", str(out)]
    assert cli.main([*arguments, "--csv", str(tmp_path / "e.csv")]) == 0
    found = json.loads(out.read_text())
    assert found[str(better)]["global"]["J&F"] == 1.0 > found[worse]["global"]["J&F"]
    rows = list(csv.DictReader((tmp_path / "e.csv").open()))
    assert [row["results"] for row in rows] == [worse] * 3 + [str(better)] * 3


@pytest.mark.parametrize(
    ("case", "options", "code", "says"),
    [
        ("extra_id", [], 1, "has object 4"),
        ("missing_pred_frames", [], 1, "is missing"),
        ("void_gt", ["--set", "nothing"], 1, "nothing"),
        ("void_gt", ["--tolerance-px", "-3"], 2, "-3"),
    ],
)
def test_a_mismatch_is_an_exit_code_and_a_file_name(capsys, case, options, code, says):
    folder = SIZES.parent / "quirks" / case
    gt = ["--gt", str(folder / "gt")]
    assert cli.main(["eval", str(folder / "pred"), *gt, *options]) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert says in captured.err
    assert "Traceback" not in captured.err


def test_figures_are_shown_where_a_file_of_them_cannot_be_written(tmp_path, capsys):
    case, nowhere = SIZES / "75x100", tmp_path / "none" / "e.json"
    files = [str(case / "pred"), "--gt", str(case / "gt"), "--json", str(nowhere)]
    assert cli.main(["eval", *files]) == 1
    captured = capsys.readouterr()
    assert "J&F" in captured.out
    assert "there is no folder" in captured.err


def test_a_list_of_sequences(tmp_path, capsys):
    names = tmp_path / "val.txt"
    names.write_text("h_len3\ni_len4\n")
    cases = SIZES.parent
    results = [str(cases / "preds/noisy"), "--gt", str(cases / "davis")]
    assert cli.main(["eval", *results, "--set", str(names), "--official"]) == 0
    assert "davis2017, official: 4 objects" in capsys.readouterr().out


def test_identity_and_report(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    case = SIZES.parent
    files = ["--set", "b_three", "--identity", "--json", "e.json", "--report", "r.html"]
    assert cli.main(["eval", str(case / "preds/swap"), "--gt", str(case / "davis"), *files]) == 0
    identity = json.loads(Path("e.json").read_text())["identity"]
    assert identity["global"]["id_switches"] == len(identity["switches"]) == 2
    said = capsys.readouterr().out
    assert f"{identity['global']['HOTA']:.3f}" in said
    assert "b_three" in Path("r.html").read_text("utf-8")
    for line in said.splitlines():
        assert len(line) <= 80


def test_identity_counts_objects_that_the_truth_lacks(tmp_path, capsys):
    case, out = SIZES.parent / "quirks/extra_id", tmp_path / "e.json"
    arguments = ["eval", str(case / "pred"), "--gt", str(case / "gt")]
    assert cli.main([*arguments, "--identity", "--json", str(out)]) == 0
    assert "object 4 of the results the ground truth lacks" in capsys.readouterr().err
    assert json.loads(out.read_text())["identity"]["global"]["DetA"] < 1
    assert cli.main(arguments) == 1
    assert "protocol identity (HOTA)" in capsys.readouterr().err


def test_images_are_for_the_report(tmp_path, capsys):
    case = SIZES / "75x100"
    arguments = ["eval", str(case / "pred"), "--gt", str(case / "gt"), "--images", str(tmp_path)]
    assert cli.main(arguments) == 2
    assert "--report" in capsys.readouterr().err


def test_nothing_heavy_is_imported():
    case, heavy = SIZES / "75x100", ("torch", "scipy", "matplotlib", "cv2", "pycocotools", "jinja2")
    code = (
        "import sys; from propago import cli; cli.main(sys.argv[1:]);"
        f"sys.exit(', '.join(m for m in {heavy} if m in sys.modules) or None)"
    )
    command = [sys.executable, "-c", code, "eval", str(case / "pred"), "--gt", str(case / "gt")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
