"""RGMP: layers of the paper, what reaches what, feedback through time, references, sizes."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from methods.contract import PropagatorContract, assert_trains
from propago.components import load_method
from propago.data.clips import Clip
from propago.errors import UsageError, WeightsError
from propago.jobs.train import initial_task
from propago.methods.rgmp.net import PRESETS, RgmpConfig, RgmpNet
from propago.methods.rgmp.objective import ObjectClips, RgmpObjective
from propago.methods.rgmp.run import Rgmp, RgmpSettings
from propago.methods.rgmp.train import RgmpTraining, collate
from propago.nn.weights import load_weights
from propago.ops.resize import enlarged, padded
from propago.pipeline import segment_frames
from propago.training.recipe import Recipe
from propago.types import VOID, Annotation
from tiny_clip import as_frames, tiny_clip

SMALL = RgmpConfig(widths=(16, 16, 16, 8, 8))

RESNET50 = 25_557_032 - 2049 * 1000
"""Parameters of torchvision's resnet50 without its classifier."""


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(0)
    return RgmpNet(SMALL).eval()


def clips(frames, size=(64, 64), count=1):
    made = [tiny_clip(frames, size, seed=seed) for seed in range(count)]
    images = np.stack([np.stack(images) for images, _ in made]).transpose(0, 1, 4, 2, 3)
    labels = np.stack([np.stack(labels) for _, labels in made])
    return ObjectClips(torch.from_numpy(images.copy()), torch.from_numpy(labels))


def rgmp_loss(config):
    torch.manual_seed(0)
    objective = RgmpObjective(RgmpNet(config))
    return objective.net, objective(clips(3), seed=0)[0]


class TestContract(PropagatorContract):
    def make(self):
        torch.manual_seed(0)
        return Rgmp(RgmpNet(SMALL), RgmpSettings(size=64))

    def training_loss(self):
        return rgmp_loss(SMALL)


@pytest.mark.parametrize("preset", PRESETS)
def test_a_step_trains_every_parameter_and_leaves_stored_statistics(preset):
    torch.manual_seed(0)
    objective = RgmpObjective(RgmpNet(PRESETS[preset].config)).train()
    before = {name: b.clone() for name, b in objective.net.named_buffers()}
    assert_trains(objective.net, objective(clips(3), seed=0)[0])
    assert all(torch.equal(b, before[name]) for name, b in objective.net.named_buffers())


