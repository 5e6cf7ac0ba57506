import json

import numpy as np
import pytest

from baselines import FlowCarried
from propago.errors import UsageError
from propago.io.masks import read_mask
from segment_runs import FRAMES, mask_bytes, run


class Speckled(FlowCarried):
    """Predicts an island of object 5 in the lower left corner of every second frame."""

    def predict(self, state, frame):
        scores, seen = super().predict(state, frame)
        if 5 in scores.ids and frame.index % 2:
            scores.probabilities[scores.ids.index(5), -3:, :3] = 1
        return scores, seen


class Stops(FlowCarried):
    def predict(self, state, frame):
        if frame.index == 5:
            raise KeyboardInterrupt
        return super().predict(state, frame)


def corner(folder, name):
    return read_mask(folder / "masks" / f"{name}.png").labels[-3:, :3]


def test_craf_takes_islands_out_of_what_is_written_and_remembered(clip):
    plain = run(clip, out="plain", method=Speckled())
    cleaned = run(clip, out="cleaned", method=Speckled(), clean="craf")
    for t in range(FRAMES):
        assert corner(plain.out, f"shot_{t:03d}").any() or t == 0
        assert not corner(cleaned.out, f"shot_{t:03d}").any()
    last = (read_mask(r.masks / f"shot_{FRAMES - 1:03d}.png").labels for r in (plain, cleaned))
    a, b = (labels[:-8] for labels in last)
    assert np.array_equal(a, b)


def test_a_cleaned_run_goes_on_to_the_same_bytes_and_not_without_the_cleaner(clip):
    whole = run(clip, out="whole", clean="craf")
    with pytest.raises(KeyboardInterrupt):
        run(clip, method=Stops(), clean="craf")
    with pytest.raises(UsageError, match="another clean"):
        run(clip, resume=True)
    result = run(clip, clean="craf", resume=True)
    assert mask_bytes(result.out) == mask_bytes(whole.out)
    assert json.loads((result.out / "run.json").read_text())["inputs"]["clean"] == "craf"
