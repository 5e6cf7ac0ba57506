"""MaskRNN: layers of the paper, boxes by hand, what is carried where, feedback through time."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from methods.contract import PropagatorContract, assert_trains
from propago.components import load_method
from propago.data.clips import Clip
from propago.errors import UsageError, WeightsError
from propago.jobs.train import initial_task
from propago.methods.maskrnn.examples import collate
from propago.methods.maskrnn.net import (
    MOST_FLOW_PX,
    PRESETS,
    Estimate,
    MaskRnnConfig,
    MaskRnnNet,
    motion_planes,
)
from propago.methods.maskrnn.objective import MaskRnnObjective, box_loss
from propago.methods.maskrnn.region import (
    MARGIN,
    OFFSET_WEIGHTS,
    asked_about,
    grown,
    inside,
    mask_boxes,
    refined,
    whole_picture,
)
from propago.methods.maskrnn.run import MaskRnn, MaskRnnSettings
from propago.methods.maskrnn.train import MaskRnnTraining
from propago.nn.weights import load_weights
from propago.ops.boxes import encoded
from propago.pipeline import segment_frames
from propago.training.recipe import Recipe
from propago.types import VOID, Annotation, SoftMasks
from tiny_clip import as_frames, tiny_clip

SMALL = MaskRnnConfig(width=4, mix=8, bins=3, hidden=8)


def clips(frames, size=(64, 64), count=1):
    """Clips of `frames` frames as the network learns from them."""
    made = [tiny_clip(frames + 1, size, seed=seed) for seed in range(count)]
    return collate([Clip(np.stack(images), np.stack(labels)) for images, labels in made])


def made(config=SMALL):
    torch.manual_seed(0)
    return MaskRnnNet(config).eval()


@pytest.fixture(scope="module")
def net():
    return made()


class TestContract(PropagatorContract):
    def make(self):
        return MaskRnn(made(), MaskRnnSettings(size=64))

    def training_loss(self):
        objective = MaskRnnObjective(made())
        return objective.net, objective(clips(3), seed=0)[0]


@pytest.mark.parametrize("preset", PRESETS)
def test_a_step_trains_every_parameter_of_both_streams(preset):
    torch.manual_seed(0)
    narrow = replace(PRESETS[preset].config, hidden=8)
    objective = MaskRnnObjective(MaskRnnNet(narrow)).train()
    assert_trains(objective.net, objective(clips(2), seed=0)[0])


def test_the_papers_preset_has_the_layers_of_the_paper():
    with torch.device("meta"):
        net = MaskRnnNet(PRESETS["paper"].config)
        features = net.appearance(torch.rand(1, 3, 480, 864), torch.rand(2, 1, 480, 864))
        logits, sides = net.seen(features)
    assert tuple(logits.shape) == (2, 240, 432)
    assert [tuple(x.shape) for x in sides] == [(2, 480 // s, 864 // s) for s in (2, 4, 8, 16)]
    shapes = {name: tuple(p.shape) for name, p in net.named_parameters()}
    assert shapes["appearance.beside.weight"] == (64, 1, 3, 3)
    assert shapes["motion.features.0.weight"] == (64, 3, 3, 3)
    for stream in ("seen", "moved"):
        sides = [shapes[f"{stream}.sides.{n}.weight"] for n in range(4)]
        assert sides == [(16, channels, 3, 3) for channels in (128, 256, 512, 512)]
        assert shapes[f"{stream}.fused.weight"] == (1, 64, 1, 1)
    assert shapes["localisation.layers.0.weight"] == (4096, 512 * 7 * 7)
    assert shapes["localisation.layers.2.weight"] == (4096, 4096)
    assert shapes["localisation.offsets.weight"] == (4, 4096)


def test_results_have_the_pictures_size_and_objects_do_not_see_each_other(net):
    torch.manual_seed(1)
    image, masks, planes = torch.rand(1, 3, 50, 70), torch.rand(3, 50, 70), torch.rand(1, 2, 50, 70)
    boxes = torch.tensor([[0.0, 0, 70, 50], [10, 5, 30, 45], [40, 40, 44, 44]])
    with torch.no_grad():
        together = net(image, masks, planes, boxes)
        alone = net(image, masks[1:2], planes, boxes[1:2])
    assert together.logits.shape == (3, 50, 70)
    assert together.offsets.shape == (3, 4)
    assert [tuple(side.shape) for side in together.sides[:4]] == [
        (3, 64 // stride, 96 // stride) for stride in SMALL.strides
    ]
    assert len(together.sides) == 8
    assert torch.allclose(together.logits[1:2], alone.logits, atol=1e-4)
    assert torch.allclose(together.offsets[1:2], alone.offsets, atol=1e-5)


def test_motion_is_how_fast_not_whither():
    back, ahead = torch.zeros(2, 1, 2, 1, 2)
    back[0, :, 0, 0] = torch.tensor([3.0, -4.0])
    ahead[0, 0, 0, 1] = -2 * MOST_FLOW_PX
    planes = motion_planes(back, ahead)
    assert planes[0, :, 0].tolist() == [[5 / MOST_FLOW_PX, 0.0], [0.0, 1.0]]
    assert torch.equal(motion_planes(-back, -ahead), planes)


def test_boxes_of_masks_by_hand():
    masks = torch.zeros(3, 5, 7)
    masks[0, 1:3, 2:6] = 0.9
    masks[1, 4, 6] = 1
    masks[2] = 0.5
    boxes, there = mask_boxes(masks)
    assert boxes.tolist() == [[2, 1, 6, 3], [6, 4, 7, 5], [0, 0, 0, 0]]
    assert there.tolist() == [True, True, False]
    assert torch.equal(
        inside(boxes, (5, 7)), torch.stack([masks[0] > 0, masks[1] > 0, masks[2] > 1])
    )
    assert grown(boxes[:1], 0.25, (5, 7)).tolist() == [[1.0, 0.5, 7.0, 3.5]]
    assert whole_picture(2, (5, 7)).tolist() == [[0, 0, 7, 5]] * 2
    nothing, nowhere = mask_boxes(masks[:0])
    assert nothing.shape == (0, 4)
    assert nowhere.shape == (0,)


def test_what_is_lost_is_asked_about_where_it_is_looked_for():
    carried = torch.zeros(2, 20, 20)
    carried[0, 5:15, 5:15] = 1
    boxes, there = asked_about(carried, whole_picture(2, (20, 20)))
    assert there.tolist() == [True, False]
    assert torch.allclose(boxes, torch.tensor([[3.5, 3.5, 16.5, 16.5], [0, 0, 20, 20]]))
    moved = torch.tensor([[6.0, 6, 12, 12], [0, 0, 5, 5]])
    kept = refined(encoded(moved, boxes, OFFSET_WEIGHTS), boxes, there, (20, 20))
    room = 6 * MARGIN
    wanted = [[6 - room, 6 - room, 12 + room, 12 + room], [0, 0, 20, 20]]
    assert torch.allclose(kept, torch.tensor(wanted), atol=1e-4)


def test_the_box_is_learnt_where_the_object_is_and_was():
    truth = torch.zeros(3, 20, 20, dtype=torch.uint8)
    truth[:2, 4:8, 4:12] = 1
    boxes = torch.tensor([[2.0, 2, 14, 10]]).repeat(3, 1)
    wanted = encoded(torch.tensor([[4.0, 4, 12, 8]]), boxes[:1], OFFSET_WEIGHTS)
    right, there = wanted.repeat(3, 1), torch.tensor([True, False, True])
    assert box_loss(right, boxes, there, truth) == 0
    assert box_loss(right + torch.tensor([2.0, 0, 0, 0]), boxes, there, truth) == 1.5
    assert box_loss(right, boxes, torch.zeros(3, dtype=torch.bool), truth) == 0


class Bright(MaskRnnNet):
    """Says of every object that it is what is bright; leaves boxes as they are."""

    def __init__(self):
        torch.nn.Module.__init__(self)
        self.asked = []

    def forward(self, images, carried, motion, boxes):
        self.asked.append((carried.clone(), motion.clone(), boxes.clone()))
        logits = torch.where(images[:, 0] > 0.5, 8.0, -8.0).expand(len(carried), -1, -1)
        return Estimate(logits, [], torch.zeros(len(carried), 4))


def bright_clip(places, size=(64, 96), side=12):
    """Pictures of a bright square at each of `places` (y, x), none where None; the first mask."""
    images = np.full((len(places), *size, 3), 40, np.uint8)
    for image, place in zip(images, places, strict=True):
        if place:
            y, x = place
            image[y : y + side, x : x + side] = 255
    return list(images), (images[0, ..., 0] > 99).astype(np.uint8)


def followed(places, **options):
    images, first = bright_clip(places)
    method = MaskRnn(Bright(), MaskRnnSettings(size=64))
    results = list(segment_frames(as_frames(images), {0: Annotation(first)}, method, **options))
    return images, results, method.net.asked


def test_what_lies_outside_the_box_is_not_the_object():
    images, first = bright_clip([(20, 20)] * 3)
    for image in images[1:]:
        image[50:60, 70:90] = 255
    method = MaskRnn(Bright(), MaskRnnSettings(size=64))
    *_, last = segment_frames(as_frames(images), {0: Annotation(first)}, method)
    assert np.array_equal(last.labels, first)


def test_an_object_that_was_lost_is_found_again_anywhere():
    images, results, _ = followed([(20, 10), None, None, None, None, None, (40, 75), (40, 75)])
    assert not any(r.labels.any() for r in results[1:6])
    searched = [r.checkpoint.state.boxes[0] for r in results]
    areas = [float((box[2:] - box[:2]).prod()) for box in searched]
    assert areas[0] == 144
    assert areas[:5] == sorted(areas[:5])
    assert areas[5] == 64 * 96
    assert np.array_equal(results[-1].labels, images[-1][..., 0] > 99)
    assert searched[-1].tolist() == [75, 40, 87, 52]


def test_a_mask_is_carried_by_flow_and_the_last_frame_has_none_ahead():
    generator = np.random.default_rng(0)
    ground = generator.integers(0, 100, (16, 24, 3), dtype=np.uint8).repeat(8, 0).repeat(8, 1)
    images = [ground[:96, 4 * t : 4 * t + 128].copy() for t in range(3)]
    first = np.zeros((96, 128), np.uint8)
    first[40:60, 50:80] = 1
    method = MaskRnn(Bright(), MaskRnnSettings(size=96))
    list(segment_frames(as_frames(images), {0: Annotation(first)}, method))
    carried, motion, _ = method.net.asked[0]
    moved = np.roll(first, -4, 1)
    both = ((carried[0] > 0.5).numpy() & (moved > 0)).sum()
    assert both / ((carried[0] > 0.5).numpy() | (moved > 0)).sum() > 0.8
    assert motion[0].median(-1).values.median(-1).values.tolist() == pytest.approx(
        [4 / MOST_FLOW_PX] * 2, abs=0.05
    )
    assert not method.net.asked[1][1][0, 1].any()


def test_no_object_where_all_are_below_a_half():
    masks = SoftMasks((3, 5), torch.tensor([[[0.4, 0.6, 0.7]], [[0.3, 0.2, 0.8]]]))
    method = MaskRnn(Bright())
    assert method.aggregate(masks).labels().tolist() == [[0, 3, 5]]


def test_gradients_of_the_last_frame_reach_the_one_before_the_one_before(net, monkeypatch):
    objective, said = MaskRnnObjective(net, damaged=0.0), []

    def forward(*arguments):
        found = MaskRnnNet.forward(net, *arguments)
        found.logits.retain_grad()
        said.append(found.logits)
        return found

    monkeypatch.setattr(net, "forward", forward)
    monkeypatch.setattr("propago.methods.maskrnn.objective.SIDES", 0.0)
    batch = clips(4)
    batch.masks[:, 1:3] = VOID
    objective(batch, seed=0)[0].backward()
    assert len(said) == 3
    assert all(bool(logits.grad.abs().max() > 0) for logits in said)


def test_it_can_learn_one_clip():
    objective = MaskRnnObjective(made(), damaged=0.0)
    optimiser = torch.optim.AdamW(objective.parameters(), 4e-3)
    losses, batch = [], clips(2)
    for step in range(20):
        loss, _ = objective(batch, seed=step)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.6 * losses[0]


def test_of_a_clip_the_first_frame_is_left_out_and_one_object_followed():
    labels = np.zeros((3, 32, 32), np.uint8)
    labels[0, :10, :10] = 1
    labels[1:, 10:20, 10:20] = 2
    labels[2, 0, 0] = VOID
    batch = collate([Clip(np.zeros((3, 32, 32, 3), np.uint8), labels)])
    assert batch.images.shape == (1, 2, 3, 32, 32)
    assert batch.back.shape == batch.ahead.shape == (1, 1, 2, 32, 32)
    assert (batch.masks == 1).sum((-1, -2)).tolist() == [[100, 100]]
    assert batch.masks[0, 1, 0, 0] == VOID


def test_flow_leads_back_and_ahead():
    batch = clips(3)
    assert batch.back.shape == batch.ahead.shape == (1, 2, 2, 64, 64)
    assert not batch.ahead[:, -1].any()
    assert batch.ahead[:, 0].any()
    inside_object = batch.masks[0, 1] == 1
    x, y = batch.back[0, 0][:, inside_object].median(1).values.tolist()
    assert (x, y) == pytest.approx((-1, -2), abs=1)


def test_both_streams_begin_from_the_encoder_of_another_network(tmp_path):
    recipe = Recipe("mine", method="maskrnn", init="feelvos-synthetic", task=MaskRnnTraining())
    task = initial_task(recipe, tmp_path)
    stem = load_weights("feelvos-synthetic").tensors["backbone.trunk.stem.weight"]
    for name in ("appearance.trunk.stem.weight", "motion.stem.weight"):
        assert torch.equal(task.net.get_parameter(name), stem)
    assert len(task.groups[1]["params"]) == 2 * len(list(task.net.motion.parameters()))
    assert task.encoder.title == "EfficientNet-Lite0"


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"preset": "huge"}, UsageError, "paper"),
        ({"preset": "paper"}, WeightsError, "maskrnn/paper: no weights in the package"),
        ({"weights": "nothing"}, WeightsError, "nothing"),
    ],
)
def test_what_cannot_be_loaded_says_what_can(options, error, says):
    with pytest.raises(error, match=says):
        load_method("maskrnn", **options)


def test_settings_that_cannot_work():
    with pytest.raises(UsageError, match="`size` 10"):
        MaskRnnSettings(size=10)
    with pytest.raises(UsageError, match="jaccard = -1"):
        MaskRnnTraining(jaccard=-1)
