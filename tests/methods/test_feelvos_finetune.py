from dataclasses import replace

import numpy as np
import pytest
import torch

from methods.contract import PropagatorContract
from propago.errors import PropagoWarning
from propago.finetune.annotated import annotated_frame
from propago.finetune.budget import Budget
from propago.finetune.cache import FineTuneCache
from propago.finetune.fine_tuning import FineTuning
from propago.methods.feelvos import finetune
from propago.methods.feelvos.cycle import cycle_consistency
from propago.methods.feelvos.finetune import fine_tuned_head, with_head
from propago.methods.feelvos.net import FeelvosConfig, FeelvosNet
from propago.methods.feelvos.run import Feelvos, FeelvosSettings
from propago.pipeline import segment_frames
from propago.runs.ahead import with_frames_ahead
from propago.types import Annotation
from tiny_clip import as_frames, tiny_clip

SMALL = FeelvosConfig(embedding_channels=16, head_width=16, refine_widths=(8, 8), features=16)


@pytest.fixture(autouse=True)
def one_check(monkeypatch):
    """The real settings check on four draws; one is enough here."""
    monkeypatch.setattr(
        finetune,
        "SETTINGS",
        finetune.FineTuneSettings(learning_rate=1e-2, held_out=1, warmup_steps=0),
    )


def method(folder, steps=1, progress=None, **settings):
    torch.manual_seed(0)
    tuning = FineTuning(Budget(steps=steps), FineTuneCache(folder), progress) if steps else None
    settings = FeelvosSettings(size=64, interval_frames=2, **settings)
    return Feelvos(FeelvosNet(SMALL), settings, finetune=tuning)


def head_of(run, frame, net=None):
    assert run.finetune is not None
    return fine_tuned_head(net or run.net, [frame], run.finetune)


class TestContract(PropagatorContract):
    @pytest.fixture(autouse=True)
    def folder(self, tmp_path):
        self.cache = tmp_path

    def make(self):
        return method(self.cache)

    def training_loss(self):
        run = method(self.cache)
        example = finetune._draw(np.random.default_rng(0), [annotated()], torch.device("cpu"))
        run.net.head.requires_grad_(True)
        return run.net, finetune._loss(run.net, example)


def annotated(labels=None):
    images, of_the_clip = tiny_clip(1, (48, 64), (2, 5))
    labels = of_the_clip[0] if labels is None else labels
    return annotated_frame(as_frames(images)[0].image, Annotation(labels), labels)


def test_only_the_head_is_fine_tuned_and_only_in_a_copy(tmp_path):
    net = method(tmp_path).net
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    head = head_of(method(tmp_path), annotated(), net)
    assert head is not None
    assert set(head) == {name for name in before if name.startswith("head.")}
    assert any(not torch.equal(head[name], before[name]) for name in head)
    own = with_head(net, head)
    assert torch.equal(own.head.logit.weight, head["head.logit.weight"])
    assert own.backbone is net.backbone
    assert all(torch.equal(tensor, before[name]) for name, tensor in net.state_dict().items())
    assert with_head(net, None) is net


def test_the_head_lies_between_the_networks_own_and_the_fine_tuned_one(tmp_path, monkeypatch):
    net = method(tmp_path).net
    heads = {}
    for taken in (0.0, 0.5, 1.0):
        monkeypatch.setattr(finetune, "TAKEN", taken)
        heads[taken] = head_of(method(tmp_path), annotated(), net)
    own = net.state_dict()
    for name, tensor in heads[0.5].items():
        assert torch.equal(heads[0.0][name], own[name])
        torch.testing.assert_close(tensor, (own[name] + heads[1.0][name]) / 2)


def test_it_learns_the_annotated_frame(tmp_path):
    """Loss on a clip of the same frame, drawn by another seed than those of the fine-tuning."""
    net, frame = method(tmp_path).net, annotated()
    head = head_of(method(tmp_path, steps=12), frame, net)
    example = finetune._draw(np.random.default_rng(99), [frame], torch.device("cpu"))
    with torch.no_grad():
        before, after = (float(finetune._loss(n, example)) for n in (net, with_head(net, head)))
    assert after < 0.9 * before


