import numpy as np
import pytest
import torch

from propago.errors import MaskError, ShapeError, UsageError
from propago.ops.scan import propagate
from propago.refinement.spn.net import SpnConfig, SpnNet
from propago.refinement.spn.run import Spn
from propago.refinement.spn.settings import SpnSettings
from propago.types import Frame, SoftMasks

SIZE = (45, 61)
ALONE = SpnConfig(sees_mask=False, trusts=False, rounds=2)
NETS = [SpnConfig(), ALONE, SpnConfig(guidance="vgg16")]


def a_net(config=None, gates=0.0):
    torch.manual_seed(0)
    net = SpnNet(config)
    torch.nn.init.normal_(net.guidance.gates.weight, std=gates or 1e-9)
    return net


def boxes(*places):
    rows = torch.zeros(len(places), *SIZE)
    for row, (top, left, bottom, right) in zip(rows, places, strict=True):
        row[top:bottom, left:right] = 0.8
    return rows


@pytest.mark.parametrize("config", NETS, ids=["compact", "picture alone", "vgg16"])
def test_a_new_network_is_the_identity_for_any_size(config):
    coarse = torch.rand(1, 1, *SIZE)
    with torch.no_grad():
        out = SpnNet(config).eval()(torch.rand(1, 3, *SIZE), coarse)
        assert torch.allclose(out, coarse, atol=1e-6)
        assert torch.equal(out > 0.5, coarse > 0.5)


@pytest.mark.parametrize("config", NETS, ids=["compact", "picture alone", "vgg16"])
def test_every_parameter_gets_a_gradient(config):
    net = a_net(config, gates=0.1)
    out = net(torch.rand(2, 3, 32, 37), torch.rand(2, 1, 32, 37))
    assert out.shape == (2, 1, 32, 37)
    (out * torch.rand_like(out)).sum().backward()
    for name, parameter in net.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.any(), name


def test_gates_of_the_picture_alone_do_not_know_the_mask():
    net = a_net(SpnConfig(sees_mask=False, trusts=False), gates=0.5).eval()
    image = torch.rand(1, 3, *SIZE)
    with torch.no_grad():
        gates = net.guidance(image, torch.zeros(1, 1, *SIZE))
        assert torch.equal(gates, net.guidance(image, torch.ones(1, 1, *SIZE)))
        coarse = torch.rand(1, 1, *SIZE)
        wanted = propagate(coarse, gates.reshape(1, 1, 4, 3, *SIZE))
        assert torch.equal(net(image, coarse), wanted)


def test_where_nothing_is_trusted_what_arrives_decides():
    net = a_net(SpnConfig())
    coarse = torch.zeros(1, 1, *SIZE)
    coarse[..., 30:] = 1
    net.guidance = Says(slice(20, 40))
    with torch.no_grad():
        out = net(torch.rand(1, 3, *SIZE), coarse)[0, 0]
    assert (out[:, :20] < 0.01).all()
    assert torch.allclose(out[:, 20:40], torch.ones(()), atol=0.01), "carried to the left"
    assert (out[:, 40:] > 0.99).all()


class Says(torch.nn.Module):
    """A guidance that trusts all but some columns, and carries to the left there."""

    def __init__(self, columns):
        super().__init__()
        self.said = torch.zeros(1, 13, *SIZE)
        self.said[:, 12] = 9
        self.said[:, 12, :, columns] = -30
        self.said[:, 4, :, columns] = 1

    def forward(self, images, coarse):
        return self.said


def test_work_is_done_near_the_object_only():
    spn = Spn(a_net(gates=0.5), SpnSettings(margin_px=5))
    coarse = boxes((10, 10, 20, 20), (0, 0, 0, 0))
    out = spn.refine(torch.rand(3, *SIZE), coarse)
    inside = torch.zeros(SIZE, dtype=torch.bool)
    inside[5:25, 5:25] = True
    assert not torch.equal(out[0], coarse[0])
    assert torch.equal(out[0][~inside], coarse[0][~inside])
    assert torch.equal(out[1], coarse[1])
    assert out.min() >= 0
    assert out.max() <= 1


def test_objects_are_refined_alone():
    image, spn = torch.rand(3, *SIZE), Spn(a_net(gates=0.5))
    coarse = boxes((5, 5, 20, 20), (15, 15, 40, 50), (30, 2, 40, 12))
    together = spn.refine(image, coarse)
    for row, alone in zip(coarse, together, strict=True):
        assert torch.equal(spn.refine(image, row[None])[0], alone)


