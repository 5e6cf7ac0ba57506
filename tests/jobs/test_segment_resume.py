import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from propago.errors import OutputError, PropagoWarning, SourceError, UsageError
from propago.io.checkpoint import CheckpointError
from propago.io.masks import write_mask
from propago.io.video import open_source
from propago.methods.first_mask.run import FirstMask
from propago.methods.optical_flow.run import OpticalFlow
from propago.runs import writers
from segment_runs import FRAMES, SIZE, lines, mask_bytes, run
from tiny_clip import tiny_clip


class StopsAt(OpticalFlow):
    """Raises at one frame."""

    def __init__(self, index, error):
        super().__init__()
        self.index, self.error = index, error

    def predict(self, state, frame):
        if frame.index == self.index:
            raise self.error
        return super().predict(state, frame)


@pytest.mark.parametrize("stop", [0, 1, 4, 7])
def test_an_interrupted_run_goes_on_to_the_same_bytes(clip, stop):
    whole = run(clip, out="whole")
    with pytest.raises(KeyboardInterrupt, match=rf"{stop} frames are kept.*`resume`"):
        run(clip, method=StopsAt(stop, KeyboardInterrupt()))
    assert json.loads((clip / "out" / "run.json").read_text())["status"] == "interrupted"
    result = run(clip, resume=True)
    assert mask_bytes(result.out) == mask_bytes(whole.out)
    for a, b in zip(lines(result.out), lines(whole.out), strict=True):
        assert (a["index"], a["objects"]) == (b["index"], b["objects"])
    assert result.overlay is not None
    assert len(list(open_source(result.overlay))) == FRAMES


def test_a_failed_run_repeats_the_frames_since_the_last_checkpoint(clip, often):
    whole = run(clip, out="whole")
    with pytest.raises(RuntimeError, match="broken"):
        run(clip, method=StopsAt(5, RuntimeError("broken")))
    with open(clip / "out" / "frames.jsonl", "a") as file:
        file.write('{"index": 5, "na')
    result = run(clip, resume=True)
    assert mask_bytes(result.out) == mask_bytes(whole.out)
    assert [line["index"] for line in lines(result.out)] == list(range(FRAMES))


KILLED = """
import os, signal
from propago.methods.optical_flow.run import OpticalFlow
from propago.runs import engine
from propago.jobs.options import SegmentOptions
from propago.jobs.segment import segment
engine.CHECKPOINT_EVERY_FRAMES = 3
class Killed(OpticalFlow):
    def predict(self, state, frame):
        if frame.index == 5:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().predict(state, frame)
segment({source!r}, {masks!r}, out={out!r}, method=Killed(), options=SegmentOptions(threads=1))
"""


def test_a_killed_run_goes_on_to_the_same_bytes(film):
    whole = run(film, "film.mp4", out="whole", threads=1)
    script = KILLED.format(
        source=str(film / "film.mp4"),
        masks=str(film / "first.png"),
        out=str(film / "out"),
    )
    ended = subprocess.run(
        [sys.executable, "-c", script],
        check=False,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert ended.returncode == -signal.SIGKILL
    assert json.loads((film / "out" / "run.json").read_text())["status"] == "running"
    result = run(film, "film.mp4", resume=True, threads=1)
    assert mask_bytes(result.out) == mask_bytes(whole.out)
    assert result.overlay is not None


def test_resume_begins_where_nothing_is_and_returns_what_is_complete(clip):
    result = run(clip, resume=True)
    (clip / "out" / "overlay.mp4").unlink()
    again = run(clip, resume=True, method=StopsAt(0, AssertionError("it was complete")))
    assert (again.frames, again.ids, again.seconds) == (FRAMES, (1, 5), result.seconds)
    assert again.overlay is not None


def test_resume_refuses_other_inputs(clip):
    run(clip)
    _, labels = tiny_clip(1, SIZE, (1,))
    write_mask(clip / "other.png", labels[0])
    with pytest.raises(UsageError, match="another given"):
        run(clip, masks="other.png", resume=True)
    with pytest.raises(UsageError, match="another method"):
        run(clip, method=FirstMask(), resume=True)


def test_a_damaged_checkpoint_is_named(clip):
    with pytest.raises(KeyboardInterrupt):
        run(clip, method=StopsAt(4, KeyboardInterrupt()))
    (clip / "out" / "checkpoint.safetensors").write_bytes(b"nonsense")
    with pytest.raises(CheckpointError, match=r"checkpoint\.safetensors.*not a readable"):
        run(clip, resume=True)


def test_a_full_disk_leaves_the_earlier_frames(clip, monkeypatch):
    whole = run(clip, out="whole")
    written = []

    def full(path, labels):
        if len(written) == 4:
            raise OutputError(f"{path} cannot be written: No space left on device")
        written.append(path)
        write_mask(path, labels)

    monkeypatch.setattr(writers, "write_mask", full)
    with pytest.raises(OutputError, match=r"No space left.*4 frames are kept.*`resume`"):
        run(clip)
    kept = mask_bytes(clip / "out")
    assert len(kept) == 4
    assert kept.items() <= mask_bytes(whole.out).items()
    assert not list((clip / "out").glob(".*"))
    monkeypatch.undo()
    assert mask_bytes(run(clip, resume=True).out) == mask_bytes(whole.out)


def test_frames_before_the_damage_are_written_and_said(film):
    data = _as_mkv(film / "film.mp4")
    (film / "cut.mkv").write_bytes(data[: len(data) * 7 // 10])
    with pytest.raises(SourceError, match=r"the \d+ frames before are in .*masks"):
        run(film, "cut.mkv")
    masks = mask_bytes(film / "out")
    assert 0 < len(masks) < FRAMES
    assert len(lines(film / "out")) == len(masks)
    assert len(list(open_source(film / "out" / "overlay.mp4"))) == len(masks)
    assert json.loads((film / "out" / "run.json").read_text())["status"] == "damaged"


def _as_mkv(path: Path) -> bytes:
    """The video once more as Matroska, whose frames can be read up to a cut."""
    import av

    target = path.with_name("whole.mkv")
    with av.open(str(path)) as source, av.open(str(target), "w") as copy:
        stream = copy.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                copy.mux(packet)
    return target.read_bytes()


def test_a_failure_before_the_first_frame_leaves_nothing_that_blocks_the_next_command(clip):
    with pytest.raises(RuntimeError, match="broken"):
        run(clip, method=StopsAt(0, RuntimeError("broken")))
    assert not (clip / "out").exists()
    assert run(clip, end=2).frames == 2


def test_other_threads_are_said_and_not_refused(clip):
    with pytest.raises(KeyboardInterrupt):
        run(clip, method=StopsAt(4, KeyboardInterrupt()), threads=1)
    with pytest.warns(PropagoWarning, match="threads: then 1, now 2"):
        assert run(clip, threads=2, resume=True).frames == FRAMES
