"""Addresses in place of paths: what is fetched, what is put back, what is said."""

import json
from pathlib import Path

import pytest

from propago.cli import main
from propago.cli.remote import at_hand
from propago.io.masks import write_mask
from propago.io.remote import fetch, put_back, stamps
from propago.io.writer import VideoWriter
from tiny_clip import tiny_clip

fsspec = pytest.importorskip("fsspec", reason="fsspec (extra `cluster`) is not installed")


@pytest.fixture
def store():
    """The storage in memory, with a clip, its first mask and its masks; empty afterwards."""
    system = fsspec.filesystem("memory")
    yield system
    for path in system.ls("/", detail=False):
        system.rm(path, recursive=True)


@pytest.fixture
def clip(store, tmp_path):
    images, labels = tiny_clip(3, (48, 64), (1, 5))
    with VideoWriter(tmp_path / "clip.mp4", (48, 64), 12) as video:
        for image in images:
            video.write(image)
    for t, one in enumerate(labels):
        (tmp_path / "masks").mkdir(exist_ok=True)
        write_mask(tmp_path / "masks" / f"{t:05d}.png", one)
    store.put_file(str(tmp_path / "clip.mp4"), "/in/clip.mp4")
    store.put(str(tmp_path / "masks"), "/in/masks", recursive=True)
    return tmp_path


def segment(*more):
    named = ["memory://in/clip.mp4", "--masks", "memory://in/masks/00000.png"]
    return main(["segment", *named, "--no-overlay", "--method", "optical_flow", *more])


def test_a_run_reads_and_writes_addresses(store, clip, capsys):
    out = ["--out", "memory://out/run"]
    assert segment(*out) == 0
    assert "masks    memory://out/run/masks (3 frames" in capsys.readouterr().out
    assert (
        main(
            [
                "segment",
                str(clip / "clip.mp4"),
                "--masks",
                str(clip / "masks" / "00000.png"),
                "--no-overlay",
                "--method",
                "optical_flow",
                "--out",
                str(clip / "run"),
            ]
        )
        == 0
    )
    for mask in (clip / "run" / "masks").iterdir():
        assert store.cat(f"/out/run/masks/{mask.name}") == mask.read_bytes()
    record = json.loads(store.cat("/out/run/run.json"))
    assert record["source"]["path"] == "memory://in/clip.mp4"
    capsys.readouterr()
    assert segment(*out) == 2
    assert "memory://out/run already holds results" in capsys.readouterr().err
    assert segment(*out, "--resume") == 0
    store.pipe("/out/run/mine.txt", b"mine")
    assert segment(*out, "--overwrite", "--end", "2") == 0
    assert sorted(p.rpartition("/")[2] for p in store.ls("/out/run/masks", detail=False)) == [
        "00000.png",
        "00001.png",
    ]
    assert store.cat("/out/run/mine.txt") == b"mine"


def test_clean_and_eval(store, clip):
    assert main(["clean", "memory://in/masks", "--out=memory://out/cleaned"]) == 0
    assert store.exists("/out/cleaned/masks/00002.png")
    gt = ["--gt", "memory://in/masks", "--json", "memory://out/figures.json"]
    assert main(["eval", "memory://in/masks", *gt]) == 0
    assert "J" in store.cat("/out/figures.json").decode()


def test_what_is_not_there_and_who_cannot_be_asked(store, capsys):
    assert segment("--out", "memory://out/run") == 1
    assert "there is nothing at memory://in/clip.mp4" in capsys.readouterr().err
    assert main(["clean", "nowhere://masks"]) == 2
    assert "nowhere://masks cannot be opened" in capsys.readouterr().err
    assert main(["clean", "memory://in/masks", "--cluster", "ray://head:10001"]) == 2
    assert "needs folders that all of them share" in capsys.readouterr().err


def test_what_cannot_be_put_back_is_kept(store, clip, monkeypatch, capsys):
    def refused(*_, **__):
        raise PermissionError("Access Denied")

    monkeypatch.setattr("tempfile.tempdir", str(clip))
    monkeypatch.setattr(type(store), "put_file", refused)
    assert main(["clean", "memory://in/masks", "--out", "memory://out/kept"]) == 1
    said = capsys.readouterr().err
    assert "memory://out/kept cannot be written: Access Denied" in said
    place = Path(said.rpartition("kept here, in ")[2].strip())
    assert place.is_relative_to(clip)
    assert (place / "masks" / "00002.png").exists()


def test_verbs_that_take_no_addresses_say_so(capsys):
    assert main(["convert", "memory://in/masks", "areas.csv"]) == 2
    said = capsys.readouterr().err
    assert "memory://in/masks: convert reads and writes files of this machine" in said


def test_the_address_of_a_cluster_is_no_file():
    words = ["videos", "--cluster", "ray://head:10001", "--cluster=ray://head:10001"]
    with at_hand("segment", words) as local:
        assert local == words


def test_only_what_changed_is_sent_and_the_record_comes_last(store, tmp_path, monkeypatch):
    for name in ("a.png", "z.png", "gone.png", "run.json"):
        store.pipe(f"/out/run/{name}", name.encode())
    folder = tmp_path / "run"
    fetch("memory://out/run", folder)
    before = stamps(folder)
    (folder / "run.json").write_text("done")
    (folder / "z.png").write_text("another")
    (folder / "gone.png").unlink()
    sent = []
    monkeypatch.setattr(type(store), "put_file", lambda self, a, b: sent.append(b))
    put_back(folder, "memory://out/run", before)
    assert sent == ["/out/run/z.png", "/out/run/run.json"]
    assert not store.exists("/out/run/gone.png")