def test_the_whole_frame_is_worked_on_only_where_asked_for():
    net, image = a_net(gates=0.5), torch.rand(3, *SIZE)
    coarse = boxes((10, 10, 20, 20), (30, 40, 40, 50))
    far = torch.ones(SIZE, dtype=torch.bool)
    far[5:25, 5:25] = False
    near, whole = (
        Spn(net, SpnSettings(margin_px=5, cover_px=0, whole_frame=asked)).refine(image, coarse)
        for asked in (False, True)
    )
    assert torch.equal(near[0][far], coarse[0][far])
    assert not torch.equal(whole[0][far], coarse[0][far])
    with torch.no_grad():
        wanted = net(image.expand(2, -1, -1, -1), coarse[:, None])[:, 0].clamp(0, 1)
    assert torch.allclose(whole, wanted, atol=1e-5)


def test_a_box_at_the_border_and_the_whole_frame():
    coarse = boxes((0, 50, 9, 61))
    image = torch.rand(3, *SIZE)
    for settings in (SpnSettings(), SpnSettings(whole_frame=True), SpnSettings(margin_px=0)):
        out = Spn(a_net(gates=0.5), settings).refine(image, coarse)
        assert out.shape == coarse.shape
        assert out.isfinite().all()


def test_in_the_whole_frame_an_object_reaches_what_is_beyond_its_margin():
    coarse, image = boxes((10, 10, 20, 20)), torch.rand(3, *SIZE)
    net = a_net(gates=2.0)
    near, far = (
        Spn(net, settings).refine(image, coarse)
        for settings in (SpnSettings(margin_px=8), SpnSettings(margin_px=8, whole_frame=True))
    )
    beyond = torch.ones(SIZE, dtype=torch.bool)
    beyond[2:28, 2:28] = False
    assert torch.equal(near[0][beyond], coarse[0][beyond])
    assert not torch.equal(far[0][beyond], coarse[0][beyond])


def test_as_a_refiner_it_keeps_ids_and_drops_logits():
    frame = Frame(torch.rand(3, *SIZE), 0, "00000")
    scores = SoftMasks((4, 2), boxes((2, 2, 9, 9), (20, 20, 30, 30)), torch.zeros(3, *SIZE))
    out = Spn(SpnNet(), SpnSettings(cover_px=0))(frame, scores)
    assert out.ids == (4, 2)
    assert out.logits is None
    assert torch.allclose(out.probabilities, scores.probabilities, atol=1e-6)
    assert Spn(SpnNet())(frame, SoftMasks.none(SIZE)).ids == ()


def test_small_objects_are_worked_on_at_up_to_twice_their_size():
    seen = []

    def net(image, coarse):
        seen.append(tuple(image.shape[-2:]))
        assert coarse.shape[-2:] == image.shape[-2:]
        return coarse

    coarse = boxes((10, 10, 16, 18), (5, 5, 29, 41))
    for cover_px, wanted in ((0, [(22, 24), (37, 49)]), (40, [(38, 42), (37, 49)])):
        seen.clear()
        spn = Spn(SpnNet(), SpnSettings(margin_px=8, cover_px=cover_px))
        spn.net.forward = net
        out = spn.refine(torch.rand(3, *SIZE), coarse)
        assert seen == wanted
        assert out.shape == coarse.shape
        assert torch.equal(out > 0.4, coarse > 0.4), "what the network leaves alone stays"


def test_bad_input_is_said():
    spn, image = Spn(SpnNet()), torch.rand(3, *SIZE)
    with pytest.raises(ShapeError, match="one size"):
        spn.refine(image, torch.zeros(1, 7, 8))
    with pytest.raises(MaskError, match="reach from -2"):
        spn.refine(image, boxes((2, 2, 9, 9)) - 2)
    with pytest.raises(MaskError, match="nan"):
        spn.refine(image, torch.full((1, *SIZE), np.nan))
    with pytest.raises(UsageError, match="margin_px"):
        SpnSettings(margin_px=-1)
    with pytest.raises(ShapeError, match="coarse masks"):
        SpnNet()(image[None], torch.zeros(2, 1, *SIZE))
