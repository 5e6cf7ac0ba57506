"""RGSN: crops and Gaussians by hand, a scorer that learns one object, references, sizes."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from methods.contract import PropagatorContract, assert_trains
from propago.components import load_method
from propago.data.clips import Clip
from propago.detections import Detections
from propago.errors import UsageError, WeightsError
from propago.jobs.train import initial_task
from propago.methods.rgmp.net import RgmpConfig, RgmpNet
from propago.methods.rgsn.candidates import candidates_of, examples, grid_boxes
from propago.methods.rgsn.crops import (
    ABSENT,
    LEAST_SIGMA_PX,
    crop_around,
    cropped,
    heat_map,
    mask_box,
    put_back,
)
from propago.methods.rgsn.examples import FRAMES, CropExamples, beside, collate
from propago.methods.rgsn.net import PRESETS, RgsnConfig, RgsnNet, of_two_encodings
from propago.methods.rgsn.objective import CropBatch, RgsnObjective
from propago.methods.rgsn.otn import (
    OtnSettings,
    initial_scorer,
    locate,
    locate_anywhere,
    scores,
    trained_scorer,
)
from propago.methods.rgsn.run import Rgsn, RgsnSettings
from propago.methods.rgsn.train import RgsnTraining
from propago.nn.weights import load_weights
from propago.ops.boxes import pairwise_ious
from propago.ops.keeping import first_and_latest
from propago.pipeline import segment_frames
from propago.training.recipe import Recipe
from propago.types import VOID, Annotation, SoftMasks
from tiny_clip import as_frames, tiny_clip

SMALL = RgsnConfig(widths=(16, 16, 16, 8, 8), side=64)
QUICK = OtnSettings(
    hidden=16, candidates=16, first_positives=16, first_negatives=32, first_steps=5, every_frames=2
)


def chance(seed=0):
    return torch.Generator().manual_seed(seed)


def made(config=SMALL):
    torch.manual_seed(0)
    return RgsnNet(config).eval()


class OneClip:
    """A dataset of one clip."""

    def sample(self, rng):
        images, labels = tiny_clip(FRAMES, (96, 128))
        return Clip(np.stack(images), np.stack(labels))


def batch(side=64, count=1):
    drawn = CropExamples(OneClip(), side)
    return collate([drawn.sample(np.random.default_rng(n)) for n in range(count)])


class TestContract(PropagatorContract):
    def make(self):
        return Rgsn(made(), RgsnSettings(64, QUICK))

    def training_loss(self):
        objective = RgsnObjective(made())
        return objective.net, objective(batch(), seed=0)[0]


@pytest.mark.parametrize("preset", PRESETS)
def test_a_step_trains_every_parameter_and_leaves_stored_statistics(preset):
    torch.manual_seed(0)
    objective = RgsnObjective(RgsnNet(PRESETS[preset].config)).train()
    before = {name: b.clone() for name, b in objective.net.named_buffers()}
    assert_trains(objective.net, objective(batch(), seed=0)[0])
    assert all(torch.equal(b, before[name]) for name, b in objective.net.named_buffers())


def test_the_papers_preset_has_the_layers_of_the_table():
    config = PRESETS["paper"].config
    with torch.device("meta"):
        net = RgsnNet(config)
        image, mask = torch.rand(1, 3, config.side, config.side), torch.rand(1, 256, 256)
        levels = net.levels(
            net.reference(image, mask)[:, None].expand(-1, 3, -1, -1, -1), image, mask
        )
    shapes = {name: tuple(p.shape) for name, p in net.named_parameters()}
    assert shapes["encoder.beside.weight"] == (64, 1, 7, 7)
    assert shapes["decoder.globally.tall_wide.0.weight"] == (256, 8192, 7, 1)
    laterals = [shapes[f"decoder.refine.{n}.lateral.0.weight"] for n in range(3)]
    assert laterals == [(256, width, 3, 3) for width in (1024, 512, 256)]
    assert [tuple(level.shape) for level in levels] == [(1, s, s) for s in (8, 16, 32, 64)]


def test_a_gaussian_lies_where_most_of_the_object_is():
    mask = torch.zeros(80, 100)
    rows, columns = torch.meshgrid(torch.arange(80.0), torch.arange(100.0), indexing="ij")
    mask[((rows - 30) / 12) ** 2 + ((columns - 60) / 24) ** 2 <= 1] = 1
    mask[78:, :3] = 1
    heat = heat_map(mask)
    assert divmod(int(heat.argmax()), 100) == (30, 60)
    assert heat.max() == 1
    across, down = -2 * heat[30, 70].log(), -2 * heat[40, 60].log()
    sigmas = 10 / across.sqrt(), 10 / down.sqrt()
    assert sigmas[0] / sigmas[1] == pytest.approx(2, rel=0.15)
    moved = heat_map(mask, (1.0, 0.0), 2.0)
    assert divmod(int(moved.argmax()), 100) == (30, pytest.approx(60 + float(sigmas[0]), abs=1))
    assert moved.sum() > 1.5 * heat.sum()


def test_a_gaussian_of_a_point_has_a_width_and_one_of_nothing_is_nothing():
    mask = torch.zeros(40, 40)
    assert not heat_map(mask).any()
    mask[20, 10] = 1
    assert heat_map(mask)[20, 15] == pytest.approx(np.exp(-0.5 * (5 / LEAST_SIGMA_PX) ** 2))


def test_crops_by_hand():
    assert crop_around(torch.tensor([40.0, 20, 60, 40]), (100, 100)) == (25, 5, 75, 55)
    assert crop_around(torch.tensor([0.0, 90, 10, 100]), (100, 100), 1.5) == (0, 87, 13, 100)
    assert crop_around(torch.tensor([10.0, 10, 95, 95]), (100, 100)) == (0, 0, 100, 100)
    assert crop_around(torch.tensor([100.0, 100, 100, 100]), (100, 100)) == (99, 99, 100, 100)
    mask = torch.zeros(9, 9)
    assert mask_box(mask) is None
    mask[2:4, 5:9] = 1
    assert mask_box(mask).tolist() == [5, 2, 9, 4]


def test_a_crop_put_back_is_where_it_was():
    image = torch.full((1, 90, 120), ABSENT)
    image[0, 30:60, 40:85] = 10
    rect = crop_around(torch.tensor([40.0, 30, 85, 60]), (90, 120))
    for side in (64, 224):
        back = put_back(cropped(image, rect, side)[0], rect, (90, 120))
        assert mask_box((back > 0).float()).tolist() == pytest.approx([40, 30, 85, 60], abs=1)
        assert bool((back[:6] == ABSENT).all())


def test_crops_of_training_are_around_the_box_and_in_the_picture():
    box, rng = torch.tensor([30.0, 20, 50, 60]), np.random.default_rng(0)
    sizes = []
    for _ in range(50):
        x0, y0, x1, y1 = beside(rng, box, (200, 300))
        assert 0 <= x0 < 30
        assert x1 > 50
        assert 0 <= y0 < y1 <= 200
        sizes.append((y1 - y0) / 40)
    assert 1.6 < min(sizes) < max(sizes) < 3.1
    assert beside(rng, None, (20, 30)) == (0, 0, 30, 20)


def test_an_example_is_one_object_in_four_crops():
    one = CropExamples(OneClip(), 64).sample(np.random.default_rng(0))
    again = CropExamples(OneClip(), 64).sample(np.random.default_rng(0))
    assert one.images.shape == (4, 3, 64, 64)
    assert one.masks.shape == (4, 64, 64)
    assert one.heat.shape == (64, 64)
    assert torch.equal(one.images, again.images)
    assert all((mask == 1).float().mean() > 0.1 for mask in one.masks)
    overlap = ((one.heat > 0.6) & (one.masks[-1] == 1)).sum() / (one.heat > 0.6).sum()
    assert overlap > 0.5


def test_a_scorer_tells_two_things_apart_and_the_one_before_stays():
    centre = torch.randn(2, 50, generator=chance())
    one, other = (c + 0.3 * torch.randn(200, 50, generator=chance(1)) for c in centre)
    head = initial_scorer(50, 16, chance(2))
    kept = {name: tensor.clone() for name, tensor in head.items()}
    learnt = trained_scorer(
        head,
        one[:100],
        other[:100],
        steps=30,
        rate=2e-3,
        settings=OtnSettings(),
        generator=chance(),
    )
    assert all(torch.equal(head[name], kept[name]) for name in head)
    assert scores(learnt, one[100:]).min() > 0 > scores(learnt, other[100:]).max()
    alone = trained_scorer(
        head, one, other[:0], steps=2, rate=2e-3, settings=OtnSettings(), generator=chance()
    )
    assert all(bool(tensor.isfinite().all()) for tensor in alone.values())


def test_the_box_is_the_mean_of_the_five_best():
    head = {"first.weight": torch.ones(1, 1), "first.bias": torch.zeros(1)}
    head |= {"second.weight": torch.ones(1, 1), "second.bias": torch.zeros(1)}
    head |= {"last.weight": torch.ones(1, 1), "last.bias": torch.tensor([-4.0])}
    boxes = torch.arange(8.0)[:, None].expand(8, 4)
    box, score = locate(head, lambda rows: rows[:, :1], boxes)
    assert box.tolist() == [5, 5, 5, 5]
    assert score == 1
    assert locate(head, lambda rows: rows[:, :1], boxes[:2])[1] < 0


def test_examples_keep_to_their_overlaps():
    box, size = torch.tensor([40.0, 30, 80, 70]), (120, 160)
    yes, no = examples(box, 50, 200, size, chance())
    assert torch.equal(yes[0], box)
    assert len(yes) > 20
    assert len(no) > 100
    assert pairwise_ious(yes, box[None]).min() >= 0.7
    assert pairwise_ious(no, box[None]).max() <= 0.3
    for boxes in (yes, no):
        assert boxes.min() >= 0
        assert bool((boxes <= torch.tensor([160, 120, 160, 120])).all())
        assert (boxes[:, 2:] - boxes[:, :2]).min() >= 3.9
    everything = torch.tensor([0.0, 0, 160, 120])
    assert len(examples(everything, 8, 8, size, chance())[0]) > 0


def test_proposals_count_near_the_last_box_and_farther_after_failure():
    last, settings = torch.tensor([10.0, 10, 30, 30]), OtnSettings(candidates=3)
    proposals = torch.tensor([[12.0, 10, 32, 30], [23.0, 10, 43, 30], [70, 70, 90, 90]])
    for failed, near in ((False, 1), (True, 2)):
        rows = candidates_of(last, proposals, failed, (100, 100), settings.candidates, chance())
        assert len(rows) == 1 + near + 3
        assert torch.equal(rows[: 1 + near], torch.cat([last[None], proposals[:near]]))


@pytest.mark.parametrize("x", [0, 45, 130, 250])
@pytest.mark.parametrize("side", [24.0, 40.0])
def test_a_lost_object_is_found_anywhere_at_about_its_size(x, side):
    there = torch.tensor([x, 30.0, x + side, 30 + 1.5 * side])
    one = {f"{name}.weight": torch.ones(1, 1) for name in ("first", "second", "last")}
    head = one | {f"{name}.bias": torch.zeros(1) for name in ("first", "second", "last")}
    before, nothing = torch.tensor([30.0, 45.0]), torch.zeros(0, 4)

    def overlap(boxes):
        return pairwise_ious(boxes, there[None])

    box, score = locate_anywhere(head, overlap, nothing, before, (120, 300), chance())
    assert pairwise_ious(box[None], there[None]) > 0.6
    assert score > 0.6


def test_boxes_everywhere_cover_the_picture_and_are_not_too_many():
    boxes = grid_boxes(torch.tensor([20.0, 10.0]), (50, 100))
    assert boxes[:, :2].min() == 0
    assert boxes[:, 2].max() == 100
    assert boxes[:, 3].max() == 50
    xs = boxes[:, [0, 2]].unique(dim=0)
    assert bool((xs[1:, 0] <= xs[:-1, 1]).all())
    assert len(grid_boxes(torch.tensor([1.0, 1.0]), (480, 854))) <= 25 * 25


def test_the_first_and_the_latest_frames_are_kept():
    kept = ()
    for n in range(6):
        kept = first_and_latest(kept, torch.tensor(n), 3)
    assert [int(row) for row in kept] == [0, 4, 5]


def run(frames, given=None, **options):
    images, labels = tiny_clip(frames)
    method = Rgsn(made(), RgsnSettings(64, QUICK), **options)
    given = {0: Annotation(labels[0]), **(given or {})}
    return [r.checkpoint.state for r in segment_frames(as_frames(images), given, method)], labels


def test_later_references_are_the_annotated_frame_until_there_are_four():
    states, _ = run(8)
    targets = [state.targets[1] for state in states]
    assert [len(target.recent) for target in targets] == [0, 1, 2, 3, 4, 4, 4, 4]
    assert torch.equal(targets[3].references(), targets[3].reference.expand(3, -1, -1, -1))
    reference, four, two = targets[5].references()
    assert torch.equal(reference, targets[0].reference)
    assert torch.equal(four, targets[5].recent[0])
    assert torch.equal(two, targets[5].recent[2])
    assert torch.equal(two, targets[4].recent[3])


def test_a_correction_begins_an_object_anew():
    _, labels = tiny_clip(5)
    states, _ = run(5, {3: Annotation(labels[3])})
    assert [state.targets[1].frames for state in states] == [0, 1, 2, 0, 1]
    assert not torch.equal(states[2].targets[1].reference, states[3].targets[1].reference)


def test_a_failure_keeps_the_box(monkeypatch):
    monkeypatch.setattr(
        "propago.methods.rgsn.run.locate", lambda head, of, boxes: (torch.rand(4) * 40, -1.0)
    )
    monkeypatch.setattr("propago.methods.rgsn.run.mask_box", once_there())
    states, _ = run(4)
    targets = [state.targets[1] for state in states]
    assert [target.lost_frames for target in targets] == [0, 1, 2, 3]
    assert all(torch.equal(target.box, targets[0].box) for target in targets)
    assert all(len(target.positives) == 1 for target in targets)
    assert not torch.equal(targets[0].head["last.weight"], targets[1].head["last.weight"])


@pytest.mark.parametrize(("score", "jumps"), [(2.5, True), (1.5, False)])
def test_a_lost_object_is_only_believed_far_away_where_that_is_certain(monkeypatch, score, jumps):
    far = torch.tensor([1.0, 2.0, 9.0, 8.0])
    monkeypatch.setattr("propago.methods.rgsn.run.locate", lambda head, of, boxes: (far * 0, -1.0))
    monkeypatch.setattr("propago.methods.rgsn.run.locate_anywhere", lambda *_: (far, score))
    monkeypatch.setattr("propago.methods.rgsn.run.mask_box", once_there())
    states, _ = run(5)
    targets = [state.targets[1] for state in states]
    assert [target.lost_frames for target in targets] == [0, 1, 2, *([0, 1] if jumps else [3, 4])]
    assert all(torch.equal(target.box, targets[0].box) for target in targets[:3])
    assert torch.equal(targets[3].box, far if jumps else targets[0].box)


def once_there():
    """`mask_box` of the first mask; afterwards there is none."""
    said = []

    def box(mask):
        said.append(mask_box(mask))
        return said[0] if len(said) == 1 else None

    return box


def test_what_a_detector_proposes_is_a_candidate():
    asked = []

    def proposer(frame):
        asked.append(frame.index)
        return Detections(np.array([[10.0, 10, 30, 30]]), np.ones(1, int), np.ones(1))

    run(3, proposer=proposer)
    assert asked == [1, 2]


def test_the_network_is_not_changed_by_a_video():
    method = Rgsn(made(), RgsnSettings(64, QUICK))
    before = {name: p.clone() for name, p in method.net.named_parameters()}
    images, labels = tiny_clip(4)
    list(segment_frames(as_frames(images), {0: Annotation(labels[0])}, method))
    assert all(torch.equal(p, before[name]) for name, p in method.net.named_parameters())


def test_the_background_has_a_constant_half():
    masks = SoftMasks((3, 5), torch.tensor([[[0.4, 0.6, 0.7]], [[0.3, 0.2, 0.8]]]))
    assert Rgsn(made()).aggregate(masks).labels().tolist() == [[0, 3, 5]]


def test_each_reference_and_the_map_count():
    net, said = made(), []
    torch.manual_seed(1)
    references, image, heat = (
        torch.rand(1, 3, 192, 2, 2),
        torch.rand(1, 3, 64, 64),
        torch.rand(1, 64, 64),
    )
    with torch.no_grad():
        said = [net(references, image, heat), net(references.flip(1), image, heat)]
        said.append(net(references, image, torch.zeros_like(heat)))
    assert said[0].shape == (1, 64, 64)
    assert not torch.allclose(said[0], said[1], atol=1e-3)
    assert not torch.allclose(said[0], said[2], atol=1e-3)


def test_begun_from_rgmp_it_says_the_same_where_all_references_are_one():
    torch.manual_seed(3)
    rgmp, net = RgmpNet(RgmpConfig(widths=SMALL.widths)).eval(), made()
    net.load_state_dict(of_two_encodings(rgmp.state_dict()))
    image, known, now = torch.rand(1, 3, 64, 64), torch.rand(1, 64, 64), torch.rand(1, 64, 64)
    with torch.no_grad():
        reference = rgmp.reference(image, known)
        wanted = rgmp(reference, image, now)
        references = net.reference(image, known)[:, None].expand(-1, 3, -1, -1, -1)
        torch.testing.assert_close(net(references, image, now), wanted, atol=1e-4, rtol=1e-4)


def test_a_recipe_begins_from_the_whole_of_rgmp(tmp_path):
    recipe = Recipe("x", method="rgsn", init="rgmp-compact", task=RgsnTraining(side=32))
    net = initial_task(recipe, tmp_path).net
    wanted = of_two_encodings(load_weights("rgmp-compact").tensors)
    assert all(torch.equal(p, wanted[name]) for name, p in net.state_dict().items())


def test_later_references_are_learnt_from_without_gradients_of_their_own():
    objective, example = RgsnObjective(made(), damaged=0.0), batch()
    example.images.requires_grad_()
    objective(example, 0)[0].backward()
    seen = [bool(row.any()) for row in example.images.grad[0]]
    assert seen == [True, False, False, True]


def test_it_can_learn_one_example_and_what_is_unknown_counts_for_nothing():
    objective = RgsnObjective(made(), damaged=0.0)
    optimiser = torch.optim.AdamW(objective.parameters(), 4e-3)
    losses, example = [], batch()
    for step in range(24):
        loss, _ = objective(example, seed=step)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]
    void = CropBatch(example.images, example.masks.clone(), example.heat)
    void.masks[:, -1] = VOID
    with torch.no_grad():
        assert objective(void, 0)[0] == 0


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"preset": "huge"}, UsageError, "paper"),
        ({"preset": "paper"}, WeightsError, "rgsn/paper: no weights in the package"),
        ({"weights": "nothing"}, WeightsError, "nothing"),
    ],
)
def test_what_cannot_be_loaded_says_what_can(options, error, says):
    with pytest.raises(error, match=says):
        load_method("rgsn", **options)


def test_settings_that_cannot_work():
    with pytest.raises(UsageError, match="`size` 10"):
        RgsnSettings(size=10)
    with pytest.raises(UsageError, match="steps = 0"):
        replace(QUICK, steps=0)
    with pytest.raises(UsageError, match="at least 2"):
        replace(QUICK, kept_negatives=1)
    with pytest.raises(UsageError, match="damaged = 2"):
        RgsnTraining(damaged=2)
