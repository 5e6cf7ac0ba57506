"""MaskTrack R-CNN: equation 2, its loss, pairs, an over-fit of identities, tracking by name."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from propago.association.masktrack import MaskTrackAssociator
from propago.data.instance_pairs import InstancePair, InstancePairs, same
from propago.data.instances import InstanceStill, example_of
from propago.errors import SourceError, WeightsError
from propago.methods.masktrack_rcnn.net import (
    PRESETS,
    MaskTrackConfig,
    MaskTrackRcnn,
    identity_logits,
)
from propago.methods.masktrack_rcnn.objective import MaskTrackObjective, track_loss
from propago.methods.masktrack_rcnn.run import MaskTrackDetector
from propago.methods.masktrack_rcnn.train import collated
from propago.nn.detection import DetectionSettings
from propago.nn.mask_rcnn import MaskRcnn, MaskRcnnConfig
from propago.nn.rcnn_losses import Examples, Sampling
from propago.nn.weights import Weights, fill_encoder, load_weights
from propago.tracking import Tracker
from propago.types import Frame

SMALL = MaskTrackConfig(
    MaskRcnnConfig(
        width=16,
        hidden=32,
        mask_width=16,
        mask_convolutions=1,
        outputs=4,
        anchors_px={8: (16,), 16: (32,), 32: (64,)},
    ),
    embedding=8,
)
SIZE = (64, 96)


def two_squares(shift=0, colours=(230, 120), seen=(1, 2)):
    """A picture of two squares, `shift` px to the right."""
    image, ids = np.full((*SIZE, 3), 60, np.uint8), np.zeros(SIZE, np.uint16)
    for n in seen:
        box = np.s_[14:44, 8 + 42 * (n - 1) + shift : 36 + 42 * (n - 1) + shift]
        image[box], ids[box] = (colours[n - 1], 40, 255 - colours[n - 1]), n
    still = InstanceStill(Path("x.jpg"), lambda: ids, {1: 1, 2: 1})
    return example_of(image, ids, still)


def pair(key, reference):
    return InstancePair(key, reference, same(key, reference))


def test_a_new_instance_has_the_logit_0():
    """Equation 2: exp(inner product) over 1 + the sum of all."""
    own, known = torch.tensor([[1.0, 2], [0, -1]]), torch.tensor([[3.0, 0], [1, 1], [0, 2]])
    logits = identity_logits(own, known)
    assert logits.tolist() == [[0, 3, 3, 4], [0, 0, -1, -2]]
    assert identity_logits(own, known[:0]).softmax(1).tolist() == [[1], [1]]


def test_training_and_inference_agree_on_equation_2():
    generator = torch.Generator().manual_seed(0)
    own, known = (torch.randn(n, 4, generator=generator) for n in (3, 2))
    frame = Frame(torch.zeros(3, 9, 9), 0, "")

    def make(e):
        return replace(
            MaskTrackDetector(MaskTrackRcnn(SMALL), settings=DetectionSettings(1.0))(frame),
            boxes_xyxy=np.zeros((len(e), 4)),
            classes=np.ones(len(e), np.int64),
            confidence=np.ones(len(e)),
            masks=None,
            embeddings=e.numpy(),
        )

    associator = MaskTrackAssociator()
    _, state = associator.associate(associator.begin(), make(known))
    scores = associator.scores(state.memory, make(own))
    wanted = identity_logits(own, known).log_softmax(1).numpy() + 10
    assert scores == pytest.approx(wanted, abs=1e-5)


def pairs_where(boxes, truth):
    """Pairs of which only the references' boxes and who is who are looked at."""
    pairs = collated([pair(two_squares(), two_squares())], 4)
    return pairs._replace(boxes=boxes, same=truth)


def test_the_loss_is_a_mean_over_pictures_of_means_over_boxes():
    embeddings = torch.tensor([[2.0, 0], [0, 2], [2, 0], [1, 1]])
    references = torch.tensor([[1.0, 0], [0, 1], [3, 3]])
    examples = [
        Examples(torch.zeros(5, 4), torch.tensor([0, 1, 0])),
        Examples(torch.zeros(2, 4), torch.tensor([0])),
        Examples(torch.zeros(2, 4), torch.zeros(0, dtype=torch.int64)),
    ]
    known = [torch.zeros(2, 4), torch.zeros(0, 4), torch.zeros(1, 4)]
    truth = [torch.tensor([1, 0]), torch.tensor([0]), torch.tensor([1])]
    loss, right = track_loss(embeddings, references, examples, pairs_where(known, truth))
    p = [np.exp(2) / (2 + np.exp(2)), 1 / (2 + np.exp(2)), np.exp(2) / (2 + np.exp(2))]
    assert loss.item() == pytest.approx((-np.log(p).mean() + 0) / 2, rel=1e-5)
    assert right == pytest.approx((2 / 3 + 1) / 2)


