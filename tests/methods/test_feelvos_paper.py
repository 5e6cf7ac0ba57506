"""The paper's FEELVOS: distances against brute force, layers, training, a video."""

import numpy as np
import pytest
import torch

from methods.contract import PropagatorContract, assert_trains
from propago.components import load_method
from propago.data.sources import ingredients
from propago.data.task import ClipSettings
from propago.errors import UsageError, WeightsError
from propago.methods.feelvos.net import PRESETS
from propago.methods.feelvos.original import OriginalConfig, OriginalNet, Reference
from propago.methods.feelvos.original_objective import (
    MOST_REFERENCE,
    FrameBatch,
    OriginalObjective,
    _thinned,
)
from propago.methods.feelvos.original_run import OriginalFeelvos, OriginalSettings, owning_ids
from propago.methods.feelvos.train import task
from propago.nn.deeplab import DilatedResNet
from propago.nn.resnet import ResNet
from propago.pipeline import segment_frames
from propago.types import VOID, Annotation
from tiny_clip import as_frames, tiny_clip

SMALL = OriginalConfig(depth=50, features=32, embedding=8, window=3, head=32)


def made():
    torch.manual_seed(0)
    return OriginalNet(SMALL).eval()


def batch(size=(48, 64)):
    images, labels = tiny_clip(3, size, (1, 2))
    images = np.stack(images).transpose(0, 3, 1, 2)[None]
    return FrameBatch(torch.from_numpy(images.copy()), torch.from_numpy(np.stack(labels))[None])


class TestContract(PropagatorContract):
    def make(self):
        return OriginalFeelvos(made(), OriginalSettings(64))

    def training_loss(self):
        objective = OriginalObjective(made())
        return objective.net, objective(batch(), seed=0)[0]


def distance(query, memory):
    """Equation 1, of (E, Q) and (E, M)."""
    squared = (query[:, :, None] - memory[:, None, :]).square().sum(0)
    return 1 - 2 / (1 + squared.exp())


def test_distances_are_those_of_brute_force():
    torch.manual_seed(1)
    net, (height, width) = made(), (11, 13)
    query, first, second, before = (0.5 * torch.randn(8, height, width) for _ in range(4))
    owners = [torch.randint(-1, 3, (height, width)) for _ in range(3)]
    ids = (0, 2, 1, 7)
    references = [Reference(first, owners[0]), Reference(second, owners[1])]
    found = net.distances(query, references, Reference(before, owners[2]), ids)
    assert found.shape == (4, 2, height, width)
    rows, columns = (grid.flatten() for grid in torch.meshgrid(
        torch.arange(height), torch.arange(width), indexing="ij"))  # fmt: skip
    near = torch.maximum(
        (rows[:, None] - rows).abs(), (columns[:, None] - columns).abs()
    ) <= SMALL.window  # fmt: skip
    memory = torch.cat([first.flatten(1), second.flatten(1)], 1)
    owner = torch.cat([owners[0].flatten(), owners[1].flatten()])
    everywhere = distance(query.flatten(1), memory)
    nearby = distance(query.flatten(1), before.flatten(1)).masked_fill(~near, 1)
    for n, i in enumerate(ids[:3]):
        wanted = everywhere[:, owner == i].amin(1), nearby[:, owners[2].flatten() == i].amin(1)
        for kind in range(2):
            torch.testing.assert_close(found[n, kind].flatten(), wanted[kind], atol=1e-4, rtol=1e-3)
    assert bool((found[3] == 1).all())


def test_the_papers_preset_has_the_layers_of_the_table():
    config = PRESETS["paper"].config
    with torch.device("meta"):
        net = OriginalNet(config)
        features, embedding = net.encode(torch.rand(1, 3, 480, 864))
        logits = net.logits(features[0], torch.rand(3, 2, 120, 216), torch.rand(3, 120, 216))
    assert features.shape == (1, 256, 120, 216)
    assert embedding.shape == (1, 100, 120, 216)
    assert logits.shape == (3, 120, 216)
    shapes = {name: tuple(p.shape) for name, p in net.named_parameters()}
    assert shapes["head.0.0.weight"] == (259, 1, 7, 7)
    assert [shapes[f"head.{n}.3.weight"][0] for n in range(4)] == [256] * 4
    assert config.window == 15
    assert sum(name.startswith("head.") and name.endswith(".0.weight") for name in shapes) == 4
    names = {name for name in ResNet(50).state_dict()}
    assert names == set(DilatedResNet(50).state_dict())


