"""Verbs on s3://, as s3fs speaks it to moto, a server in this process."""

import json
from importlib.util import find_spec

import pytest

from propago.cli import main
from propago.io.masks import write_mask
from propago.io.writer import VideoWriter
from tiny_clip import tiny_clip

MISSING = [name for name in ("s3fs", "moto", "flask", "flask_cors") if not find_spec(name)]
if MISSING:
    pytest.skip(
        f"{', '.join(MISSING)} not installed: pip install s3fs moto flask flask-cors "
        "py-partiql-parser",
        allow_module_level=True,
    )


@pytest.fixture(scope="module")
def server():
    server = pytest.importorskip("moto.server").ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    yield "http://{}:{}".format(*server.get_host_and_port())
    server.stop()


@pytest.fixture
def store(server, monkeypatch, tmp_path):
    """A bucket with a clip and its masks; nothing of it is on this machine."""
    s3fs = pytest.importorskip("s3fs")
    for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY"):
        monkeypatch.setenv(f"AWS_{name}", "testing")
    monkeypatch.setenv("AWS_ENDPOINT_URL", server)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    s3fs.S3FileSystem.clear_instance_cache()
    system = s3fs.S3FileSystem()
    system.mkdir("bucket")
    images, labels = tiny_clip(3, (48, 64), (1, 5))
    with VideoWriter(tmp_path / "clip.mp4", (48, 64), 12) as video:
        for image in images:
            video.write(image)
    system.put_file(str(tmp_path / "clip.mp4"), "bucket/in/clip.mp4")
    for t, one in enumerate(labels):
        write_mask(tmp_path / "mask.png", one)
        system.put_file(str(tmp_path / "mask.png"), f"bucket/in/masks/{t:05d}.png")
    yield system
    system.rm("bucket", recursive=True)


def segment(*more):
    named = ["s3://bucket/in/clip.mp4", "--masks", "s3://bucket/in/masks/00000.png"]
    run = ["--method", "optical_flow", "--out", "s3://bucket/out/run"]
    return main(["segment", *named, *run, *more])


def names(store, folder):
    store.invalidate_cache()
    return sorted(path.removeprefix(f"{folder}/") for path in store.find(folder))


def test_a_run_is_refused_resumed_and_overwritten(store, capsys):
    assert segment() == 0
    assert "masks    s3://bucket/out/run/masks (3 frames" in capsys.readouterr().out
    files = names(store, "bucket/out/run")
    assert files[1:] == [*(f"masks/0000{t}.png" for t in range(3)), "overlay.mp4", "run.json"]
    record = json.loads(store.cat("bucket/out/run/run.json"))
    assert record["source"]["path"] == "s3://bucket/in/clip.mp4"
    assert segment() == 2
    assert segment("--resume") == 0
    assert names(store, "bucket/out/run") == files
    assert segment("--overwrite", "--end", "2", "--no-overlay") == 0
    assert names(store, "bucket/out/run/masks") == ["00000.png", "00001.png"]


def test_many_videos(store, capsys):
    store.copy("bucket/in/clip.mp4", "bucket/many/a.mp4")
    store.copy("bucket/in/masks/00000.png", "bucket/many/a.png")
    store.pipe("bucket/many/b.mp4", b"no video")
    store.copy("bucket/in/masks/00000.png", "bucket/many/b.png")
    run = ["--method", "optical_flow", "--out", "s3://bucket/out/many", "--no-overlay"]
    assert main(["segment", "s3://bucket/many", *run]) == 1
    assert "failed  b      s3://bucket/many/b.mp4 is no" in capsys.readouterr().out
    assert b"propago-" not in store.cat("bucket/out/many/journal.jsonl")
    assert "a/masks/00002.png" in names(store, "bucket/out/many")


def test_clean_and_eval(store, capsys):
    assert main(["clean", "s3://bucket/in/masks", "--out", "s3://bucket/out/cleaned"]) == 0
    written = ["--json", "s3://bucket/out/figures.json", "--report", "s3://bucket/out/report.html"]
    results = "s3://bucket/out/cleaned/masks"
    assert main(["eval", results, "--gt", "s3://bucket/in/masks", *written]) == 0
    assert "propago-" not in capsys.readouterr().out
    assert json.loads(store.cat("bucket/out/figures.json"))["global"]["J&F"] == 1
    report = store.cat("bucket/out/report.html").decode()
    assert results in report
    assert "propago-" not in report


def test_a_bucket_that_is_not_there_is_not_made(store, capsys):
    assert main(["clean", "s3://bucket/in/masks", "--out", "s3://bukcet/cleaned"]) == 1
    assert "there is no bucket bukcet; make it first" in capsys.readouterr().err
    assert not store.exists("bukcet")
    assert main(["clean", "s3://bucket/nothing", "--out", "s3://bucket/cleaned"]) == 1
    assert "there is nothing at s3://bucket/nothing" in capsys.readouterr().err