def test_whatever_decides_the_result_is_in_the_key(tmp_path, monkeypatch):
    told = []
    run = method(tmp_path, progress=lambda what, *_: told.append(what))
    head_of(run, annotated())
    with monkeypatch.context() as patched:
        patched.setattr(run.net, "config", replace(SMALL, window=5))
        head_of(run, annotated())
    for name in ("HARDEST", "DAMAGED"):
        with monkeypatch.context() as patched:
            patched.setattr(finetune, name, 0.3)
            head_of(run, annotated())
    assert len(told) == 4
    head_of(run, annotated())
    assert len(told) == 4


def test_frames_without_objects_change_nothing(tmp_path):
    empty = annotated(np.zeros((48, 64), np.uint8))
    assert head_of(method(tmp_path), empty) is None


def test_an_object_that_enters_later_fine_tunes_again_on_both_frames(tmp_path):
    told = []
    run = method(tmp_path, progress=lambda what, step, *_: told.append((what, step)))
    images, labels = tiny_clip(5, ids=(2, 5))
    first = np.where(labels[0] == 2, labels[0], 0)
    given = {0: Annotation(first), 3: Annotation(labels[3])}
    results = list(segment_frames(as_frames(images), given, run))
    states = [result.checkpoint.state for result in results]
    assert told == [("head", 1), ("head", 1)]
    assert [len(state.annotated) for state in states] == [1, 1, 1, 2, 2]
    assert states[0].head is states[2].head
    assert states[3].head is states[4].head
    assert any(not torch.equal(states[2].head[n], states[3].head[n]) for n in states[3].head)
    again = list(segment_frames(as_frames(images), given, method(tmp_path)))
    assert len(told) == 2
    for a, b in zip(results, again, strict=True):
        assert torch.equal(a.masks.probabilities, b.masks.probabilities)


@pytest.mark.parametrize("what", ["a few pixels", "the whole frame", "contradictions"])
def test_hard_annotations_give_legal_masks(tmp_path, what):
    images, labels = tiny_clip(4)
    first = np.zeros_like(labels[0])
    if what == "a few pixels":
        first[20:23, 30:34] = 1
    else:
        first[:] = 1
    given = {0: Annotation(first)}
    if what == "contradictions":
        opposite = np.full_like(first, 2)
        opposite[:2, :2] = 1
        given[2] = Annotation(opposite)
    results = list(segment_frames(as_frames(images), given, method(tmp_path, steps=2)))
    ids = {0, *(i for masks in given.values() for i in masks.ids)}
    for result in results:
        assert set(np.unique(result.labels)) <= ids
        assert result.masks.probabilities.isfinite().all()
    for frame, masks in given.items():
        assert np.array_equal(results[frame].labels, masks.labels)
    head = results[-1].checkpoint.state.head
    assert head is not None
    assert all(tensor.isfinite().all() for tensor in head.values())


def test_annotated_frames_are_bounded_and_keep_the_first(tmp_path):
    images, labels = tiny_clip(5)
    given = {t: Annotation(labels[t]) for t in range(5)}
    results = list(segment_frames(as_frames(images), given, method(tmp_path, anchors=3)))
    kept = results[-1].checkpoint.state.annotated
    assert [
        np.array_equal(frame.labels, labels[t]) for frame, t in zip(kept, (0, 3, 4), strict=True)
    ]


def test_without_fine_tuning_nothing_is_kept(tmp_path):
    images, labels = tiny_clip(2)
    run = method(tmp_path, steps=0)
    (*_, last) = segment_frames(as_frames(images), {0: Annotation(labels[0])}, run)
    assert last.checkpoint.state.annotated == ()
    assert last.checkpoint.state.head is None
    assert "finetune" not in run.description
    assert method(tmp_path).description["finetune"] == "1steps"


def test_an_object_smaller_than_a_working_pixel_is_fine_tuned_on(tmp_path):
    (image,), _ = tiny_clip(1, (200, 240))
    labels = np.zeros((200, 240), np.uint8)
    labels[11, 13], labels[100:140, 100:140] = 3, 1
    run = method(tmp_path)
    (result,) = segment_frames(as_frames([image]), {0: Annotation(labels)}, run)
    (kept,) = result.checkpoint.state.annotated
    assert kept.ids == (1, 3)
    assert (kept.labels == 3).sum() == 1


