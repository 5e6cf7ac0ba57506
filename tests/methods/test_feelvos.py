import numpy as np
import pytest
import torch

from methods.contract import PropagatorContract, assert_trains
from propago.components import load_method
from propago.data.task import ClipSettings
from propago.errors import UsageError, WeightsError
from propago.methods.feelvos.memory import Memory, owners
from propago.methods.feelvos.net import PRESETS, FeelvosConfig, FeelvosNet
from propago.methods.feelvos.object_inputs import ObjectInputs, carry
from propago.methods.feelvos.objective import ClipBatch, FeelvosObjective
from propago.methods.feelvos.rectangle import Rectangle, rectangle_around
from propago.methods.feelvos.run import Feelvos, FeelvosSettings, working_size
from propago.methods.feelvos.train import task
from propago.pipeline import segment_frames
from propago.types import Annotation
from tiny_clip import as_frames, tiny_clip

SMALL = FeelvosConfig(embedding_channels=16, head_width=16, refine_widths=(8, 8), features=16)


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(0)
    return FeelvosNet(SMALL).eval()


def batch(clips=2, frames=3, size=(64, 80), ids=(1, 2)):
    made = [tiny_clip(frames, size, ids, seed) for seed in range(clips)]
    images = np.stack([np.stack(images) for images, _ in made]).transpose(0, 1, 4, 2, 3)
    labels = np.stack([np.stack(labels) for _, labels in made])
    flows = torch.zeros(clips, frames - 1, 2, *size)
    return ClipBatch(torch.from_numpy(images.copy()), torch.from_numpy(labels), flows)


def feelvos_loss(config):
    torch.manual_seed(0)
    objective = FeelvosObjective(FeelvosNet(config))
    return objective.net, objective(batch(), seed=0)[0]


class TestContract(PropagatorContract):
    def make(self):
        torch.manual_seed(0)
        return Feelvos(FeelvosNet(SMALL), FeelvosSettings(size=64, interval_frames=2))

    def training_loss(self):
        return feelvos_loss(SMALL)


def test_the_compact_preset_can_be_trained():
    assert_trains(*feelvos_loss(PRESETS["compact"].config))


def test_a_side_that_its_stride_does_not_divide_is_refused_before_training():
    with pytest.raises(UsageError, match="height = 100: 8 divides it, such as 96 or 104"):
        task(ClipSettings(height=100, width=104), [])


def test_permuting_the_objects_permutes_the_logits(net):
    images = torch.rand(2, 3, 64, 80)
    masks = torch.zeros(3, 64, 80)
    masks[0, :24, :30] = masks[1, 30:, :40] = masks[2, 8:40, 44:] = 1
    order = [2, 0, 1]
    with torch.no_grad():
        before, now = net.encode_image(images[:1]), net.encode_image(images[1:])
        owner = torch.zeros(3, dtype=torch.int64)
        outs = []
        for m in (masks, masks[order]):
            past = net.encode_memory(before.embedding[0], before.context[0], m)
            cues = net.cues(now.embedding[0], [past])
            rows = ObjectInputs(cues, *carry(images[0], images[1], m, torch.zeros(2, 64, 80))[:2])
            outs.append(net.logits(net.prepare(now), owner, rows, torch.zeros(1, 1, 64, 80)))
    assert torch.allclose(outs[0][order], outs[1], atol=1e-4)


def test_cues_where_they_are_wanted_are_those_of_everywhere(net):
    wanted = torch.zeros(2, 8, 10, dtype=torch.bool)
    wanted[1, 1:3, 8:] = True
    with torch.no_grad():
        seen = net.encode_image(torch.rand(1, 3, 64, 80))
        past = net.encode_memory(seen.embedding[0], seen.context[0], torch.rand(2, 64, 80) / 2)
        whole = net.cues(seen.embedding[0], [past, past])
        part = net.cues(seen.embedding[0], [past, past], wanted)
    there = wanted[1]
    assert torch.allclose(part[1][..., there], whole[1][..., there], atol=1e-5)
    assert (part[0, :-1] == 0).all()
    assert (part[1, :-1, :, :8] == 0).all()


def test_a_frame_matches_itself_at_distance_zero(net):
    masks = torch.zeros(1, 64, 80)
    masks[0, 16:48, 16:48] = 1
    with torch.no_grad():
        seen = net.encode_image(torch.rand(1, 3, 64, 80))
        past = net.encode_memory(seen.embedding[0], seen.context[0], masks)
        cues = net.cues(seen.embedding[0], [past])
    inside = past.groups[1] == 1
    assert cues[0, 0][inside].abs().max() < 1e-3


def test_a_thin_object_still_owns_its_best_position():
    groups = torch.tensor([[0.9, 0.8, 0.99], [0.1, 0.2, 0.01], [0.0, 0.0, 0.0]])
    assert owners(groups).tolist() == [0, 1, 0]