def test_the_papers_preset_has_the_layers_of_the_table():
    with torch.device("meta"):
        net = RgmpNet(PRESETS["paper"].config)
        image, mask = torch.rand(1, 3, 480, 854), torch.rand(1, 480, 854)
        levels = net.levels(net.reference(image, mask), image, mask)
    shapes = {name: tuple(p.shape) for name, p in net.named_parameters()}
    assert shapes["encoder.beside.weight"] == (64, 1, 7, 7)
    assert shapes["decoder.globally.tall_wide.0.weight"] == (256, 4096, 7, 1)
    assert shapes["decoder.globally.wide_tall.1.weight"] == (256, 256, 7, 1)
    laterals = [shapes[f"decoder.refine.{n}.lateral.0.weight"] for n in range(3)]
    assert laterals == [(256, width, 3, 3) for width in (1024, 512, 256)]
    trunk = sum(p.numel() for p in net.pretrained.parameters())
    assert trunk == RESNET50
    sizes = [(480 // s, 864 // s) for s in (32, 16, 8, 4)]
    assert [tuple(level.shape) for level in levels] == [(1, *size) for size in sizes]


def test_results_have_the_pictures_size():
    for height in range(1, 65):
        whole = padded(torch.rand(1, 1, height, 65 - height), 32)
        half = torch.rand(2, whole.shape[-2] // 2, whole.shape[-1] // 2)
        assert enlarged(half, (height, 65 - height), 32).shape == (2, height, 65 - height)
    with torch.device("meta"):
        net = RgmpNet(SMALL)
        for size in ((1, 64), (33, 70)):
            image, mask = torch.rand(1, 3, *size), torch.rand(2, *size)
            assert tuple(net(net.reference(image, mask), image, mask).shape) == (2, *size)


def test_positions_lie_where_they_were_seen():
    """A ramp in pixels, said at stride 2 of the padded picture, comes back as that ramp."""
    columns = (2 * torch.arange(48.0) + 0.5).expand(1, 32, 48)
    ramp = enlarged(columns, (50, 70), 32)
    assert ramp.shape == (1, 50, 70)
    assert torch.allclose(ramp[0, :, 1:], torch.arange(1.0, 70).expand(50, 69), atol=1e-4)


def test_reference_and_present_are_not_the_same_to_it(net):
    torch.manual_seed(1)
    images, masks = torch.rand(2, 1, 3, 64, 64), torch.rand(2, 1, 64, 64)
    with torch.no_grad():
        forth = net(net.reference(images[0], masks[0]), images[1], masks[1])
        back = net(net.reference(images[1], masks[1]), images[0], masks[0])
        assert net.reference(images[0], masks[0]).shape == (1, 192, 2, 2)
    assert not torch.allclose(forth, back, atol=1e-3)


def test_objects_do_not_see_each_other(net):
    torch.manual_seed(1)
    image, masks = torch.rand(1, 3, 64, 64), torch.rand(3, 64, 64)
    with torch.no_grad():
        references = net.reference(image, masks)
        together = net(references, image, masks)
        alone = net(references[1:2], image, masks[1:2])
    assert torch.allclose(together[1:2], alone, atol=1e-3)


def test_gradients_of_the_last_frame_reach_the_one_before_the_one_before(net, monkeypatch):
    objective, said = RgmpObjective(net, damaged=0.0), []

    def levels(*arguments):
        found = RgmpNet.levels(net, *arguments)
        found[-1].retain_grad()
        said.append(found[-1])
        return found

    monkeypatch.setattr(net, "levels", levels)
    batch = clips(4)
    batch.masks[:, 1:3] = VOID
    objective(batch, seed=0)[0].backward()
    assert len(said) == 3
    assert all(bool(logits.grad.abs().max() > 0) for logits in said)


def test_what_is_unknown_counts_for_nothing(net):
    objective, batch = RgmpObjective(net, damaged=0.0), clips(2)
    other = batch._replace(masks=batch.masks.clone())
    batch.masks[:, 1, 20:30] = VOID
    with torch.no_grad():
        known = objective(batch, 0)[0]
        other.masks[:, 1] = torch.where(batch.masks[:, 1] == VOID, VOID, other.masks[:, 1])
        assert objective(other, 0)[0] == known
        other.masks[:, 1, :10] = 1
        assert objective(other, 0)[0] != known


def test_only_what_is_fed_back_is_damaged(net):
    batch = clips(2, count=2)
    with torch.no_grad():
        whole, damaged = (RgmpObjective(net, share)(batch, 3)[0] for share in (0.0, 1.0))
        again = RgmpObjective(net, 1.0)(batch, 3)[0]
    assert whole != damaged
    assert damaged == again


def test_it_can_learn_one_pair():
    torch.manual_seed(0)
    objective = RgmpObjective(RgmpNet(SMALL), damaged=0.0)
    optimiser = torch.optim.AdamW(objective.parameters(), 4e-3)
    losses = []
    for step in range(16):
        loss, _ = objective(clips(2), seed=step)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]


def test_each_object_has_the_frame_it_was_last_annotated_in_as_reference():
    images, labels = tiny_clip(5, ids=(2, 5))
    first = np.where(labels[0] == 2, labels[0], 0).astype(np.uint8)
    late = np.where(labels[2] == 5, labels[2], 0).astype(np.uint8)
    given = {0: Annotation(first), 2: Annotation(late), 4: Annotation(first)}
    torch.manual_seed(0)
    method = Rgmp(RgmpNet(SMALL), RgmpSettings(size=64))
    states = [r.checkpoint.state for r in segment_frames(as_frames(images), given, method)]
    assert [tuple(state.references) for state in states] == [(2,), (2,), (2, 5), (2, 5), (2, 5)]
    before, after = (states[t].references for t in (3, 4))
    assert not torch.equal(before[2][0], after[2][0])
    assert torch.equal(before[5][0], after[5][0])


def test_several_scales_are_averaged():
    images, labels = tiny_clip(2, (96, 128))
    torch.manual_seed(0)
    net = RgmpNet(SMALL)
    said = []
    for scales in ((1.0,), (0.5,), (0.5, 1.0)):
        method = Rgmp(net, RgmpSettings(size=96, scales=scales))
        *_, last = segment_frames(as_frames(images), {0: Annotation(labels[0])}, method)
        said.append(last.masks.probabilities)
        assert len(last.checkpoint.state.references[1]) == len(scales)
    assert torch.allclose((said[0] + said[1]) / 2, said[2], atol=1e-5)


def test_of_a_clip_one_object_is_followed_and_what_nobody_knows_stays_unknown():
    labels = np.array([[[0, 1], [2, VOID]]], np.uint8)
    batch = collate([Clip(np.zeros((1, 2, 2, 3), np.uint8), labels)])
    assert batch.masks.tolist() == [[[[0, 1], [0, VOID]]]]
    assert batch.images.shape == (1, 1, 3, 2, 2)


def test_it_begins_from_the_encoder_of_another_network(tmp_path):
    recipe = Recipe("mine", method="rgmp", init="feelvos-synthetic", task=RgmpTraining())
    task = initial_task(recipe, tmp_path)
    stem = load_weights("feelvos-synthetic").tensors["backbone.trunk.stem.weight"]
    assert torch.equal(task.net.get_parameter("encoder.trunk.stem.weight"), stem)
    with pytest.raises(WeightsError, match="has no encoder of the kind"):
        initial_task(replace(recipe, init="spn-compact", task=RgmpTraining("paper")), tmp_path)


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"preset": "huge"}, UsageError, "paper"),
        ({"preset": "paper"}, WeightsError, "rgmp/paper: no weights in the package"),
        ({"weights": "nothing"}, WeightsError, "nothing"),
    ],
)
def test_what_cannot_be_loaded_says_what_can(options, error, says):
    with pytest.raises(error, match=says):
        load_method("rgmp", **options)


@pytest.mark.parametrize("wrong", [{"size": 10}, {"scales": ()}, {"scales": (0.5, 2.0)}])
def test_settings_that_cannot_work(wrong):
    with pytest.raises(UsageError, match=next(iter(wrong))):
        RgmpSettings(**wrong)
