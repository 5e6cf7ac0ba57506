"""Many videos: lists and folders of them, failures, shards, processes, what is resumed."""

import json

import pytest

import propago
from propago.cli import main
from propago.errors import SourceError, UsageError
from propago.io.manifest import is_manifest, read_manifest, shard_of

OPTIONS = {"method": "optical_flow", "options": propago.SegmentOptions(overlay=False)}


def files(folder):
    return {p.relative_to(folder): p.read_bytes() for p in sorted(folder.rglob("masks/*.png"))}


def test_one_that_fails_does_not_stop_the_others(videos, tmp_path):
    told = []
    many = propago.segment_many(
        videos, out=tmp_path / "out", progress=lambda *said: told.append(said), **OPTIONS
    )
    assert [result.out.name for result in many.results] == ["a", "c"]
    assert "b.mp4" in many.failed["b"]
    assert told[-1] == (3, 3, "videos")
    lines = [json.loads(line) for line in many.journal.read_text().splitlines()]
    assert [(line["name"], line["status"]) for line in lines] == [
        ("a", "done"),
        ("b", "failed"),
        ("c", "done"),
    ]
    alone = propago.segment(videos / "c.mp4", videos / "c.png", out=tmp_path / "c", **OPTIONS)
    assert files(alone.out) == files(tmp_path / "out" / "c")


def test_what_is_done_stays_and_what_is_mended_is_made(videos, tmp_path):
    propago.segment_many(videos, out=tmp_path / "out", **OPTIONS)
    with pytest.raises(UsageError, match="already holds results"):
        propago.segment_many(videos, out=tmp_path / "out", **OPTIONS)
    before = (tmp_path / "out" / "a" / "run.json").stat().st_mtime_ns
    (videos / "b.mp4").write_bytes((videos / "a.mp4").read_bytes())
    options = propago.SegmentOptions(overlay=False, resume=True)
    many = propago.segment_many(
        videos, out=tmp_path / "out", method="optical_flow", options=options
    )
    assert len(many.results) == 3
    assert not many.failed
    masks = (tmp_path / "out" / "a" / "masks").iterdir()
    assert all(mask.stat().st_mtime_ns < before + 1 for mask in masks)


@pytest.mark.slow
def test_processes_make_the_same_masks(videos, tmp_path):
    propago.segment_many(videos, out=tmp_path / "one", **OPTIONS)
    many = propago.segment_many(
        videos, out=tmp_path / "two", many=propago.ManyOptions(jobs=2), **OPTIONS
    )
    assert list(many.failed) == ["b"]
    assert files(tmp_path / "one") == files(tmp_path / "two")


def test_shards_share_the_videos(videos, tmp_path):
    for shard in ("1/2", "2/2"):
        many = propago.ManyOptions(shard=shard)
        propago.segment_many(videos, out=tmp_path / "out", many=many, **OPTIONS)
    found = {p.name for p in (tmp_path / "out").iterdir()}
    assert found == {"a", "c", "journal-1-of-2.jsonl", "journal-2-of-2.jsonl"}
    entries = read_manifest(videos)
    assert [e.name for e in shard_of(entries, "1/2")] == ["a", "c"]
    for wrong in ("0/2", "3/2", "x", "1/0"):
        with pytest.raises(UsageError, match="such as 1/4"):
            shard_of(entries, wrong)


def test_lists_have_lines_of_videos_and_masks(videos, tmp_path):
    (videos / "list.txt").write_text("# mine\na.mp4\nc.mp4\tb.png\n\n")
    found = read_manifest(videos / "list.txt")
    assert [(e.name, e.source.name, e.given.name) for e in found] == [
        ("a", "a.mp4", "a.png"),
        ("c", "c.mp4", "b.png"),
    ]
    (videos / "list.csv").write_text("source,name,masks\na.mp4,first,\na.mp4,again,c.png\n")
    found = read_manifest(videos / "list.csv")
    assert [(e.name, e.given.name) for e in found] == [("first", "a.png"), ("again", "c.png")]
    (videos / "list.csv").write_text("a.mp4\na.mp4\n")
    with pytest.raises(UsageError, match="two videos of the name a"):
        read_manifest(videos / "list.csv")
    (videos / "list.csv").write_text("\n")
    with pytest.raises(SourceError, match="names no video"):
        read_manifest(videos / "list.csv")


@pytest.mark.parametrize("place", ["v_masks", "v", "masks/v", "masks"])
def test_masks_are_found_beside(tmp_path, place):
    (tmp_path / "v.mp4").touch()
    (tmp_path / place).mkdir(parents=True)
    wanted = tmp_path / place
    if place == "masks":
        wanted = tmp_path / "masks" / "v.tif"
        wanted.touch()
    assert read_manifest(tmp_path)[0].given == wanted
    assert is_manifest(tmp_path)
    assert not is_manifest(tmp_path / "v.mp4")


def test_the_verb_says_what_came_of_each_and_fails_where_one_did(videos, tmp_path, capsys):
    (videos / "c.png").unlink()
    arguments = ["segment", str(videos), "--out", str(tmp_path / "out"), "--no-overlay"]
    arguments += ["--method", "optical_flow"]
    assert main([*arguments, "--to", "npz"]) == 1
    told = capsys.readouterr().out
    assert "done    a      3 frames" in told
    assert "failed  b      " in told
    assert "failed  c      " in told
    assert "no masks beside it" in told
    assert "(1 done, 2 failed)" in told
    assert (tmp_path / "out" / "a" / "exported" / "npz.npz").is_file()
    assert main([*arguments, "--box", "1=0,0,5,5"]) == 2
