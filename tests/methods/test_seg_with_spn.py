import numpy as np
import pytest
import torch

from colour_net import Colours
from methods.contract import PropagatorContract, assert_trains
from propago.components import PROPAGATORS, load_method
from propago.errors import UsageError, WeightsError
from propago.finetune.annotated import annotated_frame
from propago.finetune.budget import Budget
from propago.finetune.cache import FineTuneCache
from propago.finetune.fine_tuning import FineTuning
from propago.finetune.loop import FineTuneSettings
from propago.finetune.warp import WarpSettings
from propago.methods.seg_with_spn.finetune import (
    Example,
    draw,
    foreground_examples,
    object_examples,
    remembered,
)
from propago.methods.seg_with_spn.net import PRESETS, SegConfig, SegNet, with_outputs
from propago.methods.seg_with_spn.objective import SegBatch, SegObjective
from propago.methods.seg_with_spn.run import SegWithSpn
from propago.methods.seg_with_spn.settings import SegSettings
from propago.pipeline import segment_frames
from propago.types import VOID, Annotation, SoftMasks
from tiny_clip import as_frames, tiny_clip

QUICK = FineTuneSettings(held_out=1, check_every_steps=2)
EAGER = FineTuneSettings(learning_rate=3e-2, held_out=1, check_every_steps=10, warmup_steps=2)
STILL = WarpSettings(shift=0, rotation_deg=0, scale=0, flip=0)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("PROPAGO_CACHE", str(tmp_path / "cache"))


def method(steps=1, how=QUICK, heard=None, **settings):
    torch.manual_seed(0)
    finetune = FineTuning(Budget(steps=steps), FineTuneCache(), heard)
    return SegWithSpn(Colours(), finetune, SegSettings(size=64, finetune=how, **settings))


def red_and_blue(shift=0):
    """(64, 64, 3) picture of a red and a blue square on grey, objects 1 and 2, and their map."""
    image, labels = np.full((64, 64, 3), 90, np.uint8), np.zeros((64, 64), np.uint8)
    for object_id, y, colour in ((1, 8, (230, 30, 30)), (2, 36, (30, 30, 230))):
        square = slice(y, y + 20), slice(10 + shift, 30 + shift)
        image[square], labels[square] = colour, object_id
    return image, labels


def overlap(labels, true, object_id):
    found, wanted = labels == object_id, true == object_id
    return (found & wanted).sum() / (found | wanted).sum()


def follow(images, given, propagator):
    return list(segment_frames(as_frames(images), given, propagator))


def seg_loss_of(net):
    image, labels = red_and_blue()
    batch = SegBatch(
        torch.from_numpy(image).permute(2, 0, 1)[None],
        torch.from_numpy(np.minimum(labels, net.config.outputs))[None],
    )
    return net, SegObjective(net)(batch, seed=0)[0]


class TestPerObject(PropagatorContract):
    def make(self):
        return method()

    def training_loss(self):
        return seg_loss_of(Colours())


class TestPerVideo(PropagatorContract):
    sizes = ((48, 64),)

    def make(self):
        return method(per="video")

    def training_loss(self):
        return seg_loss_of(with_outputs(Colours(), 2))


class TestWithoutForegroundFineTuning(PropagatorContract):
    sizes = ((48, 64),)

    def make(self):
        return method(finetune_foreground=False)

    def training_loss(self):
        return seg_loss_of(Colours())


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_can_be_trained(preset):
    torch.manual_seed(0)
    assert_trains(*seg_loss_of(SegNet(PRESETS[preset].config)))


@pytest.mark.parametrize("per", ["object", "video"])
def test_it_is_fine_tuned_on_one_frame_and_finds_them_in_the_next(per):
    (first, labels), (second, moved) = red_and_blue(), red_and_blue(25)
    results = follow([first, second], {0: Annotation(labels)}, method(60, EAGER, per=per))
    assert min(overlap(results[1].labels, moved, i) for i in (1, 2)) > 0.8


def test_a_score_counts_only_inside_the_foreground():
    propagator = method()
    images, labels = tiny_clip(1)
    state = follow(images, {0: Annotation(labels[0])}, propagator)[0].checkpoint.state
    frame = as_frames(images)[0]
    with torch.no_grad():
        scores, picture = propagator.predict(state, frame)
        inside = propagator.foreground(state, picture, frame.size)
        alone = propagator.objects(state, picture, frame.size)
    assert torch.equal(scores.probabilities, torch.where(inside, alone, 0.0))


