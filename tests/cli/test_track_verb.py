import json

import numpy as np
import pytest

from propago.cli import main
from propago.io.masks import write_mask
from propago.io.pictures import write_picture
from tiny_clip import tiny_clip


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder of 4 frames and one of their label maps, in the current folder."""
    monkeypatch.chdir(tmp_path)
    for folder in ("cells", "found"):
        (tmp_path / folder).mkdir()
    for t, (image, labels) in enumerate(zip(*tiny_clip(4, (48, 64), (1, 2)), strict=True)):
        write_picture(tmp_path / "cells" / f"{t:05d}.png", image)
        write_mask(tmp_path / "found" / f"{t:05d}.png", labels)
    return tmp_path


def said_by(capsys, *arguments):
    code = main([str(a) for a in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_track_writes_where_it_says(place, capsys):
    code, out, err = said_by(capsys, "track", "cells", "--detections", "found", "--threads", 1)
    assert (code, err) == (0, "")
    folder = "runs/track/cells"
    assert out.startswith(f"masks    {folder}/masks (4 frames, ")
    assert f"tracks   {folder}/tracks.json (2 tracks: 2 object)\n" in out
    for name in ("tracks.csv", "tracks.json", "overlay.mp4", "run.json"):
        assert (place / folder / name).exists()
    record = json.loads((place / folder / "run.json").read_text())
    assert (record["status"], record["classes"]) == ("done", {"1": "object"})


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (
            ["--detections", "found", "--method", "mask_rcnn"],
            2,
            "either --detections or a --method",
        ),
        (["--detections", "nowhere"], 1, "nowhere does not exist"),
        (["--detections", "found", "--classes", "cat"], 2, "--classes cat"),
        (["--detections", "found", "--score", "30"], 2, "--score is 30"),
        (["--detections", "found", "--detect-every", 5], 2, "--detect-every is 5"),
        (["--method", "magic"], 2, "--method magic"),
        (["--detections", "cut.json"], 1, "cut.json is no whole JSON file"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(place, capsys, arguments, code, said):
    (place / "cut.json").write_text('[{"image_id": 0, "segm')
    found, out, err = said_by(capsys, "track", "cells", *arguments)
    assert (found, out) == (code, "")
    assert said in err
    assert "Traceback" not in err
    assert not (place / "runs").exists()


def test_three_hundred_in_one_frame_and_ids_beyond_a_byte(place, capsys):
    crowd = np.arange(1, 301, dtype=np.uint16).reshape(15, 20).repeat(3, 0).repeat(3, 1)
    labels = np.zeros((48, 64), np.uint16)
    labels[:45, :60] = crowd
    for t in range(4):
        write_mask(place / "found" / f"{t:05d}.png", labels)
    code, out, _ = said_by(capsys, "track", "cells", "--detections", "found")
    assert code == 0
    assert "(300 tracks: 300 object)" in out
    overlay = place / "runs/track/cells/overlay.mp4"
    whole = overlay.read_bytes()
    overlay.unlink()
    assert said_by(capsys, "track", "cells", "--detections", "found", "--resume")[0] == 0
    assert overlay.read_bytes() == whole
