"""The network that is clicked at: what it sees, what it learns from, where it looks."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from propago.methods.ritm.maps import DISC_PX, PLANES, prompt_maps
from propago.methods.ritm.net import RitmConfig, RitmNet
from propago.methods.ritm.objective import (
    RitmObjective,
    Views,
    answer_loss,
    corrected,
    drawn_box,
    first_prompt,
)
from propago.methods.ritm.run import VIEWS, Ritm, RitmSettings
from propago.methods.ritm.run import corrected as corrected_mask
from propago.methods.ritm.window import KNOWN_MARGIN, Window, around, begun, whole
from propago.prompts import Prompt

SMALL = RitmConfig(widths=(16, 16, 8, 8))
TRUTH = np.zeros((64, 64), np.uint8)
TRUTH[20:44, 10:50] = 1


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(0)
    return RitmNet(SMALL)


def test_maps_are_discs_a_filled_box_and_the_mask_before():
    before = np.full((40, 60), 0.25, np.float32)
    maps = prompt_maps(Prompt((10, 5, 30, 25), ((20.5, 15.5),), ((50, 30), (2, 2))), before)
    assert maps.shape == (PLANES, 40, 60)
    assert maps[0].sum() == pytest.approx(np.pi * DISC_PX**2, rel=0.15)
    assert maps[0, 15, 20] == maps[1, 30, 50] == maps[1, 0, 0] == 1
    assert maps[2].sum() == maps[2, 5:25, 10:30].sum() == 400
    assert (maps[3] == 0.25).all()


def test_logits_have_the_size_of_the_picture(net):
    images, maps = torch.rand(2, 3, 45, 70), torch.zeros(2, PLANES, 45, 70)
    assert net(images, maps).shape == (2, 45, 70)
    sizes = [tuple(level.shape[-2:]) for level in net.levels(images, maps)]
    assert sizes == [(2, 3), (4, 6), (8, 12), (16, 24)]


def test_every_prompt_changes_the_answer(net):
    image, maps = torch.rand(1, 3, 64, 64), torch.zeros(1, PLANES, 64, 64)
    plain = net(image, maps)
    for plane in range(PLANES):
        other = maps.clone()
        other[:, plane, 20:40, 20:40] = 1
        assert not torch.allclose(net(image, other), plain)


def batch(count=2):
    images = torch.randint(0, 256, (count, 3, 64, 64), dtype=torch.uint8)
    return Views(images, torch.from_numpy(np.stack([TRUTH] * count)))


def test_every_parameter_learns_and_a_seed_decides_the_prompts():
    torch.manual_seed(0)
    objective = RitmObjective(RitmNet(SMALL), begun=0.5)
    drawn = batch(4)
    losses = [objective(drawn, seed)[0] for seed in (1, 1, 2)]
    assert losses[0] == losses[1] != losses[2]
    sum(losses).backward()
    still = [n for n, p in objective.net.named_parameters() if p.grad is None or not p.grad.any()]
    assert not still


def test_it_learns_in_bfloat16_as_well():
    objective = RitmObjective(RitmNet(SMALL), begun=0.5)
    drawn = batch(4)
    exact = objective(drawn, 3)[0]
    with torch.autocast("cpu", torch.bfloat16):
        loss = objective(drawn, 3)[0]
    assert loss.item() == pytest.approx(exact.item(), rel=0.05)
    loss.backward()


def test_the_loss_is_small_for_the_truth_and_void_counts_for_nothing():
    truth = torch.from_numpy(TRUTH)[None].clone()
    right = [torch.where(truth == 1, 9.0, -9.0)] * 2
    loss, numbers = answer_loss(right, truth)
    assert loss < 0.02
    assert numbers["overlap"] > 0.98
    truth[:, :, 55:] = 255
    changed = right[0].clone()
    changed[:, :, 55:] = 9.0
    assert answer_loss([changed, changed], truth)[0] < 0.02


@pytest.mark.parametrize("seed", range(8))
def test_the_first_prompt_is_a_box_or_a_click_on_the_object(seed):
    prompt = first_prompt(TRUTH, np.random.default_rng(seed))
    assert prompt.box_xyxy or prompt.positive
    for x, y in prompt.positive:
        assert TRUTH[int(y), int(x)] == 1
    x0, y0, x1, y1 = drawn_box(TRUTH, np.random.default_rng(seed))
    assert 4 <= x0 <= 13
    assert 47 <= x1 <= 56
    assert 16 <= y0 <= 22
    assert 42 <= y1 <= 48


def test_corrections_are_clicks_where_the_mask_is_wrong():
    rng, mask = np.random.default_rng(0), np.zeros((64, 64), bool)
    once = corrected(Prompt(), mask, TRUTH, rng)
    assert len(once.positive) == 1
    mask[:] = True
    twice = corrected(once, mask, TRUTH, rng)
    ((x, y),) = twice.negative
    assert TRUTH[int(y), int(x)] == 0
    assert corrected(twice, TRUTH == 1, TRUTH, rng) == twice


def test_a_window_lies_around_all_prompts_within_the_picture():
    prompt = Prompt((100, 50, 200, 100), ((190, 60),))
    window = around(prompt, None, (480, 854, 3), 256)
    assert (window.x0, window.x1, window.y0, window.y1) == (80, 220, 5, 145)
    assert window.size == (256, 256)
    mask = np.zeros((480, 854), bool)
    mask[300:400, 0:300] = True
    window = around(Prompt(), mask, (480, 854, 3), 256)
    assert (window.x0, window.x1, window.y0, window.y1) == (0, 360, 140, 480)
    assert window.size[0] * window.size[1] == pytest.approx(256**2, rel=0.01)
    assert whole((480, 854, 3), 256).size == (192, 341)


def test_prompts_move_into_the_window():
    moved = Window(100, 50, 200, 100, (100, 200)).of(
        Prompt((110, 60, 130, 80), ((150, 75),), ((100, 50),))
    )
    assert moved.box_xyxy == (20, 20, 60, 60)
    assert (moved.positive, moved.negative) == (((100, 50),), ((0, 0),))


class Echo(RitmNet):
    """Answers with the mask before, or else the box, or else the discs, and keeps what it saw."""

    def __init__(self):
        super().__init__(SMALL)
        self.seen: list[torch.Tensor] = []

    def forward(self, images, maps):
        self.seen.append(maps)
        plane = next(maps[:, n] for n in (3, 2, 0) if maps[:, n].any())
        return plane * 20 - 10


def asked(prompt, size=128):
    ritm = Ritm(Echo(), RitmSettings(size))
    assert isinstance(ritm.net, Echo)
    rgb = np.zeros((120, 200, 3), np.uint8)
    return ritm(rgb, prompt), ritm.net.seen


def looks(seen):
    """The planes of each look by their sizes: a look is as many views as `VIEWS`."""
    many = len(VIEWS)
    return [
        sorted(seen[n : n + many], key=lambda maps: maps.shape[-1])
        for n in range(0, len(seen), many)
    ]


def test_a_box_is_looked_at_twice_and_answered_at_full_size():
    mask, seen = asked(Prompt((40, 30, 100, 80)))
    (small, large), second = looks(seen)
    assert not small[:, 3].any()
    assert not large[:, 3].any()
    assert all(maps[:, 3].any() for maps in second)
    truth = np.zeros((120, 200), bool)
    truth[30:80, 40:100] = True
    assert (mask & truth).sum() / (mask | truth).sum() > 0.97


def test_a_first_click_is_looked_at_twice_the_second_time_from_close_by():
    mask, seen = asked(Prompt(positive=((60.5, 40.5),)))
    first, second = looks(seen)
    assert not any(maps[:, 3].any() for maps in first)
    assert all(maps[:, 3].any() for maps in second)
    assert mask[40, 60]


class Leftish(RitmNet):
    """Sees the object in the left of whatever it is shown, and box and click where they are."""

    def forward(self, images, maps):
        logits = torch.full_like(maps[:, 0], -30)
        logits[..., : logits.shape[-1] // 2] = 30
        return logits


def test_one_view_is_a_mirror_image():
    ritm = Ritm(Leftish(SMALL), RitmSettings(128))
    window = Window(0, 0, 200, 120, (120, 200))
    seen = ritm._seen(np.zeros((120, 200, 3), np.uint8), Prompt((40, 30, 100, 80)), window)
    np.testing.assert_allclose(seen[:, :95], 0.5, atol=0.01)
    np.testing.assert_allclose(seen[:, 105:], 0.5, atol=0.01)


def test_a_mask_so_far_is_what_it_begins_with():
    present = np.zeros((120, 200), bool)
    present[50:90, 120:170] = True
    mask, seen = asked(Prompt(positive=((140, 70),), present=present))
    (views,) = looks(seen)
    assert all(maps[:, 3].any() for maps in views)
    np.testing.assert_array_equal(mask, present)


def test_a_correction_changes_only_what_the_clicks_lie_in():
    present, found = np.zeros((2, 60, 80), bool)
    present[10:30, 10:30], present[40:50, 10:20] = True, True
    found[10:30, 20:40], found[5:9, 60:70] = True, True
    wanted = present.copy()
    wanted[10:30, 30:40] = True
    once = corrected_mask(present, found, Prompt(positive=((35, 20),)))
    np.testing.assert_array_equal(once, wanted)
    wanted[40:50, 10:20] = False
    twice = corrected_mask(present, found, Prompt(positive=((35, 20),), negative=((15, 45),)))
    np.testing.assert_array_equal(twice, wanted)


def test_a_click_in_a_thin_error_adds_hardly_more_than_the_error():
    present, found = np.zeros((2, 480, 854), bool)
    present[100:300, 200:400] = True
    found[:] = present
    found[100:300, 400:403] = True
    mask = corrected_mask(present, found, Prompt(positive=((401, 200),)))
    assert mask[found].all()
    assert (mask & ~found).sum() <= 12  # what of a disc of 3 px reaches beyond a strip of 3
    mask = corrected_mask(found, present, Prompt(negative=((401, 200),)))
    assert not mask[found & ~present].any()
    assert (present & ~mask).sum() <= 12


@pytest.mark.parametrize(("logit", "corrects"), [(-0.4, True), (-1.4, False)])
def test_a_click_that_corrects_takes_what_is_likely_enough(logit, corrects, monkeypatch):
    monkeypatch.setattr(Echo, "forward", lambda self, images, maps: maps[:, 0] * 0 + logit)
    present = np.zeros((120, 200), bool)
    present[50:90, 120:170] = True
    mask, _ = asked(Prompt(positive=((180, 70),), present=present))
    assert mask is not None
    assert (mask.sum() > 2 * present.sum()) == corrects
    assert mask[present].all()


def test_without_a_prompt_nothing_changes():
    present = np.zeros((120, 200), bool)
    assert asked(Prompt(present=present)) == (None, [])
    assert asked(Prompt(negative=((5, 5),)))[0] is None
    present[4, 5] = True
    assert asked(Prompt(present=present))[0] is present


def test_clicks_are_looked_at_first_about_the_size_known_of_the_object():
    click = Prompt(positive=((200.0, 100.0),))
    assert begun(click, (240, 400, 3), 128) == whole((240, 400, 3), 128)
    near = begun(replace(click, longer_side_px=20.0), (240, 400, 3), 128)
    assert near.x1 - near.x0 == near.y1 - near.y0 == KNOWN_MARGIN * 20
    assert near.x0 < 200 < near.x1
    far = begun(replace(click, longer_side_px=900.0), (240, 400, 3), 128)
    assert far == whole((240, 400, 3), 128)
