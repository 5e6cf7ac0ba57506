import json
import shutil

import numpy as np
import pytest
from PIL import Image

from propago.cli import main
from propago.io.masks import write_mask
from propago.io.pictures import write_picture
from tiny_clip import tiny_clip

SIZE = (64, 96)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder of 4 frames and the mask of the first, in the current folder."""
    monkeypatch.chdir(tmp_path)
    images, labels = tiny_clip(4, SIZE)
    (tmp_path / "cat").mkdir()
    for t, image in enumerate(images):
        write_picture(tmp_path / "cat" / f"{t:05d}.png", image)
    write_mask(tmp_path / "first.png", labels[0])
    return tmp_path


def said_by(capsys, *arguments):
    code = main([str(a) for a in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_segment_writes_where_it_says(place, capsys):
    code, out, err = said_by(
        capsys, "segment", "cat", "--masks", "first.png", "--threads", 1, "--no-overlay"
    )
    assert code == 0
    assert out.startswith("masks    runs/segment/cat/masks (4 frames, objects 1, ")
    assert "licence" in err
    record = json.loads((place / "runs/segment/cat/run.json").read_text())
    assert len(record["inputs"]["method"]["weights_sha256"]) == 64
    assert not (place / "runs/segment/cat/overlay.mp4").exists()


def test_a_set_is_segmented_in_one_call(place, capsys):
    for name in ("tom", "kitty"):
        shutil.copytree(place / "cat", place / "davis" / "JPEGImages" / "480p" / name)
        annotations = place / "davis" / "Annotations" / "480p" / name
        annotations.mkdir(parents=True)
        shutil.copy(place / "first.png", annotations / "00000.png")
    (place / "two.txt").write_text("tom\nkitty\n")
    code, out, _ = said_by(capsys, "segment", "davis", "--set", "two.txt", "--end", 2)
    assert code == 0
    for name in ("tom", "kitty"):
        assert f"masks    runs/segment/davis/{name}/masks (2 frames" in out
        assert (place / "runs/segment/davis" / name / "overlay.mp4").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["cat"], 2, "--box  a box ID=x0,y0,x1,y1"),
        (["nowhere.mp4", "--masks", "first.png"], 2, "nowhere.mp4"),
        (["cat", "--masks", "none.png"], 2, "none.png"),
        (["cat", "--box", "1=0,0,500,20"], 2, "outside the frame"),
        (["cat", "--box", "1=0,0"], 2, "ID=x0,y0,x1,y1"),
        (["cat", "--click", "1=4"], 2, "--click '1=4' is not understood"),
        (["cat", "--click", "1=500,4"], 2, "(500, 4) lies outside the frame"),
        (["cat", "--set", "val", "--click", "1=5,5"], 2, "--set"),
        (["cat", "--masks", "first.png", "--method", "magic"], 2, "magic"),
        (["cat", "--masks", "first.png", "--weights", "none.safetensors"], 2, "none.safetensors"),
        (["cat", "--masks", "first.png", "--size", "3"], 2, "size"),
        (["cat", "--masks", "first.png", "--device", "abacus"], 2, "abacus"),
        (["cat", "--masks", "first.png", "--resume", "--overwrite"], 2, "choose one"),
        (["cat", "--masks", "first.png", "--start", "9"], 1, "cat"),
        (["cat", "--set", "val", "--box", "1=0,0,5,5"], 2, "--set"),
        (["cat", "--set", "val", "--end-object", "1@2"], 2, "--end-object is for one video"),
        (["cat", "--masks", "first.png", "--end-object", "1"], 2, "--end-object '1' is not"),
        (["cat", "--masks", "first.png", "--end-object", "1@9"], 2, "--end-object 1@9: there is"),
    ],
)
def test_bad_input_is_a_message_and_an_exit_code(place, capsys, arguments, code, said):
    got, out, err = said_by(capsys, "segment", *arguments)
    assert said in err
    assert got in (1, 2)
    assert got == code
    assert out == ""
    assert "Traceback" not in err


def test_a_wrong_option_is_wrong_usage(place):
    with pytest.raises(SystemExit) as stopped:
        main(["segment", "cat", "--mask", "first.png"])
    assert stopped.value.code == 2


def test_frame_writes_a_still_and_never_over_a_drawing(place, capsys):
    code, out, _ = said_by(capsys, "frame", "cat", 2)
    assert (code, out) == (0, "cat_00002.png\n")
    images, _ = tiny_clip(4, SIZE)
    assert np.array_equal(np.asarray(Image.open(place / "cat_00002.png")), images[2])
    code, _, err = said_by(capsys, "frame", "cat", 2)
    assert code == 2
    assert "overwrite" in err
    assert said_by(capsys, "frame", "cat", 2, "--overwrite")[0] == 0
    assert said_by(capsys, "frame", "cat", 7)[0] == 2
    assert said_by(capsys, "frame", "cat", 1, "--out", "still.xyz")[0] == 1


def test_models_lists_weights_with_licences(capsys):
    code, out, _ = said_by(capsys, "models")
    assert code == 0
    assert "feelvos" in out
    assert "Apache-2.0" in out
