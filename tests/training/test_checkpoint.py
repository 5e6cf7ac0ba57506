from dataclasses import replace

import pytest
import torch
from torch import nn

from propago.errors import OutputError, UsageError
from propago.training.checkpoint import CheckpointFile, TrainingProgress

BEGUN = {"seed": 3, "steps": 4, "data": {"coco": 0.25, "davis": {"weight": 1.0, "set": "train"}}}


@pytest.fixture
def net():
    return nn.Linear(2, 1)


@pytest.fixture
def file(net, tmp_path):
    file = CheckpointFile(tmp_path, BEGUN)
    file.write(TrainingProgress(7, 1.5), {"model": net})
    return file


@pytest.mark.parametrize(
    "changes", [{}, {"steps": 9, "save_every_s": 1.0, "validation": {"frames": 5}}]
)
def test_a_run_is_read_as_it_was_written(changes, file, net):
    other = nn.Linear(2, 1)
    again = replace(file, settings=BEGUN | changes)
    assert again.read({"model": other}) == TrainingProgress(7, 1.5)
    assert torch.equal(other.weight, net.weight)


@pytest.mark.parametrize(
    ("every_s", "saved_s", "elapsed_s", "due"),
    [
        (120, 0, 59, False),
        (120, 0, 60, True),
        (120, 540, 600, True),
        (120, 600, 661, False),
        (120, 600, 720, True),
        (10, 0, 10, True),
    ],
)
def test_the_first_ten_minutes_are_written_every_minute(every_s, saved_s, elapsed_s, due, tmp_path):
    assert CheckpointFile(tmp_path, every_s=every_s).is_due(saved_s, elapsed_s) == due


def test_other_settings_are_refused_by_name(file, net):
    before = net.weight.clone()
    data = {"coco": 0.5, "davis": {"weight": 1.0}, "voc": 0.1}
    with pytest.raises(UsageError) as refused:
        replace(file, settings={"seed": 4, "steps": 1, "data": data}).read({"model": net})
    says = str(refused.value)
    assert f"{file.path} is of a run with other settings: " in says
    assert "seed = 3, now 4; data.coco = 0.25, now 0.5; " in says
    assert "data.davis.set = 'train', now none; data.voc = none, now 0.1. " in says
    assert "another run folder as `out`, or delete that file" in says
    assert torch.equal(net.weight, before)


def test_a_damaged_file_says_what_to_do(file, net):
    whole = file.path.read_bytes()
    for content in (b"", b"x", whole[: len(whole) // 2], whole[:-40]):
        file.path.write_bytes(content)
        with pytest.raises(OutputError, match=r"last\.pt cannot be gone on with.*delete it"):
            file.read({"model": net})


@pytest.mark.parametrize("state", [[], {}, {"progress": {"step": 1}}, {"settings": 3}])
def test_a_file_of_something_else_is_a_damaged_one(state, tmp_path, net):
    torch.save(state, tmp_path / "last.pt")
    with pytest.raises(OutputError, match="cannot be gone on with"):
        CheckpointFile(tmp_path, BEGUN).read({"model": net})


def test_another_network_is_refused(file):
    with pytest.raises(OutputError, match="another network"):
        file.read({"model": nn.Linear(3, 1)})
