"""`evaluate` of what is no label map: the kind of the files decides what is measured."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from propago import cli
from propago.errors import SourceError, UsageError
from propago.jobs.convert import convert
from propago.jobs.evaluate import evaluate
from propago.jobs.report import write_report
from propago.metrics.identity import evaluate_identity

CASES = Path(__file__).parent.parent / "evalcases"
TRACKS = CASES / "ytvis_good/results.json", CASES / "ytvis_good/gt.json"
INSTANCES = CASES / "coco_frames/results.json", CASES / "coco_frames/gt.json"


def expected(name: str) -> dict:
    return json.loads((CASES / "expected" / name).read_text())


def write(folder: Path, **maps: list[list[int]]) -> Path:
    folder.mkdir(parents=True)
    for name, labels in maps.items():
        Image.fromarray(np.array(labels, np.uint8)).save(folder / f"{name}.png")
    return folder


def test_youtube_vis_files():
    found = evaluate(*TRACKS)
    official = expected("ytvis_cocoapi.json")["ytvis_good|gt|results"]
    assert found.protocol == "youtube-vis"
    assert found.figures["AP"] == pytest.approx(official["stats"]["AP"], abs=1e-12)
    assert {str(c.id) for c in found.categories} == official["per_category"].keys()
    both = evaluate(*TRACKS, metrics=["track AP", "HOTA"])
    assert both.figures["AP"] == found.figures["AP"]
    assert 0 < both.figures["HOTA"] < 1
    assert isinstance(both.to_json()["global"]["id_switches"], int)
    assert {"AP", "HOTA"} <= both.categories[0].figures.keys()


def test_coco_files(tmp_path):
    found = evaluate(*INSTANCES)
    official = expected("coco_frames.json")["pycocotools_segm"]
    assert found.protocol == "coco"
    assert found.figures["AP"] == pytest.approx(official[0], abs=1e-12)
    assert 0 < found.figures["AP^r@0.5"] <= 1
    lines = found.to_csv().splitlines()
    assert lines[0].startswith("category,AP,AP50")
    assert len(lines) == 2 + len(found.categories)
    assert json.loads(json.dumps(found.to_json(), allow_nan=False)) == found.to_json()


@pytest.mark.parametrize(("form", "protocol"), [("youtube-vis", "youtube-vis"), ("coco", "coco")])
def test_files_that_convert_wrote_are_measured(form, protocol, tmp_path):
    square = np.kron(np.eye(2, dtype=np.uint8), np.ones((20, 20), np.uint8)).tolist()
    gt = write(tmp_path / "gt", a=square, b=square)
    half = write(tmp_path / "half", a=square, b=np.zeros((40, 40), np.uint8).tolist())
    others = write(tmp_path / "others", b=square, c=square)
    for folder in (gt, half, others):
        convert(folder, folder.with_suffix(".json"), to_format=form)
    truth = gt.with_suffix(".json")
    perfect = evaluate(truth, truth)
    assert (perfect.protocol, perfect.figures["AP"]) == (protocol, pytest.approx(1.0))
    assert 0 < evaluate(half.with_suffix(".json"), truth).figures["AP"] < 0.6
    with pytest.raises(UsageError, match=r"1 of the results has the frames .*'b'.*'a'"):
        evaluate(others.with_suffix(".json"), truth)


def test_of_other_files_of_masks_the_way_to_label_maps_is_said(tmp_path):
    (tmp_path / "gt.txt").write_text("0 1001 1 4 4 02\n")
    with pytest.raises(SourceError, match=r"gt\.txt as JSON.*propago convert"):
        evaluate(tmp_path / "gt.txt", tmp_path / "gt.txt")


def test_class_maps_of_a_voc_root(tmp_path):
    gt = write(tmp_path / "VOC/SegmentationClass", a=[[0, 0, 1, 255]], b=[[2, 2]]).parent
    (gt / "ImageSets/Segmentation").mkdir(parents=True)
    (gt / "ImageSets/Segmentation/val.txt").write_text("a\n")
    results = write(tmp_path / "results", a=[[0, 1, 1, 0]])
    with pytest.raises(SourceError, match=r"b\.png is missing"):
        evaluate(results, gt)
    found = evaluate(results, gt, set="val")
    assert found.protocol == "semantic"
    assert found.figures["mIoU"] == found.figures["mean_accuracy"] - 0.25 == 0.5
    assert [(c.id, c.figures["IoU"]) for c in found.categories] == [(0, 0.5), (1, 0.5)]
    write(tmp_path / "wide", a=[[0, 1, 1, 0]], b=[[2, 0]])
    assert evaluate(tmp_path / "wide", gt).figures["pixel_accuracy"] == 3 / 5


def test_class_maps_in_folders_of_videos(tmp_path):
    write(tmp_path / "gt/a", x=[[0, 3]])
    write(tmp_path / "pred/a", x=[[0, 3]])
    assert evaluate(tmp_path / "pred", tmp_path / "gt", "semantic").figures["mIoU"] == 1.0


def test_what_does_not_fit_together_is_refused(tmp_path):
    masks = write(tmp_path / "masks/a", x=[[0, 1]]).parent
    with pytest.raises(UsageError, match=r"masks is a folder and .*gt\.json a file"):
        evaluate(masks, TRACKS[1])
    with pytest.raises(UsageError, match="masks is a folder; tracks are measured in JSON files"):
        evaluate(masks, TRACKS[1], "youtube-vis")
    with pytest.raises(UsageError, match=r"is no ground truth.*a list"):
        evaluate(TRACKS[0], TRACKS[0])
    with pytest.raises(
        UsageError, match=r"results.json, measured with .*: result 0: 'image_id' is"
    ):
        evaluate(TRACKS[0], INSTANCES[1])
    with pytest.raises(UsageError, match="`metrics` J&F measures masks, not tracks"):
        evaluate(*TRACKS, metrics=["J&F"])
    with pytest.raises(UsageError, match="`official` and `tolerance_px` are of masks"):
        evaluate(*TRACKS, official=True)
    with pytest.raises(UsageError, match="`set` chooses among folders"):
        evaluate(*TRACKS, set="val")
    with pytest.raises(SourceError, match=r"nowhere\.json does not exist"):
        evaluate(tmp_path / "nowhere.json", TRACKS[1])
    (tmp_path / "cut.json").write_text('{"videos": [')
    with pytest.raises(SourceError, match=r"cannot read .*cut\.json as JSON"):
        evaluate(TRACKS[0], tmp_path / "cut.json")


def test_identities_and_reports_are_of_label_maps(tmp_path):
    found = evaluate(*TRACKS)
    with pytest.raises(UsageError, match="`metrics` HOTA measures them"):
        evaluate_identity(found)
    with pytest.raises(UsageError, match="label maps"):
        write_report(tmp_path / "r.html", found)


@pytest.mark.parametrize(("files", "says"), [(TRACKS, "youtube-vis: "), (INSTANCES, "coco: ")])
def test_the_verb_prints_categories(capsys, files, says):
    assert cli.main(["eval", str(files[0]), "--gt", str(files[1])]) == 0
    captured = capsys.readouterr()
    assert says in captured.out
    assert "category" in captured.out
    assert captured.err == ""


def test_label_maps_of_tracks_are_matched_by_their_places(tmp_path):
    """Object 1 is called 7, then 8; object 2 is 9 throughout; what is void is left out."""
    gt = write(tmp_path / "gt", a=[[1, 1, 2, 255]], b=[[1, 1, 2, 2]], c=[[1, 1, 2, 2]])
    masks = write(tmp_path / "run" / "masks", a=[[7, 7, 9, 5]], b=[[7, 7, 9, 9]], c=[[8, 8, 9, 9]])
    found = evaluate(masks, gt, "identity")
    assert (found.figures["DetA"], found.figures["id_switches"]) == (1, 1)
    assert found.figures["MOTA"] == pytest.approx(1 - 1 / 6)
    share = (2 * 2 / 3 + 1 / 3 + 3) / 6
    assert found.figures["AssA"] == pytest.approx(share)
    assert found.lower_is_better == {"id_switches"}
    (tmp_path / "run" / "instances.jsonl").touch()
    for results in (masks, tmp_path / "run"):
        assert evaluate(results, gt) == found


def test_label_maps_of_tracks_are_told_from_the_run(tmp_path, capsys):
    gt = write(tmp_path / "gt", a=[[1, 2]], b=[[1, 2]])
    write(tmp_path / "run" / "masks", a=[[2, 1]], b=[[2, 1]])
    (tmp_path / "run" / "instances.jsonl").touch()
    assert cli.main(["eval", str(tmp_path / "run"), "--gt", str(gt)]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("identity  ")
    assert "AssA" in shown
    (tmp_path / "run" / "masks" / "b.png").unlink()
    with pytest.raises(SourceError, match=r"b\.png is missing"):
        evaluate(tmp_path / "run", gt)
