"""What `track`, `refine` and `clean` do with many videos, and what a killed process leaves."""

import json
import os
import shutil
import signal
import sys

import numpy as np
import pytest

import propago
from propago.cli import main
from propago.io.manifest import ManifestEntry, read_manifest
from propago.io.masks import write_mask
from propago.runs.many import run_many
from propago.runs.options import ManyOptions
from tiny_clip import tiny_clip

NO_OVERLAY = propago.TrackOptions(overlay=False)


@pytest.fixture
def given(videos):
    """A folder with masks of every frame of each video, a folder each."""
    folder = videos.parent / "given"
    for n, name in enumerate(("a", "b", "c")):
        (folder / name).mkdir(parents=True)
        for t, labels in enumerate(tiny_clip(3, (48, 64), (1, 5), seed=n)[1]):
            write_mask(folder / name / f"{t:05d}.png", labels)
    return folder


class Everything:
    """A refiner that makes every object everything."""

    def __init__(self):
        self.description = {"name": "everything"}

    def __call__(self, frame, masks, /):
        return propago.SoftMasks(masks.ids, masks.probabilities * 0 + 1)


def read(folder):
    return {p.relative_to(folder): p.read_bytes() for p in sorted(folder.rglob("masks/*.png"))}


def test_track_of_many_is_track_of_each(videos, given, tmp_path):
    many = propago.track_many(videos, given, out=tmp_path / "out", options=NO_OVERLAY)
    assert [(r.out.name, r.frames, len(r.ids)) for r in many.results] == [("a", 3, 2), ("c", 3, 2)]
    assert list(many.failed) == ["b"]
    propago.track(videos / "c.mp4", given / "c", out=tmp_path / "c", options=NO_OVERLAY)
    assert read(tmp_path / "c") == read(tmp_path / "out" / "c")


def test_detections_are_looked_for_in_their_folder_only(videos, tmp_path):
    (videos / "a").mkdir()
    (tmp_path / "found").mkdir()
    (tmp_path / "found" / "a.json").touch()
    assert [e.given for e in read_manifest(videos, kind="detections")] == [None] * 3
    found = read_manifest(videos, tmp_path / "found", "detections")
    assert [e.given for e in found] == [tmp_path / "found" / "a.json", None, None]
    (videos / "list.csv").write_text("source,detections\na.mp4,../found/a.json\n")
    (entry,) = read_manifest(videos / "list.csv", kind="detections")
    assert entry.given.name == "a.json"


def test_refine_of_many_keeps_what_is_done(videos, given, tmp_path):
    out = tmp_path / "out"
    many = propago.refine_many(videos, given, refiner=Everything(), out=out)
    assert [(r.out.name, r.frames) for r in many.results] == [("a", 3), ("c", 3)]
    assert propago.read_mask(out / "c" / "masks" / "00002.png").labels.min() == 1
    with pytest.raises(propago.UsageError, match="already holds results"):
        propago.refine_many(videos, given, refiner=Everything(), out=out)
    (videos / "b.mp4").write_bytes((videos / "a.mp4").read_bytes())
    kept = (out / "a" / "masks" / "00000.png").stat().st_mtime_ns
    many = propago.refine_many(videos, given, refiner=Everything(), out=out, resume=True)
    assert (many.kept, [r.out.name for r in many.results]) == (("a", "c"), ["b"])
    assert (out / "a" / "masks" / "00000.png").stat().st_mtime_ns == kept
    lines = [json.loads(line) for line in many.journal.read_text().splitlines()]
    assert {line["name"]: line["status"] for line in lines} == dict.fromkeys("abc", "done")


def test_clean_of_many_goes_on_behind_a_mask_that_is_none(given, tmp_path, capsys):
    (given / "b" / "00001.png").write_bytes(b"no picture")
    assert main(["clean", str(given), "--out", str(tmp_path / "out"), "--to", "npz"]) == 1
    told = capsys.readouterr().out
    assert "done    c      3 frames, nothing changed" in told
    assert "failed  b" in told
    assert "(2 done, 1 failed)" in told
    assert (tmp_path / "out" / "c" / "exported" / "npz.npz").is_file()
    shutil.copy(given / "b" / "00000.png", given / "b" / "00001.png")
    assert main(["clean", str(given), "--out", str(tmp_path / "out"), "--resume"]) == 0
    assert "kept    a      done before" in capsys.readouterr().out


def test_the_verbs_take_folders_of_videos(videos, given, tmp_path, capsys):
    (videos / "b.mp4").write_bytes((videos / "a.mp4").read_bytes())
    track = ["track", str(videos), "--detections", str(given), "--out", str(tmp_path / "tracked")]
    assert main([*track, "--no-overlay"]) == 0
    assert "done    a      3 frames, 2 tracks" in capsys.readouterr().out
    refine = ["refine", str(videos), str(tmp_path / "tracked"), "--out", str(tmp_path / "refined")]
    assert main([*refine, "--shard", "1/3", "--threads", "1"]) == 0
    assert "(1 done, 0 failed)" in capsys.readouterr().out
    one = ["refine", str(videos / "a.mp4"), str(given / "a")]
    assert main([*one, "--shard", "1/3"]) == 2
    assert main([*one, "--resume"]) == 2
    assert main(["clean", str(given / "a"), "--jobs", "2"]) == 2
    assert main([*track[:1], str(videos / "a.mp4"), "--jobs", "2"]) == 2


class KilledByB:
    """What a verb makes of a video; the process of video b is killed."""

    def __call__(self, entry, output, again):
        if entry.name == "b":
            os.kill(os.getpid(), signal.SIGKILL)
        output.make(output.masks)
        write_mask(output.masks / "0.png", np.full((4, 4), 1, np.uint8))
        return Made(output.root)


class Made:
    frames = 1

    def __init__(self, out):
        self.out = out


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_a_killed_process_is_a_failed_video(tmp_path):
    entries = [ManifestEntry(name, tmp_path / f"{name}.mp4", None) for name in "abcd"]
    many = run_many(
        KilledByB(), entries, tmp_path / "out", ManyOptions(jobs=2), overwrite=False, resume=False
    )
    assert [r.out.name for r in many.results] == ["a", "c", "d"]
    assert "ended from outside (signal SIGKILL)" in many.failed["b"]
    lines = [json.loads(line) for line in many.journal.read_text().splitlines()]
    assert [line["status"] for line in lines] == ["done", "failed", "done", "done"]
