"""Whole evaluations against the official tools' values, and what is refused."""

import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from propago.errors import MaskError, PropagoError, SourceError, UsageError
from propago.jobs.evaluate import evaluate

CASES = Path(__file__).parent.parent / "evalcases"
NAMES = {
    "J&F-Mean": "J&F",
    "J-Mean": "J_mean",
    "J-Recall": "J_recall",
    "J-Decay": "J_decay",
    "F-Mean": "F_mean",
    "F-Recall": "F_recall",
    "F-Decay": "F_decay",
}
SEMI = ("perfect", "noisy", "shift", "swap", "empty")
ABORTS = {"extra_id", "late_object", "missing_pred_frames", "void_pred", "33x1"}


def expected(name: str) -> dict:
    return json.loads((CASES / "expected" / name).read_text())


def assert_same_objects(objects, official) -> None:
    assert len(objects) == len(official)
    for found, wanted in zip(objects, official, strict=True):
        assert found.values["J"].tolist() == wanted["J_frames"]
        assert found.values["F"].tolist() == wanted["F_frames"]
        for m in "JF":
            assert [found.figures[f"{m}_{s}"] for s in ("mean", "recall", "decay")] == [
                wanted[m][k] for k in "MRD"
            ]


def assert_same_global(evaluation, official) -> None:
    found = evaluation.to_json()["global"]
    for theirs, ours in NAMES.items():
        assert found[ours] == pytest.approx(official[theirs], abs=1e-15)


@pytest.mark.parametrize("method", SEMI)
def test_davis2017_is_the_official_tool_to_the_bit(method):
    official = expected("davis2017.json")["semi"][method]
    evaluation = evaluate(CASES / "preds" / method, CASES / "davis", official=True)
    for name, sequence in official["sequences"].items():
        objects = [o for o in evaluation.objects if o.sequence == name]
        assert objects[0].frames == tuple(sequence["frames"])
        assert_same_objects(objects, sequence["objects"])
    assert_same_global(evaluation, official["global"])


@pytest.mark.parametrize("method", ["permuted", "surplus", "few"])
def test_unsupervised_is_the_official_tool_to_the_bit(method):
    official = expected("davis2017.json")["unsup"][method]
    results = CASES / "preds_unsup" / method
    evaluation = evaluate(results, CASES / "davis", "davis-unsupervised", official=True)
    for name, sequence in official["sequences"].items():
        assert_same_objects(
            [o for o in evaluation.objects if o.sequence == name], sequence["objects"]
        )
    assert_same_global(evaluation, official["global"])
    default = evaluate(results, CASES / "davis", "davis-unsupervised")
    assert [(o.sequence, o.id) for o in default.objects] == sorted(
        (o.sequence, o.id) for o in evaluation.objects
    )
    assert default.figures["J&F"] == pytest.approx(evaluation.figures["J&F"], abs=1e-12)


@pytest.mark.parametrize("kind", ["quirks", "sizes"])
def test_official_quirks_and_sizes(kind):
    for name, official in expected("davis2017_quirks.json")[kind].items():
        folder = CASES / kind / name
        if name in ABORTS:
            assert "error" in official
            with pytest.raises(PropagoError):
                evaluate(folder / "pred", folder / "gt", official=True)
        else:
            evaluation = evaluate(folder / "pred", folder / "gt", official=True)
            assert_same_objects(evaluation.objects, official["objects"])


def test_default_evaluates_the_objects_that_exist():
    quirks = CASES / "quirks"
    gaps = evaluate(quirks / "gap_ids/pred", quirks / "gap_ids/gt")
    assert [o.id for o in gaps.objects] == [1, 3, 7]
    late = evaluate(quirks / "late_object/pred", quirks / "late_object/gt")
    assert len(late.objects) == 3
    void = evaluate(quirks / "void_gt/pred", quirks / "void_gt/gt")
    official = evaluate(quirks / "void_gt/pred", quirks / "void_gt/gt", official=True)
    assert void.figures["J_mean"] > official.figures["J_mean"]


@pytest.mark.parametrize(
    ("case", "error", "says"),
    [
        ("extra_id", MaskError, r"pred/s/\d+\.png has object 4"),
        ("missing_pred_frames", SourceError, r"pred/s/\d+\.png is missing"),
        ("more_pred_frames", SourceError, r"gt/s/\d+\.png is missing.*no ground truth"),
        ("name_offset", SourceError, r"\d+\.png is missing"),
        ("void_pred", MaskError, r"has object 255"),
    ],
)
def test_default_refuses_what_does_not_fit(case, error, says):
    folder = CASES / "quirks" / case
    with pytest.raises(error, match=says):
        evaluate(folder / "pred", folder / "gt")