def test_fine_tuning_an_object_changes_neither_the_parent_nor_the_others():
    images, labels = tiny_clip(4, ids=(2, 5))
    propagator = method()
    before = {name: t.clone() for name, t in propagator.net.state_dict().items()}
    first = np.where(labels[0] == 2, 2, 0).astype(np.uint8)
    late = np.where(labels[2] == 5, 5, 0).astype(np.uint8)
    results = follow(images, {0: Annotation(first), 2: Annotation(late)}, propagator)
    for name, tensor in propagator.net.state_dict().items():
        assert torch.equal(tensor, before[name]), name
    early, later = (results[t].checkpoint.state.objects for t in (1, 3))
    assert [t.ids for t in early] == [(2,)]
    assert [t.ids for t in later] == [(2,), (5,)]
    for name, tensor in early[0].weights.items():
        assert torch.equal(tensor, later[0].weights[name])


def test_the_second_run_finds_everything_in_the_cache():
    heard = []
    images, labels = tiny_clip(3, ids=(1, 4))
    given = {0: Annotation(labels[0])}
    runs = [
        follow(images, given, method(2, heard=lambda *state: heard.append(state[0])))
        for _ in range(2)
    ]
    assert heard == ["foreground"] * 2 + ["object 1"] * 2 + ["object 4"] * 2
    for a, b in zip(*runs, strict=True):
        assert torch.equal(a.masks.probabilities, b.masks.probabilities)


def test_what_is_frozen_stays():
    images, labels = tiny_clip(1)
    propagator = method(frozen=("reduce.",))
    state = follow(images, {0: Annotation(labels[0])}, propagator)[0].checkpoint.state
    assert set(state.foreground) == {"score.weight", "score.bias"}


def test_an_object_of_a_few_pixels_is_no_error():
    images, _ = tiny_clip(3, (200, 240))
    labels = np.zeros((200, 240), np.uint8)
    labels[11, 13] = 3
    labels[100:140, 100:140] = 1
    results = follow(images, {0: Annotation(labels)}, method())
    assert np.array_equal(results[0].labels, labels)
    assert results[2].masks.ids == (1, 3)
    kept = results[0].checkpoint.state.annotated[0].labels
    assert (kept == 3).sum() == 1


@pytest.mark.parametrize("per", ["object", "video"])
def test_an_object_that_fills_the_frame_stays(per):
    images, _ = tiny_clip(2, (64, 64))
    given = {0: Annotation(np.ones((64, 64), np.uint8))}
    results = follow(images, given, method(20, EAGER, per=per))
    assert (results[1].labels == 1).mean() > 0.95


def test_an_annotation_without_an_object_says_nothing():
    images, labels = tiny_clip(4)
    nothing = Annotation(np.zeros_like(labels[0]))
    results = follow(images, {0: nothing, 1: Annotation(labels[1]), 3: nothing}, method())
    assert [r.masks.ids for r in results] == [(), (1,), (1,), (1,)]
    assert len(results[3].checkpoint.state.annotated) == 1


@pytest.mark.parametrize("per", ["object", "video"])
def test_a_mask_of_objects_that_are_gone_says_nothing(per):
    (image,), (labels,) = tiny_clip(1, ids=(1, 4))
    propagator, given = method(per=per), Annotation(labels)
    state = follow([image], {0: given}, propagator)[0].checkpoint.state
    with torch.no_grad():
        scores, seen = propagator.predict(state, as_frames([image])[0])
    gone = propagator.update(state, seen, SoftMasks.none(labels.shape), given)
    assert (gone.ids, gone.objects) == ((), ())
    assert gone.annotated is state.annotated
    left = SoftMasks((4,), scores.probabilities[1:])
    first_again = Annotation(np.where(labels == 1, 1, 0).astype(np.uint8))
    assert propagator.update(state, seen, left, first_again).annotated is state.annotated


def test_networks_of_another_form_are_not_the_same_in_the_cache():
    """Their weights have equal names and shapes."""
    image, labels = red_and_blue()
    networks = [Colours() for _ in range(2)]
    networks[1].load_state_dict(networks[0].state_dict())
    networks[1].config = SegConfig(width=16, non_linear=False)
    heard = []
    for net in networks:
        finetune = FineTuning(
            Budget(steps=1), FineTuneCache(), lambda *state: heard.append(state[0])
        )
        run = SegWithSpn(net, finetune, SegSettings(size=64, finetune=QUICK))
        follow([image], {0: Annotation(np.minimum(labels, 1))}, run)
    assert heard == ["foreground", "object 1"] * 2


