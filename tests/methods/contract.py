"""What every propagator keeps to. A method's test subclasses `PropagatorContract` and makes one.

class TestMine(PropagatorContract):
    def make(self):
        return Mine()
"""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from propago.io.checkpoint import load_state, save_state
from propago.pipeline import Checkpoint, Segmented, segment_frames
from propago.types import Annotation, Propagator
from tiny_clip import as_frames, tiny_clip


class PropagatorContract:
    """Zero, one and three objects, odd sizes, late ones, corrections, and states as values."""

    packages: tuple[str, ...] = ("propago",)
    sizes: tuple[tuple[int, int], ...] = ((48, 64), (49, 67))

    def make(self) -> Propagator:
        """The propagator under test; the same behaviour every time."""
        raise NotImplementedError

    def training_loss(self) -> tuple[nn.Module, Tensor] | None:
        """The network and one loss of it; None for a method without a network alone."""
        return None

    def run(self, given, *, frames=5, size=(48, 64), ids=(1,), **options) -> list[Segmented]:
        images, _ = tiny_clip(frames, size, ids)
        return list(segment_frames(as_frames(images), given, self.make(), **options))

    def test_without_objects_every_frame_is_background(self):
        for result in self.run({}, frames=3):
            assert result.masks.ids == ()
            assert result.labels.shape == (48, 64)
            assert not result.labels.any()

    @pytest.mark.parametrize("ids", [(1,), (7, 3, 200)])
    def test_scores_are_legal_at_every_size(self, ids):
        for size in self.sizes:
            _, labels = tiny_clip(1, size, ids)
            for result in self.run({0: Annotation(labels[0])}, size=size, ids=ids):
                assert set(result.masks.ids) == set(ids)
                p = result.masks.probabilities
                assert p.shape == (len(ids), *size)
                assert p.dtype == torch.float32
                assert bool(((p >= 0) & (p <= 1)).all())
                assert set(np.unique(result.labels)) <= {0, *ids}

    def test_a_given_mask_is_the_result_of_its_frame(self):
        _, labels = tiny_clip(5, ids=(2, 5))
        given = {0: Annotation(labels[0]), 3: Annotation(labels[3])}
        results = self.run(given, ids=(2, 5))
        for t in given:
            assert np.array_equal(results[t].labels, labels[t])

    def test_objects_may_come_late_one_after_another(self):
        _, labels = tiny_clip(6, ids=(2, 5))
        first = np.where(labels[1] == 2, labels[1], 0).astype(np.uint8)
        late = np.where(labels[4] == 5, labels[4], 0).astype(np.uint8)
        results = self.run({1: Annotation(first), 4: Annotation(late)}, frames=6, ids=(2, 5))
        assert [set(r.masks.ids) for r in results] == [set(), *[{2}] * 3, {2, 5}, {2, 5}]
        assert np.array_equal(results[4].labels == 5, late == 5)

    def test_an_object_can_be_ended(self):
        _, labels = tiny_clip(5, ids=(2, 5))
        ended = Annotation(np.zeros_like(labels[0]), ended=frozenset({2}))
        results = self.run({0: Annotation(labels[0]), 2: ended}, ids=(2, 5))
        assert [set(r.masks.ids) for r in results] == [{2, 5}, {2, 5}, {5}, {5}, {5}]

    def test_void_pixels_and_an_object_that_leaves_and_returns_do_no_harm(self):
        images, labels = tiny_clip(7)
        for t in (2, 3):
            images[t] = images[t].min(axis=(0, 1), keepdims=True).repeat(48, 0).repeat(64, 1)
        labels[0][:4] = 255
        frames = as_frames(images)
        results = list(segment_frames(frames, {0: Annotation(labels[0])}, self.make()))
        assert [r.masks.ids for r in results] == [(1,)] * 7
        assert 255 not in np.unique(results[0].labels)

    def test_a_state_is_a_value(self):
        """The same state gives the same answer again, whatever was made of it in between."""
        images, labels = tiny_clip(4)
        frames, method = as_frames(images), self.make()
        results = list(segment_frames(frames, {0: Annotation(labels[0])}, method))
        again = segment_frames(frames[2:], {}, method, resume=results[1].checkpoint)
        for before, after in zip(results[2:], again, strict=True):
            assert torch.equal(before.masks.probabilities, after.masks.probabilities)

    def test_a_saved_state_goes_on_bit_for_bit(self, tmp_path):
        images, labels = tiny_clip(6, ids=(1, 4))
        frames, given = as_frames(images), {0: Annotation(labels[0]), 4: Annotation(labels[4])}
        whole = list(segment_frames(frames, given, self.make()))
        save_state(tmp_path / "state", whole[2].checkpoint)
        back = load_state(tmp_path / "state", self.packages)
        assert isinstance(back, Checkpoint)
        rest = segment_frames(frames[3:], given, self.make(), resume=back)
        for before, after in zip(whole[3:], rest, strict=True):
            assert torch.equal(before.masks.probabilities, after.masks.probabilities)
            assert np.array_equal(before.labels, after.labels)

    def test_every_parameter_gets_a_gradient(self):
        trained = self.training_loss()
        if trained is None:
            assert not isinstance(getattr(self.make(), "net", None), nn.Module)
        else:
            assert_trains(*trained)


def assert_trains(network: nn.Module, loss: Tensor) -> None:
    """The loss is finite, and moves every parameter of the network that can be trained."""
    assert bool(loss.isfinite())
    loss.backward()
    still = [
        name
        for name, p in network.named_parameters()
        if p.requires_grad and (p.grad is None or not p.grad.isfinite().all() or not p.grad.any())
    ]
    assert still == []