def test_of_results_with_other_names_one_is_said(tmp_path):
    truth = CASES / "quirks" / "name_offset" / "gt" / "s"
    for file in truth.iterdir():
        shutil.copy(file, tmp_path / f"frame_{file.name}")
    with pytest.raises(SourceError, match=r"is missing.*other names there are 8, frame_00000\.png"):
        evaluate(tmp_path, truth)


def test_stability_of_davis2016():
    official = expected("davis2016_T.json")
    worst = 0.0
    for method in ("perfect", "noisy"):
        for name, object_id in (("f_border", 1), ("j_len7", 1), ("e_vanish", 1)):
            key = f"{method}|{name}|{object_id}"
            found = single_object(CASES / "preds" / method / name, object_id)
            wanted = official["T"][key]["T_frames"]
            for value, target in zip(found[1 : len(wanted) + 1], wanted, strict=True):
                assert math.isnan(value) == (target is None)
                worst = max(worst, 0.0 if target is None else abs(value - target))
    assert worst < 2e-3


def single_object(folder: Path, object_id: int) -> list[float]:
    """T of the frames but the first and the last, counted from the first evaluated one."""
    from propago.metrics.stability import describe, instability

    names = sorted(folder.glob("*.png"))[1:-1][:9]
    described = [describe(np.asarray(Image.open(n)) == object_id) for n in names]
    return [math.nan, *map(instability, described[:-1], described[1:])]


def write(folder: Path, maps: list[np.ndarray], first: int = 0) -> Path:
    folder.mkdir(parents=True)
    for index, labels in enumerate(maps, first):
        Image.fromarray(labels).save(folder / f"{index:05d}.png")
    return folder


def moving_square(count: int = 6, value: int = 1, size=(24, 32)) -> list[np.ndarray]:
    maps = []
    for t in range(count):
        labels = np.zeros(size, np.uint8)
        labels[5:15, 3 + t : 13 + t] = value
        maps.append(labels)
    return maps


def test_davis2016_takes_any_value_as_the_object(tmp_path):
    gt = write(tmp_path / "gt", moving_square(value=255))
    pred = write(tmp_path / "pred", moving_square(value=1))
    evaluation = evaluate(pred, gt, "davis2016")
    (only,) = evaluation.objects
    assert only.values["J"].tolist() == only.values["F"].tolist() == [1.0] * 4
    assert "T" in only.values
    assert math.isnan(only.values["T"][0])
    assert only.values["T"][1:].tolist() == [0.0] * 3
    assert evaluation.to_json()["global"]["T_mean"] == 0.0


def test_youtube_vos_counts_an_object_after_it_first_appears(tmp_path):
    gt_maps = moving_square(5)
    for labels in gt_maps[2:]:
        labels[18:22, 20:30] = 2
    gt_maps[4][0:2, 0:2] = 3
    pred_maps = [labels.copy() for labels in gt_maps]
    pred_maps[2][18:22, 20:30] = 0
    pred_maps[4][18:22, 20:30] = 0
    gt = write(tmp_path / "gt/video", gt_maps).parent
    pred = write(tmp_path / "pred/video", [*pred_maps, pred_maps[-1]]).parent
    evaluation = evaluate(pred, gt, "youtube-vos")
    frames = {o.id: o.frames for o in evaluation.objects}
    assert frames == {1: ("00001", "00002", "00003", "00004"), 2: ("00003", "00004")}
    assert evaluation.objects[1].values["J"].tolist() == [1.0, 0.0]
    assert "object 3" in evaluation.notes[0]
    found = evaluation.to_json()["frames"]["video"]
    assert found["J"]["2"] == [None, None, 1.0, 0.0]


def test_processes_give_the_same(tmp_path):
    gt = write(tmp_path / "gt/a", moving_square(60)).parent
    write(gt / "b", moving_square(4))
    results = shutil.copytree(gt, tmp_path / "results")
    serial_calls: list[tuple[int, int | None]] = []
    serial = evaluate(
        results, gt, "davis2016", progress=lambda done, total, _: serial_calls.append((done, total))
    )
    parallel = evaluate(results, gt, "davis2016", jobs=2)
    assert serial.to_json() == parallel.to_json()
    assert serial_calls[-1] == (60, 60)
    assert serial_calls == sorted(serial_calls)


def test_an_error_in_a_process_arrives_whole(tmp_path):
    gt = write(tmp_path / "gt", moving_square(60))
    pred = shutil.copytree(gt, tmp_path / "pred")
    (pred / "00030.png").write_bytes(b"no picture")
    with pytest.raises(MaskError, match=r"00030\.png is no picture; it cannot be read"):
        evaluate(pred, gt, jobs=2)


