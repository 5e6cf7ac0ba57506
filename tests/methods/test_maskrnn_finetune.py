"""MaskRNN fine-tuned on objects: one part of it, for each object by itself, kept in the state."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from methods.contract import PropagatorContract
from propago.finetune.annotated import annotated_frame
from propago.finetune.budget import Budget
from propago.finetune.cache import FineTuneCache
from propago.finetune.fine_tuning import FineTuning
from propago.finetune.loop import FineTuneSettings
from propago.finetune.objects import WarpedClips
from propago.methods.maskrnn import finetune
from propago.methods.maskrnn.finetune import fine_tuned_head, with_head
from propago.methods.maskrnn.net import MaskRnnConfig, MaskRnnNet
from propago.methods.maskrnn.run import MaskRnn, MaskRnnSettings
from propago.pipeline import segment_frames
from propago.types import Annotation
from tiny_clip import as_frames, tiny_clip

SMALL = MaskRnnConfig(width=8, mix=8, hidden=16)


@pytest.fixture(autouse=True)
def one_check(monkeypatch):
    """The real settings check on four draws; one is enough here."""
    quick = FineTuneSettings(learning_rate=1e-2, held_out=1, warmup_steps=0)
    monkeypatch.setattr(finetune, "SETTINGS", quick)


def method(folder, steps=1, progress=None):
    torch.manual_seed(0)
    tuning = FineTuning(Budget(steps=steps), FineTuneCache(folder), progress) if steps else None
    return MaskRnn(MaskRnnNet(SMALL), MaskRnnSettings(64), finetune=tuning)


class TestContract(PropagatorContract):
    @pytest.fixture(autouse=True)
    def folder(self, tmp_path):
        self.cache = tmp_path

    def make(self):
        return method(self.cache)

    def training_loss(self):
        net = MaskRnnNet(SMALL)
        return net, finetune.tuning().loss(net, example(0))


def annotated():
    images, labels = tiny_clip(1, (48, 64), (2, 5))
    return annotated_frame(as_frames(images)[0].image, Annotation(labels[0]), labels[0])


def example(seed):
    tuning = finetune.tuning()
    clips = WarpedClips([annotated()], 2, tuning.clip_frames)
    return tuning.draw(np.random.default_rng(seed), clips)


def test_an_example_begins_with_the_annotated_object_alone():
    clip = example(0).batch
    assert clip.images.shape == (1, 3, 3, 48, 64)
    first, frame = clip.masks[0, 0].numpy(), annotated()
    shown = (frame.labels == 2).astype(np.uint8)
    assert np.array_equal(first, shown) or np.array_equal(first, shown[:, ::-1])


def test_only_the_appearance_head_is_fine_tuned_and_only_in_a_copy(tmp_path):
    run = method(tmp_path, steps=12)
    before = {name: tensor.clone() for name, tensor in run.net.state_dict().items()}
    assert run.finetune is not None
    head = fine_tuned_head(run.net, 2, [annotated()], run.finetune)
    assert head is not None
    assert set(head) == {name for name in before if name.startswith("seen.")}
    assert any(not torch.equal(head[name], before[name]) for name in head)
    own = with_head(run.net, head)
    assert torch.equal(own.seen.state_dict()["fused.weight"], head["seen.fused.weight"])
    assert own.appearance is run.net.appearance
    assert all(torch.equal(tensor, before[name]) for name, tensor in run.net.state_dict().items())
    assert with_head(run.net, None) is run.net
    assert fine_tuned_head(run.net, 3, [annotated()], run.finetune) is None


def test_the_trained_network_learns_the_annotated_object(tmp_path):
    run = MaskRnn.load(device="cpu", finetune=FineTuning(Budget(steps=12), FineTuneCache(tmp_path)))
    assert run.finetune is not None
    head = fine_tuned_head(run.net, 2, [annotated()], run.finetune)
    assert head is not None
    with torch.no_grad():
        before, after = (
            sum(float(finetune.tuning().loss(net, example(seed))) for seed in range(90, 94))
            for net in (run.net, with_head(run.net, head))
        )
    assert after < 0.95 * before


def test_objects_have_their_own_and_one_that_enters_later_leaves_them(tmp_path):
    told = []
    run = method(tmp_path, progress=lambda what, *_: told.append(what))
    images, labels = tiny_clip(5, ids=(2, 5))
    given = {0: Annotation(np.where(labels[0] == 2, labels[0], 0)), 3: Annotation(labels[3])}
    results = list(segment_frames(as_frames(images), given, run))
    states = [result.checkpoint.state for result in results]
    assert told == ["object 2", "object 2", "object 5"]
    assert run.fine_tuning_count(given) == 3
    assert [len(state.shown) for state in states] == [1, 1, 1, 2, 2]
    assert states[0].heads[2] is states[2].heads[2]
    own, other = (states[4].heads[i] for i in (2, 5))
    assert any(not torch.equal(own[name], other[name]) for name in own)
    again = list(segment_frames(as_frames(images), given, method(tmp_path)))
    assert len(told) == 3
    for a, b in zip(results, again, strict=True):
        assert torch.equal(a.masks.probabilities, b.masks.probabilities)


def test_objects_without_a_head_are_found_by_the_network_itself(tmp_path):
    images, labels = tiny_clip(3, ids=(2, 5))
    run, given = method(tmp_path, steps=0), {0: Annotation(labels[0])}
    plain = list(segment_frames(as_frames(images), given, run))
    first, frames = plain[0].checkpoint.state, as_frames(images)
    own = {5: {name: t for name, t in run.net.state_dict().items() if name.startswith("seen.")}}
    same, _ = run.predict(first, frames[1])
    each, _ = run.predict(replace(first, heads=own), frames[1])
    assert torch.allclose(same.probabilities, each.probabilities, atol=1e-5)


def test_without_fine_tuning_nothing_is_kept(tmp_path):
    images, labels = tiny_clip(2)
    run = method(tmp_path, steps=0)
    (*_, last) = segment_frames(as_frames(images), {0: Annotation(labels[0])}, run)
    assert last.checkpoint.state.shown == ()
    assert last.checkpoint.state.heads == {}
    assert "finetune" not in run.description
    assert method(tmp_path).description["finetune"] == "1steps"