def test_sorting_memory_keeps_what_belongs_together():
    embedding = torch.arange(6.0).view(1, 2, 3)
    groups = torch.tensor([[[0.0, 1, 0], [1, 0, 1]], [[1.0, 0, 1], [0, 1, 0]]])
    past = Memory(embedding, embedding, groups, embedding[None] * 10)
    ordered = past.sorted
    assert ordered.counts == (3, 3)
    assert ordered.embedding[0].tolist() == [1, 3, 5, 0, 2, 4]
    assert ordered.values[0, 0].tolist() == [10, 30, 50, 0, 20, 40]


def test_carrying_masks():
    masks = torch.zeros(2, 4, 4)
    masks[0, 1, 1] = masks[1, 2, 3] = 1
    flow = torch.zeros(2, 4, 4)
    flow[0] = -1  # everything came from one pixel to the left
    before, now = torch.ones(3, 4, 4), torch.zeros(3, 4, 4)
    own, others, error = carry(before, now, masks, flow)
    assert own[:, 0].nonzero().tolist() == [[0, 1, 2]]
    assert torch.equal(others[0], own[1])
    assert torch.allclose(error, torch.ones(1, 4, 4))  # what flow does not explain


def test_region_by_hand():
    share = torch.zeros(10, 12)
    share[4, 5] = share[6, 9] = 0.5
    assert rectangle_around(share, 0.1, 2) == Rectangle(2, 9, 3, 12)
    assert rectangle_around(share, 0.6, 2) is None


def test_decoding_a_region_of_everything_is_decoding_everything(net):
    torch.manual_seed(0)
    with torch.no_grad():
        seen = net.encode_image(torch.rand(1, 3, 64, 80))
        masks = torch.rand(1, 64, 80)
        past = net.encode_memory(seen.embedding[0], seen.context[0], masks)
        picture, still = torch.zeros(3, 64, 80), torch.zeros(2, 64, 80)
        carried = carry(picture, picture, masks, still)[:2]
        rows = ObjectInputs(net.cues(seen.embedding[0], [past]), *carried)
        prepared, owner = net.prepare(seen), torch.zeros(1, dtype=torch.int64)
        whole, nothing = Rectangle(0, 8, 0, 10), torch.zeros(1, 1, 64, 80)
        expected = net.logits(prepared, owner, rows, nothing)
        inside = net.logits(prepared.inside(whole), owner, rows.inside(0, whole, 8), nothing)
    assert torch.equal(expected, inside)


@pytest.mark.parametrize("region", [Rectangle(2, 5, 3, 9), Rectangle(0, 4, 6, 10)])
def test_what_is_prepared_inside_a_region_is_that_of_everything(net, region):
    torch.manual_seed(0)
    with torch.no_grad():
        seen = net.encode_image(torch.rand(1, 3, 64, 80))
        expected, found = net.prepare(seen).inside(region), net.prepare_inside(seen, region)
    assert torch.equal(found.context, expected.context)
    for ours, theirs in zip(found.features, expected.features, strict=True):
        assert torch.allclose(ours, theirs, atol=1e-5)


def test_it_can_learn_one_clip():
    torch.manual_seed(0)
    objective = FeelvosObjective(FeelvosNet(SMALL), damaged=0.0)
    optimiser = torch.optim.AdamW(objective.parameters(), 5e-3)
    clip = batch(clips=1, frames=2, size=(48, 64))
    losses = []
    for step in range(30):
        loss, _ = objective(clip, seed=step)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]


def test_the_memory_is_bounded():
    images, labels = tiny_clip(9)
    settings = FeelvosSettings(size=64, anchors=2, recent=2, interval_frames=1)
    torch.manual_seed(0)
    method = Feelvos(FeelvosNet(SMALL), settings)
    given = {t: Annotation(labels[t]) for t in (0, 2, 4)}
    for result in segment_frames(as_frames(images), given, method):
        state = result.checkpoint.state
        assert len(state.whole.anchors) <= 2
        assert len(state.whole.recent) <= 2


@pytest.mark.parametrize(
    ("size", "short", "expected"),
    [((480, 854), 272, (272, 480)), ((1080, 1920), 272, (272, 480)), ((48, 64), 272, (48, 64))],
)
def test_working_size(size, short, expected):
    assert working_size(size, short) == expected


def test_shipped_weights_load_and_say_what_they_are():
    about = load_method("feelvos", weights="synthetic", device="cpu").description
    assert about["weights"] == "feelvos-synthetic"
    assert about["weights_licence"] == "Apache-2.0"
    assert len(about["weights_sha256"]) == 64


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"name": "felvos"}, UsageError, "feelvos"),
        ({"preset": "huge"}, UsageError, "compact"),
        ({"device": "tpu"}, UsageError, "cpu"),
        ({"weights": "nothing"}, WeightsError, "feelvos-synthetic"),
        ({"size": 10}, UsageError, "64"),
    ],
)
def test_what_cannot_be_loaded_says_what_can(options, error, says):
    with pytest.raises(error, match=says):
        load_method(**options)