def test_a_dilated_stage_says_what_the_strided_one_does_at_every_other_position():
    """Of the first block alone, which is where the stride was: the dilation reads further on."""
    torch.manual_seed(0)
    plain, dilated = ResNet(50).eval(), DilatedResNet(50).eval()
    dilated.load_state_dict(plain.state_dict())
    images = torch.rand(1, 3, 64, 96)
    with torch.no_grad():
        there, here = plain(images), dilated(images)
        assert torch.equal(there[8], here[8])
        assert here[16].shape == (1, 2048, 4, 6)
        x = torch.rand(1, 1024, 4, 6)
        shortcut = plain.layer4[0].downsample(x)
        torch.testing.assert_close(dilated.layer4[0].downsample(x)[..., ::2, ::2], shortcut)


def test_a_step_trains_every_parameter():
    torch.manual_seed(0)
    objective = OriginalObjective(OriginalNet(SMALL)).train()
    loss, said = objective(batch(), seed=0)
    assert said["loss"] == loss.item()
    assert_trains(objective.net, loss)


def test_only_hard_and_known_pixels_count():
    objective = OriginalObjective(made(), hardest=0.5)
    logits = torch.zeros(2, 2, 2)
    logits[1, :, 1] = 20.0
    labels = torch.zeros(8, 8, dtype=torch.uint8)
    labels[:, 6:] = 1
    easy = objective._compare(logits, labels, [1])
    labels[:, :4] = VOID
    assert objective._compare(logits, labels, [1]) < easy
    labels[:] = VOID
    assert objective._compare(logits, labels, [1]) == 0


def test_few_positions_of_a_reference_are_matched_in_training():
    owners = torch.zeros(60, 60, dtype=torch.int64)
    owners[:2] = 1
    reference = Reference(torch.zeros(1, 60, 60), owners)
    thin = _thinned(reference, (0, 1), torch.Generator().manual_seed(0)).owners
    assert (thin == 0).sum() == MOST_REFERENCE
    assert (thin == 1).sum() == 120


def test_positions_belong_to_ids():
    groups = torch.tensor([[[0.9, 0.2]], [[0.1, 0.8]]])
    assert owning_ids(groups, (9,)).tolist() == [[0, 9]]


def test_an_object_that_is_not_shown_in_a_correction_is_nobodys_there():
    images, labels = tiny_clip(4, (48, 64), (1, 2))
    given = {0: Annotation(labels[0]), 2: Annotation(np.where(labels[2] == 1, labels[2], 0))}
    method = OriginalFeelvos(made(), OriginalSettings(64))
    states = [r.checkpoint.state for r in segment_frames(as_frames(images), given, method)]
    assert [len(state.references) for state in states] == [1, 1, 2, 2]
    assert set(states[0].references[0].owners.unique().tolist()) == {0, 1, 2}
    assert 2 not in states[2].references[1].owners.unique().tolist()


def test_the_task_of_the_preset(tmp_path):
    with torch.device("meta"):
        sources = [(one.weight, one.opened(tmp_path)) for one in ingredients({"synthetic": 1})]
        made_task = task(ClipSettings(preset="paper", frames=3), sources)
    assert made_task.network == "feelvos/paper"
    assert made_task.encoder.title == "ResNet-101"


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [({"preset": "paper"}, WeightsError, "feelvos/paper: no weights in the package")],
)
def test_what_cannot_be_loaded_says_what_can(options, error, says):
    with pytest.raises(error, match=says):
        load_method("feelvos", **options)


def test_settings_that_cannot_work():
    with pytest.raises(UsageError, match="references = 1"):
        OriginalSettings(references=1)
