import pytest

from propago.errors import OutputError
from propago.pipeline import Checkpoint
from propago.runs import checkpoints
from propago.runs.checkpoints import MOST, Checkpoints, kept


def test_short_runs_keep_every_checkpoint_and_long_ones_a_bounded_number_evenly():
    every = range(50, 50 * MOST + 1, 50)
    assert kept(every) == set(every)
    assert kept([*every, 50 * (MOST + 1)]) == {*range(100, 50 * MOST + 1, 100), 50 * (MOST + 1)}
    assert kept([50, 73]) == {50, 73}
    assert kept([50, 73, 100]) == {50, 100}
    counts: set[int] = set()
    for count in range(50, 100_001, 50):
        counts = kept({*counts, count})
        assert len(counts) <= MOST + 1
    assert sorted(counts)[:2] == [6400, 12800]


def test_the_latest_before_a_frame_is_found_and_named_by_its_frame(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, "EVERY_FRAMES", 2)
    own = Checkpoints(tmp_path / "own", range(10, 40, 5), ("propago",))
    assert own.last() is None
    for index in (15, 25, 35):
        own.save(Checkpoint(index, index / 2))
    assert sorted(p.name for p in (tmp_path / "own").iterdir()) == [
        f"000{index}.safetensors" for index in (15, 25, 35)
    ]
    own.drop_from(26)
    assert own.last() == Checkpoint(25, 12.5)
    own.drop_from(0)
    assert own.last() is None


def test_what_is_no_checkpoint_is_named(tmp_path):
    from propago.io.checkpoint import save_state

    save_state(tmp_path / "00001.safetensors", (1, 2))
    with pytest.raises(OutputError, match=r"00001.*is no checkpoint"):
        Checkpoints(tmp_path, range(5), ("propago",)).last()