def test_refusals(tmp_path):
    gt = write(tmp_path / "gt/a", moving_square()).parent
    pred = shutil.copytree(gt, tmp_path / "pred")
    with pytest.raises(UsageError, match="davis2018"):
        evaluate(pred, gt, "davis2018")
    with pytest.raises(UsageError, match="server"):
        evaluate(pred, gt, "youtube-vos", official=True)
    with pytest.raises(UsageError, match="-1"):
        evaluate(pred, gt, tolerance_px=-1)
    with pytest.raises(SourceError, match="nowhere"):
        evaluate(tmp_path / "nowhere", gt)
    with pytest.raises(SourceError, match="sequence lost"):
        evaluate(pred, gt, set=["lost"])
    write(pred / "b", moving_square())
    with pytest.raises(SourceError, match="sequence b"):
        evaluate(pred, gt)
    assert len(evaluate(pred, gt, set=["a"]).objects) == 1
    Image.new("L", (30, 24)).save(pred / "a/00002.png")
    with pytest.raises(MaskError, match=r"a/00002\.png is 30 x 24 pixels"):
        evaluate(pred, gt, set=["a"])


def test_too_many_proposals(tmp_path):
    gt = write(tmp_path / "gt", moving_square())
    crowd = np.zeros((24, 32), np.uint8)
    crowd.ravel()[:21] = np.arange(1, 22)
    pred = write(tmp_path / "pred", [crowd] * 6)
    with pytest.raises(MaskError, match="21 proposals"):
        evaluate(pred, gt, "davis-unsupervised")


def test_results_in_a_run_folder(tmp_path):
    gt = write(tmp_path / "data/Annotations/480p/a", moving_square()).parents[2]
    masks = write(tmp_path / "runs/a/masks", moving_square())
    Image.new("RGB", (32, 24)).save(masks.parent / "given.png")
    for results in (tmp_path / "runs", tmp_path / "runs/a", masks):
        assert evaluate(results, gt).figures["J&F"] == 1.0


def test_csv_has_the_names_of_the_json(tmp_path):
    gt = write(tmp_path / "gt", moving_square())
    pred = write(tmp_path / "pred", [np.roll(m, 3, 1) for m in moving_square()])
    evaluation = evaluate(pred, gt, tolerance_px=2)
    header, total, line = evaluation.to_csv().splitlines()
    figures = evaluation.to_json()
    assert header.split(",")[2:] == list(figures["global"])
    assert [float(v) for v in total.split(",")[2:]] == list(figures["global"].values())
    assert line.split(",")[:2] == ["gt", "1"]
    assert json.loads(json.dumps(figures, allow_nan=False)) == figures


def test_metrics_by_name(tmp_path):
    gt = write(tmp_path / "gt", moving_square())
    pred = shutil.copytree(gt, tmp_path / "pred")
    assert list(evaluate(pred, gt, metrics=["F"]).figures) == ["F_mean", "F_recall", "F_decay"]
    both = evaluate(pred, gt, metrics=["J&F", "T"])
    assert (both.figures["J&F"], both.figures["T_mean"]) == (1.0, 0.0)
    with pytest.raises(UsageError, match="`metrics` G is no metric; there are J&F, J, F, T"):
        evaluate(pred, gt, metrics=["G"])
    with pytest.raises(UsageError, match="`metrics` is empty"):
        evaluate(pred, gt, metrics=[])


def test_an_object_that_enters_late_was_absent_before(tmp_path):
    maps = moving_square(6)
    for labels in maps[3:]:
        labels[18:22, 20:30] = 2
    early = [labels.copy() for labels in maps]
    early[2][18:22, 20:30] = 2
    gt, pred = write(tmp_path / "gt", maps), write(tmp_path / "pred", early)
    late = evaluate(pred, gt).objects[1]
    assert late.frames == ("00001", "00002", "00003", "00004")
    assert late.values["J"].tolist() == [1.0, 0.0, 1.0, 1.0]


def test_a_set_is_a_list_of_the_data_set(tmp_path):
    root, results = tmp_path / "data", tmp_path / "results"
    for name in ("a", "b"):
        write(root / "Annotations/480p" / name, moving_square())
        write(results / name, moving_square())
    (root / "ImageSets").mkdir()
    (root / "ImageSets/val.txt").write_text("b\n")
    for chosen in ("val", root / "ImageSets/val.txt", ["b"], "b"):
        assert [o.sequence for o in evaluate(results, root, set=chosen).objects] == ["b"]
    with pytest.raises(SourceError, match=r"no list c, .* there are: val\.txt"):
        evaluate(results, root, set="c")


def test_objects_that_no_result_has_are_noted():
    notes = evaluate(CASES / "preds" / "empty", CASES / "davis").notes
    assert any("of the ground truth" in note and "in no result" in note for note in notes)
    assert not evaluate(CASES / "preds" / "perfect", CASES / "davis").notes
