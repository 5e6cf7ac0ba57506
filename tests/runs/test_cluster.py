"""Videos on a local Ray of two workers, one of which is killed in the middle of a video."""

import json
import subprocess
import sys

import numpy as np
import pytest

import propago
from propago.cli import main
from propago.io.masks import write_mask
from propago.io.writer import VideoWriter
from propago.runs.checkpoints import EVERY_FRAMES
from tiny_clip import tiny_clip

FRAMES = EVERY_FRAMES + 6
OPTIONS = propago.SegmentOptions(overlay=False, threads=1)
SCRIPT = """
import os, signal, sys, time
from contextlib import suppress
from pathlib import Path
import propago
from propago.methods.optical_flow.run import OpticalFlow

videos, out = map(Path, sys.argv[1:])

class Fatal(OpticalFlow):
    def predict(self, state, frame):
        if frame.index == LAST:
            with suppress(FileExistsError):
                (videos / "killed").touch(exist_ok=False)
                time.sleep(1)  # the checkpoint is written in another thread
                os.kill(os.getpid(), signal.SIGKILL)
        return super().predict(state, frame)

many = propago.segment_many(
    videos, out=out, method=Fatal(),
    many=propago.ManyOptions(jobs=2, cluster="local"),
    options=propago.SegmentOptions(overlay=False, threads=1),
)
assert not many.failed, many.failed
"""


@pytest.fixture
def videos(tmp_path):
    folder = tmp_path / "videos"
    folder.mkdir()
    for n, name in enumerate("abc"):
        images, labels = tiny_clip(FRAMES, (48, 64), (1, 5), seed=n)
        with VideoWriter(folder / f"{name}.mp4", (48, 64), 12) as video:
            for image in images:
                video.write(image)
        write_mask(folder / f"{name}.png", labels[0])
    return folder


def masks(folder):
    return {p.relative_to(folder): p.read_bytes() for p in sorted(folder.rglob("masks/*.png"))}


@pytest.mark.slow
@pytest.mark.timeout(600)  # Ray starts a dozen processes: on a busy machine that takes minutes
@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_the_video_of_a_killed_worker_goes_on_from_its_checkpoint(videos, tmp_path):
    pytest.importorskip("ray", reason="Ray (extra `cluster`) is not installed")
    serial, out = tmp_path / "serial", tmp_path / "out"
    propago.segment_many(videos, out=serial, method="optical_flow", options=OPTIONS)
    script = SCRIPT.replace("LAST", str(FRAMES - 1))
    told = subprocess.run(
        [sys.executable, "-c", script, videos, out],
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
    )
    assert told.returncode == 0, told.stderr[-2000:]
    assert (videos / "killed").exists()
    assert masks(out) == masks(serial)
    records = [json.loads(path.read_text()) for path in out.glob("*/run.json")]
    resumed = [record["resumed_after_frame"] for record in records]
    assert sorted(resumed, key=str) == [EVERY_FRAMES - 1, None, None]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_sequences_are_evaluated_on_a_cluster(tmp_path):
    pytest.importorskip("ray", reason="Ray (extra `cluster`) is not installed")
    for n, name in enumerate("ab"):
        _, labels = tiny_clip(4, (48, 64), (1, 2), seed=n)
        for kind, shift in (("truth", 0), ("found", 2)):
            (tmp_path / kind / name).mkdir(parents=True)
            for t, label in enumerate(labels):
                write_mask(tmp_path / kind / name / f"{t:05d}.png", np.roll(label, shift, 1))
    alone = propago.evaluate(tmp_path / "found", tmp_path / "truth")
    shared = propago.evaluate(tmp_path / "found", tmp_path / "truth", jobs=2, cluster="local")
    assert 0.5 < alone.figures["J_mean"] < 1
    assert shared.figures == alone.figures
    write_mask(tmp_path / "found" / "b" / "00002.png", np.ones((10, 10), np.uint8))
    with pytest.raises(propago.MaskError, match=r"00002\.png"):
        propago.evaluate(tmp_path / "found", tmp_path / "truth", cluster="local")


def test_no_such_cluster(videos, tmp_path, capsys):
    out = ["--out", str(tmp_path / "out"), "--method", "optical_flow"]
    assert main(["segment", str(videos), *out, "--cluster", "slurm"]) == 2
    assert "--cluster is 'slurm'; it is local, ray" in capsys.readouterr().err
    one = ["segment", str(videos / "a.mp4"), "--masks", str(videos / "a.png"), *out]
    assert main([*one, "--cluster", "local"]) == 2
    assert "--cluster is for many videos" in capsys.readouterr().err
    truth = ["eval", str(videos), "--gt", str(videos), "--cluster", "slurm"]
    assert main(truth) == 2
    assert "--cluster is 'slurm'; it is local, ray" in capsys.readouterr().err
