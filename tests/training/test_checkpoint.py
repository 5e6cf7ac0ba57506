from dataclasses import asdict, replace

import pytest
import torch
from torch import nn

from propago.errors import OutputError, UsageError
from propago.training.checkpoint import Progress, read_checkpoint, write_checkpoint
from propago.training.recipe import Data, Recipe, Validation

BEGUN = Recipe(name="x", seed=3, data=Data(coco=0.25))


@pytest.fixture
def net():
    return nn.Linear(2, 1)


@pytest.fixture
def path(net, tmp_path):
    path = tmp_path / "last.pt"
    write_checkpoint(path, BEGUN, Progress(7, 1.5), {"model": net})
    return path


@pytest.mark.parametrize(
    "changes", [{}, {"steps": 9, "save_every_s": 1.0, "validation": Validation(frames=5)}]
)
def test_a_run_is_read_as_it_was_written(changes, path, net):
    other = nn.Linear(2, 1)
    assert read_checkpoint(path, replace(BEGUN, **changes), {"model": other}) == Progress(7, 1.5)
    assert torch.equal(other.weight, net.weight)


def test_other_settings_are_refused_by_name(path, net):
    before = net.weight.clone()
    changed = replace(BEGUN, seed=4, steps=1, data=replace(BEGUN.data, coco=0.5))
    with pytest.raises(UsageError) as refused:
        read_checkpoint(path, changed, {"model": net})
    says = str(refused.value)
    assert f"{path} is of a run with other settings: " in says
    assert "seed = 3, now 4; data.coco = 0.25, now 0.5. " in says
    assert "another run folder with --out, or delete that file" in says
    assert torch.equal(net.weight, before)


def test_a_file_from_before_settings_were_kept_is_accepted(path, net):
    state = torch.load(path)
    assert state.pop("recipe") == asdict(BEGUN)
    torch.save(state, path)
    assert read_checkpoint(path, replace(BEGUN, seed=4), {"model": net}).step == 7


def test_a_damaged_file_says_what_to_do(path, net):
    whole = path.read_bytes()
    for content in (b"", b"x", whole[: len(whole) // 2], whole[:-40]):
        path.write_bytes(content)
        with pytest.raises(OutputError, match=r"last\.pt cannot be gone on with.*delete it"):
            read_checkpoint(path, BEGUN, {"model": net})


@pytest.mark.parametrize("state", [[], {}, {"progress": {"step": 1}}, {"recipe": 3}])
def test_a_file_of_something_else_is_a_damaged_one(state, tmp_path, net):
    torch.save(state, tmp_path / "last.pt")
    with pytest.raises(OutputError, match="cannot be gone on with"):
        read_checkpoint(tmp_path / "last.pt", BEGUN, {"model": net})


def test_another_network_is_refused(path):
    with pytest.raises(OutputError, match="another network"):
        read_checkpoint(path, BEGUN, {"model": nn.Linear(3, 1)})
