import json
from typing import Any

import numpy as np
import pytest

from propago.errors import UsageError
from propago.io.masks import read_mask
from propago.methods.optical_flow.run import OpticalFlow
from propago.runs.output_folder import OutputFolder
from segment_runs import FRAMES, mask_bytes, run


def speckled(stop=None, error: Any = None):
    """Predicts an island of object 5 in the lower left corner of every second frame.

    Ends with `error` at the frame `stop`. A checkpoint holds the state of the baseline's package,
    so it is the baseline with another `predict`.
    """
    method = OpticalFlow()

    def predict(state, frame):
        if frame.index == stop:
            raise error
        scores, seen = OpticalFlow.predict(method, state, frame)
        if 5 in scores.ids and frame.index % 2:
            scores.probabilities[scores.ids.index(5), -3:, :3] = 1
        return scores, seen

    method.predict = predict
    return method


def events(folder):
    return [json.loads(line) for line in (folder / "clean.jsonl").read_text().splitlines()]


def corner(folder, name):
    return read_mask(folder / "masks" / f"{name}.png").labels[-3:, :3]


def test_craf_takes_islands_out_of_what_is_written_and_remembered(clip):
    plain = run(clip, out="plain", method=speckled())
    cleaned = run(clip, out="cleaned", method=speckled(), clean="craf")
    for t in range(FRAMES):
        assert corner(plain.out, f"shot_{t:03d}").any() or t == 0
        assert not corner(cleaned.out, f"shot_{t:03d}").any()
    last = (read_mask(r.masks / f"shot_{FRAMES - 1:03d}.png").labels for r in (plain, cleaned))
    a, b = (labels[:-8] for labels in last)
    assert np.array_equal(a, b)


def test_a_cleaned_run_goes_on_to_the_same_bytes_and_not_without_the_cleaner(clip):
    whole = run(clip, out="whole", method=speckled(), clean="craf")
    with pytest.raises(KeyboardInterrupt):
        run(clip, method=speckled(5, KeyboardInterrupt()), clean="craf")
    with pytest.raises(UsageError, match="another clean"):
        run(clip, method=speckled(), resume=True)
    result = run(clip, method=speckled(), clean="craf", resume=True)
    assert mask_bytes(result.out) == mask_bytes(whole.out)
    assert json.loads((result.out / "run.json").read_text())["inputs"]["clean"]["cleaner"] == "craf"


def test_the_log_says_what_went_from_which_frame(clip):
    result = run(clip, method=speckled(), clean="craf")
    said = [
        (e["index"], e["name"], e["id"], e["what"], e["area_px"], e["box"])
        for e in events(result.out)
    ]
    corner_box = [0, 46, 3, 49]
    assert [line for line in said if line[5] == corner_box] == [
        (t, f"shot_{t:03d}", 5, "removed", 9, corner_box) for t in range(1, FRAMES, 2)
    ]
    assert all(e["why"] for e in events(result.out))
    assert not (run(clip, out="plain").out / "clean.jsonl").exists()


def test_a_log_without_events_is_empty(clip):
    still = run(clip, clean="craf", end=1)
    assert (still.out / "clean.jsonl").read_bytes() == b""


@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("broken")])
@pytest.mark.parametrize("stop", [0, 2, 4, 5, 7])
def test_the_log_of_a_resumed_run_is_that_of_an_unbroken_one(clip, often, error, stop):
    whole = run(clip, out="whole", method=speckled(), clean="craf")
    assert len(events(whole.out)) >= FRAMES // 2
    with pytest.raises(type(error)):
        run(clip, method=speckled(stop, error), clean="craf")
    if stop == 0 and isinstance(error, RuntimeError):
        assert not (clip / "out").exists()
        return
    with open(clip / "out" / "clean.jsonl", "a") as file:
        file.write('{"index": 7, "name": "shot_007"}\n{"index": 7, "na')
    result = run(clip, method=speckled(), clean="craf", resume=True)
    assert (result.out / "clean.jsonl").read_bytes() == (whole.out / "clean.jsonl").read_bytes()
    assert mask_bytes(result.out) == mask_bytes(whole.out)


def test_the_log_is_a_result_of_the_run(clip):
    run(clip, method=speckled(), clean="craf")
    folder = OutputFolder(clip / "out")
    for part in (folder.masks, folder.overlay, folder.record, folder.frames):
        part.rename(clip / part.name)
    with pytest.raises(UsageError, match=r"already holds results \(clean\.jsonl\)"):
        run(clip, clean="craf")
    run(clip, overwrite=True)
    assert not folder.events.exists()
