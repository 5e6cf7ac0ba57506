"""RGSN fine-tuned on objects: its decoder alone, for each object by itself, kept in the state."""

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
from propago.methods.rgsn import finetune
from propago.methods.rgsn.finetune import fine_tuned_decoder, with_decoder
from propago.methods.rgsn.net import RgsnConfig, RgsnNet
from propago.methods.rgsn.otn import OtnSettings
from propago.methods.rgsn.run import Rgsn, RgsnSettings
from propago.pipeline import segment_frames
from propago.types import Annotation
from tiny_clip import as_frames, tiny_clip

SMALL = RgsnConfig(widths=(16, 16, 16, 8, 8), side=64)
QUICK = OtnSettings(hidden=16, candidates=16, first_positives=16, first_negatives=32, first_steps=2)


@pytest.fixture(autouse=True)
def one_check(monkeypatch):
    """The real settings check on four draws and learn from two; one is enough here."""
    quick = FineTuneSettings(learning_rate=1e-2, held_out=1, warmup_steps=0)
    monkeypatch.setattr(finetune, "SETTINGS", quick)


def method(folder, steps=1, progress=None):
    torch.manual_seed(0)
    tuning = FineTuning(Budget(steps=steps), FineTuneCache(folder), progress) if steps else None
    return Rgsn(RgsnNet(SMALL), RgsnSettings(64, QUICK), finetune=tuning)


class TestContract(PropagatorContract):
    @pytest.fixture(autouse=True)
    def folder(self, tmp_path):
        self.cache = tmp_path

    def make(self):
        return method(self.cache)

    def training_loss(self):
        net = RgsnNet(SMALL)
        tuning = finetune.tuning(net)
        clips = WarpedClips([annotated()], 2, tuning.clip_frames)
        return net, tuning.loss(net, tuning.draw(np.random.default_rng(0), clips))


def annotated():
    images, labels = tiny_clip(1, (48, 64), (2, 5))
    return annotated_frame(as_frames(images)[0].image, Annotation(labels[0]), labels[0])


def test_only_the_decoder_is_fine_tuned_and_only_in_a_copy(tmp_path):
    run = method(tmp_path, steps=12)
    before = {name: tensor.clone() for name, tensor in run.net.state_dict().items()}
    assert run.finetune is not None
    decoder = fine_tuned_decoder(run.net, 2, [annotated()], run.finetune)
    assert decoder is not None
    assert set(decoder) == {name for name in before if name.startswith("decoder.")}
    assert any(not torch.equal(decoder[name], before[name]) for name in decoder)
    own = with_decoder(run.net, decoder)
    assert torch.equal(
        own.decoder.state_dict()["logits.0.weight"], decoder["decoder.logits.0.weight"]
    )
    assert own.encoder is run.net.encoder
    assert all(torch.equal(tensor, before[name]) for name, tensor in run.net.state_dict().items())
    assert with_decoder(run.net, None) is run.net
    assert fine_tuned_decoder(run.net, 3, [annotated()], run.finetune) is None


def test_it_learns_the_annotated_object(tmp_path):
    run = method(tmp_path, steps=12)
    assert run.finetune is not None
    decoder = fine_tuned_decoder(run.net, 2, [annotated()], run.finetune)
    assert decoder is not None
    tuning = finetune.tuning(run.net)
    clips = WarpedClips([annotated()], 2, tuning.clip_frames)
    example = tuning.draw(np.random.default_rng(99), clips)
    with torch.no_grad():
        before, after = (
            float(tuning.loss(net, example)) for net in (run.net, with_decoder(run.net, decoder))
        )
    assert after < 0.9 * before


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
    assert states[0].targets[2].decoder is states[2].targets[2].decoder
    own, other = (states[4].targets[i].decoder for i in (2, 5))
    assert any(not torch.equal(own[name], other[name]) for name in own)
    again = list(segment_frames(as_frames(images), given, method(tmp_path)))
    assert len(told) == 3
    for a, b in zip(results, again, strict=True):
        assert torch.equal(a.masks.probabilities, b.masks.probabilities)


def test_without_fine_tuning_nothing_is_kept(tmp_path):
    images, labels = tiny_clip(2)
    run = method(tmp_path, steps=0)
    (*_, last) = segment_frames(as_frames(images), {0: Annotation(labels[0])}, run)
    assert last.checkpoint.state.shown == ()
    assert last.checkpoint.state.targets[1].decoder is None
    assert "finetune" not in run.description
    assert method(tmp_path).description["finetune"] == "1steps"