def test_a_step_trains_every_parameter_and_references_may_be_empty():
    torch.manual_seed(0)
    net = MaskTrackRcnn(SMALL)
    objective = MaskTrackObjective(net, Sampling(32, 16, 50, 50))
    batch = collated([pair(two_squares(), two_squares(3))], 4)
    loss, numbers = objective(batch, 0)
    loss.backward()
    assert not [n for n, p in net.named_parameters() if p.grad is None or not p.grad.any()]
    assert numbers["loss"] == pytest.approx(
        sum(v for n, v in numbers.items() if n not in ("loss", "identities")), rel=1e-4
    )
    empty = collated([pair(two_squares(), two_squares(seen=()))], 4)
    loss, numbers = objective(empty, 0)
    assert torch.isfinite(loss)
    assert (numbers["track"], numbers["identities"]) == (0, 1)


def test_who_is_who_goes_by_the_ids_of_the_files():
    assert same(two_squares(), two_squares(5)).tolist() == [1, 2]
    assert same(two_squares(), two_squares(seen=(2,))).tolist() == [0, 1]
    assert same(two_squares(seen=()), two_squares()).tolist() == []


class Numbered(InstanceStill):
    """A picture whose grey says which it is."""

    def read(self):
        return np.full((60, 60, 3), int(self.image.stem), np.uint8), np.ones((60, 60), np.uint16)


def test_pairs_are_frames_of_one_sequence_or_pieces_of_one_picture(monkeypatch):
    monkeypatch.setattr("propago.data.instance_pairs.recoloured", lambda rng, example: example)
    names = ["a"] * 4 + ["b"] * 2 + [""] * 2
    stills = [
        Numbered(Path(f"{10 * n}.jpg"), lambda: np.zeros(0), 5, sequence=name)
        for n, name in enumerate(names)
    ]
    pairs = InstancePairs(stills, (32, 32), apart_frames=2)
    for seed in range(40):
        drawn = pairs.sample(np.random.default_rng(seed))
        key, other = (int(one.image[16, 16, 0]) // 10 for one in (drawn.key, drawn.reference))
        assert names[key] == names[other]
        assert (key == other) == (names[key] == "")
        assert abs(key - other) <= 2
        assert drawn.same.tolist() == [1]
    with pytest.raises(SourceError, match="at least one picture"):
        InstancePairs([], (32, 32))


@pytest.mark.slow
def test_identities_are_learnt_by_heart():
    """The branch alone, on the features of a trained encoder."""
    torch.manual_seed(0)
    net = MaskTrackRcnn(SMALL)
    fill_encoder(net.detector.encoder, load_weights("feelvos-further"))
    net.detector.requires_grad_(False)
    objective = MaskTrackObjective(net, Sampling(32, 16, 50, 50))
    pairs = [
        pair(two_squares(), two_squares(6, seen=(2,))),
        pair(two_squares(2, (130, 220)), two_squares(0, (130, 220))),
    ]
    batch = collated(pairs, 4)
    optimiser = torch.optim.Adam(net.parameters(), 1e-2)
    for step in range(100):
        loss, numbers = objective(batch, step)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert numbers["identities"] > 0.9


def test_a_detector_gives_embeddings_that_the_associator_takes():
    torch.manual_seed(0)
    detector = MaskTrackDetector(MaskTrackRcnn(SMALL), 64, DetectionSettings(0.0, most=3))
    tracker = Tracker(detector, "masktrack")
    picture = np.random.default_rng(0).integers(0, 255, (64, 96, 3)).astype(np.uint8)
    first, second = tracker.step(picture), tracker.step(picture)
    assert first.detections.embeddings.shape == (len(first.detections), 8)
    assert second.detections.ids.tolist() == first.detections.ids.tolist()


def test_it_begins_from_mask_rcnn():
    trained, net = MaskRcnn(SMALL.detector), MaskTrackRcnn(SMALL)
    weights = Weights("x", trained.state_dict(), "", {"network": "mask_rcnn/compact"})
    fill_encoder(net.detector, weights)
    assert torch.equal(net.detector.box_head.first.weight, trained.box_head.first.weight)
    with pytest.raises(WeightsError, match="has no encoder of the kind that is wanted, MaskRcnn"):
        fill_encoder(net.detector, Weights("y", net.detector.encoder.state_dict(), "", {}))


def test_the_papers_preset_has_the_layers_of_the_paper():
    with torch.device("meta"):
        net = MaskTrackRcnn(PRESETS["paper"].config)
    assert net.first.weight.shape == (1024, 256 * 49)
    assert net.second.weight.shape == (1024, 1024)
    assert net.detector.box_head.logits.out_features == 41