def test_of_two_annotations_that_contradict_each_other_the_later_wins():
    image, labels = red_and_blue()
    swapped = np.array([0, 2, 1], np.uint8)[labels]
    given = {0: Annotation(labels), 1: Annotation(swapped)}
    results = follow([image] * 3, given, method(50, EAGER, warp=STILL))
    assert min(overlap(results[2].labels, swapped, i) for i in (1, 2)) > 0.8


class TestExamples:
    image = torch.rand(3, 4, 6)

    def annotated(self, labels, dtype: type[np.unsignedinteger] = np.uint8):
        labels = np.array(labels, dtype)
        return annotated_frame(self.image, Annotation(labels), np.zeros_like(labels))

    def test_targets_by_hand(self):
        one = self.annotated([[7] * 6, [9] * 6, [VOID] * 6, [0] * 6])
        other = self.annotated([[0] * 6, [9] * 6, [0] * 6, [0] * 6])
        (whole,) = foreground_examples([one])
        assert whole.target[:, 0].tolist() == [1, 1, VOID, 0]
        (alone,) = object_examples([one, other], [7])
        assert alone.target[:, 0].tolist() == [1, 0, VOID, 0]
        both = object_examples([one, other], [9, 7])
        assert [example.target[:, 0].tolist() for example in both] == [
            [2, 1, VOID, 0],
            [0, 1, 0, 0],
        ]

    def test_there_may_be_more_objects_than_uint8_can_name(self):
        frame = self.annotated(np.arange(400, 424).reshape(4, 6), np.uint16)
        many = self.annotated(np.arange(600).reshape(20, 30), np.uint16)
        assert foreground_examples([frame])[0].target.all()
        assert object_examples([frame, many], [401])[0].target.sum() == 1

    def test_a_later_frame_is_drawn_more_often_than_all_before_it(self):
        made = [Example(np.full((2, 2, 3), n, np.uint8), np.zeros((2, 2), np.uint8))
                for n in range(3)]  # fmt: skip
        rng = np.random.default_rng(0)
        drawn = [int(draw(rng, made, STILL).images[0, 0, 0, 0]) for _ in range(600)]
        counts = np.bincount(drawn, minlength=3) / 600
        assert np.allclose(counts, [1 / 13, 3 / 13, 9 / 13], atol=0.06)

    def test_which_frames_are_remembered(self):
        frames = [self.annotated([[i] * 6] * 4) for i in (1, 2, 1, 1, 1)]
        kept = remembered(frames, [1, 2], 2)
        assert [id(frame) for frame in kept] == [id(frames[n]) for n in (0, 1, 4)]
        assert len(remembered(frames, [1], 2)) == 2


def test_without_a_cache_nothing_is_written(tmp_path):
    image, labels = red_and_blue()
    settings = SegSettings(size=64, finetune=FineTuneSettings(patience=1, check_every_steps=1))
    propagator = SegWithSpn(Colours(), settings=settings)
    assert propagator.finetune.cache is None
    short = FineTuning(Budget(steps=1))
    follow([image], {0: Annotation(labels)}, SegWithSpn(Colours(), short, settings))
    assert not (tmp_path / "cache").exists()


def test_the_row_of_the_table_names_what_the_method_does():
    row = PROPAGATORS["seg_with_spn"]
    assert (row.refine, row.clean, row.finetune) == ("spn", "craf", "60s")


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"preset": "huge"}, UsageError, "paper"),
        ({"preset": "paper"}, WeightsError, "no weights in the package"),
        ({"weights": "nothing"}, WeightsError, "nothing"),
    ],
)
def test_what_cannot_be_loaded_says_what_can(options, error, says):
    with pytest.raises(error, match=says):
        load_method("seg_with_spn", **options)


@pytest.mark.parametrize(
    "wrong", [{"size": 3}, {"per": "pixel"}, {"annotations": 1}, {"frozen": ("score",)}]
)
def test_settings_that_cannot_work(wrong):
    with pytest.raises(UsageError):
        SegSettings(**wrong)