def test_objects_are_carried_on_and_back():
    first = np.zeros((2, 6), np.uint8)
    first[0, :4], first[1, :2], first[1, 5] = 1, 2, 255
    frames, asked = as_frames([np.zeros((2, 6, 3), np.uint8)] * 3), []

    def carry(shown, annotation):
        asked.append(([frame.index for frame in shown], annotation.labels.copy()))
        labels = annotation.labels.copy()
        labels[labels == 255] = 0
        labels[0, 0] = 0
        labels[0, 4], labels[1, 5] = 1, 2
        return labels

    assert cycle_consistency(carry, frames, Annotation(first)) == pytest.approx((3 / 5 + 1) / 2)
    assert [indices for indices, _ in asked] == [[0, 1, 2], [2, 1, 0]]
    assert asked[1][1].tolist() == [[0, 1, 1, 1, 1, 0], [2, 2, 0, 0, 0, 2]]


def test_objects_that_are_lost_on_the_way_on_are_not_carried_back():
    frames = as_frames([np.zeros((4, 4, 3), np.uint8)] * 2)
    first, times = Annotation(np.eye(4, dtype=np.uint8)), []

    def carry(shown, annotation):
        times.append(len(shown))
        return np.zeros_like(annotation.labels)

    assert cycle_consistency(carry, frames, first) == 0
    assert times == [2]


@pytest.mark.parametrize(("tuned", "taken"), [(0.7, False), (0.8, True), (0.9, True)])
def test_a_head_that_follows_worse_is_not_taken(tmp_path, monkeypatch, recwarn, tuned, taken):
    images, labels = tiny_clip(5)
    said, seen = iter([0.8, tuned]), []

    def consistency(carry, frames, annotation):
        seen.append([frame.index for frame in frames])
        assert carry(frames[:2], annotation).shape == labels[0].shape
        return next(said)

    monkeypatch.setattr("propago.methods.feelvos.run.cycle_consistency", consistency)
    frames = with_frames_ahead(as_frames(images), {0}, 3)
    (*_, last) = segment_frames(frames, {0: Annotation(labels[0])}, method(tmp_path))
    assert seen == [[0, 1, 2, 3], [0, 1, 2, 3]]
    assert (last.checkpoint.state.head is not None) == taken
    warned = [w.message for w in recwarn if isinstance(w.message, PropagoWarning)]
    assert [("0.70" in str(w), "0.80" in str(w)) for w in warned] == [(True, True)] * (not taken)


def test_the_trial_of_a_head_is_told_of(tmp_path):
    told, (images, labels) = [], tiny_clip(4)
    run = method(
        tmp_path, progress=lambda what, done, share, loss: told.append((done, share, loss))
    )
    frames = with_frames_ahead(as_frames(images), {0}, 2)
    list(segment_frames(frames, {0: Annotation(labels[0])}, run))
    trial = [(done, share) for done, share, loss in told if np.isnan(loss)]
    assert trial == [(n, n / 12) for n in range(1, len(trial) + 1)]
    assert len(trial) >= 6


def test_what_is_carried_on_and_back_does_not_depend_on_chance(tmp_path):
    images, labels = tiny_clip(5)
    run, frames = method(tmp_path), as_frames(images)
    found = [run._carried(frames, Annotation(labels[0]), None, lambda: None) for _ in range(2)]
    assert np.array_equal(found[0], found[1])
    (*_, last) = segment_frames(frames, {0: Annotation(labels[0])}, method(tmp_path, steps=0))
    assert np.array_equal(found[0], last.labels)


def test_an_example_has_few_of_many_objects():
    labels = np.arange(10, dtype=np.uint8)[None]
    labels[0, 9] = 255
    frame = annotated_frame(torch.zeros(3, 1, 10), Annotation(labels), labels)
    rows = finetune._some_rows(np.random.default_rng(0), frame)
    assert sorted(rows[0].tolist()) == [0, 1, 2, 3, 4, *[255] * 5]
    assert rows[0, 9] == 255
