"""The two-class network: layer table, sizes, losses by hand, over-fitting one frame."""

import math

import pytest
import torch

from propago.errors import ShapeError
from propago.methods.seg_with_spn.net import PRESETS, SegConfig, SegNet, with_outputs
from propago.methods.seg_with_spn.objective import SegBatch, SegObjective
from propago.nn.losses import balanced_loss, jaccard_loss

RESNET101 = 44_549_160 - 2049 * 1000
"""Parameters of torchvision's resnet101 without its classifier."""


class Saying(torch.nn.Module):
    """A trunk that sees the same in every picture."""

    def __init__(self, features):
        super().__init__()
        self.features = features

    def forward(self, images):
        return self.features


@pytest.fixture
def net():
    torch.manual_seed(0)
    return SegNet().eval()


def test_the_papers_preset_has_the_layers_of_the_table():
    with torch.device("meta"):
        net = SegNet(PRESETS["paper"].config)
        logits = net(torch.rand(2, 3, 480, 854))
    assert tuple(net.reduce.weight.shape) == (128, 512 + 1024 + 2048, 1, 1)
    assert tuple(net.score.weight.shape) == (1, 128, 1, 1)
    assert net.config.scales == (0.2, 0.2, 1.0)
    assert not net.config.non_linear
    head = 3584 * 128 + 128 + 128 + 1
    assert sum(p.numel() for p in net.parameters()) == RESNET101 + head
    assert tuple(logits.shape) == (2, 1, 480, 854)


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("size", [(481, 853), (1, 1), (7, 33), (64, 96)])
def test_results_have_the_pictures_size(preset, size):
    with torch.device("meta"):
        assert tuple(SegNet(PRESETS[preset].config)(torch.rand(1, 3, *size)).shape) == (1, 1, *size)


def test_caffes_convention_has_the_pictures_size_too():
    config = SegConfig("resnet101", stride_in="1x1")
    with torch.device("meta"):
        assert tuple(SegNet(config)(torch.rand(1, 3, 481, 853)).shape) == (1, 1, 481, 853)


def test_the_papers_head_is_linear_and_ours_is_not(net):
    x = torch.randn(1, 344, 4, 4)
    for config, linear in ((SegConfig(non_linear=False), True), (SegConfig(), False)):
        other = SegNet(config)
        other.trunk = Saying({8: x[:, :40], 16: x[:, 40:152, :2, :2], 32: x[:, 152:, :1, :1]})
        inside = other._fused(torch.zeros(1))
        assert bool((inside < 0).any()) is linear


def test_features_lie_over_each_other(net):
    """A cell of stride 32 covers the four by four cells of stride 8 under it."""
    cells = torch.zeros(1, 192, 2, 3)
    cells[..., 1, 2] = 1
    net.trunk = Saying({8: torch.zeros(1, 40, 8, 12), 16: torch.zeros(1, 112, 4, 6), 32: cells})
    torch.nn.init.constant_(net.reduce.weight, 1.0)
    inside = net._fused(torch.zeros(1))[0, 0]
    rows, columns = (inside > 0.9 * inside.max()).nonzero(as_tuple=True)
    assert rows.unique().tolist() == [6, 7]
    assert columns.unique().tolist() == [10, 11]
    assert inside[:, 0].max() == 0, "a cell away there is nothing"


def test_other_shapes_are_refused(net):
    for shape in ((3, 32, 32), (1, 1, 32, 32), (1, 3, 0, 32)):
        with pytest.raises(ShapeError, match=r"\(B, 3, H, W\)"):
            net(torch.zeros(shape))


def test_objects_share_the_foreground_they_begin_from(net):
    before = {name: t.clone() for name, t in net.state_dict().items()}
    several = with_outputs(net, 3)
    image = torch.rand(1, 3, 40, 56)
    with torch.no_grad():
        foreground, logits = net(image).sigmoid()[:, 0], several(image)
        several.score.weight.fill_(7)
    shares = torch.cat([torch.zeros_like(logits[:, :1]), logits], 1).softmax(1)
    assert logits.shape == (1, 3, 40, 56)
    assert torch.allclose(shares[:, 1:].sum(1), foreground, atol=1e-6)
    assert torch.allclose(logits[:, 0], logits[:, 2])
    assert all(torch.equal(t, before[name]) for name, t in net.state_dict().items())
    for wrong, outputs in ((several, 2), (net, 0)):
        with pytest.raises(ShapeError, match="1 output"):
            with_outputs(wrong, outputs)


def test_the_balanced_loss_is_equation_1():
    """One of four pixels is foreground: it weighs 3/4, the others 1/4 each."""
    logits = torch.tensor([[[[2.0, -1.0], [0.5, 0.0]]]])
    target = torch.tensor([[[1, 0], [0, 0]]], dtype=torch.uint8)
    foreground = -0.75 * math.log(1 / (1 + math.exp(-2.0)))
    background = [-0.25 * math.log(1 / (1 + math.exp(z))) for z in (-1.0, 0.5, 0.0)]
    expected = (foreground + sum(background)) / 4
    assert balanced_loss(logits, target).item() == pytest.approx(expected, rel=1e-6)


def test_the_gradient_of_the_balanced_loss_by_hand():
    logits = torch.tensor([[[[2.0, -1.0], [0.5, 0.0]]]], requires_grad=True)
    target = torch.tensor([[[1, 0], [0, 0]]], dtype=torch.uint8)
    balanced_loss(logits, target).backward()
    p = logits.detach().sigmoid()
    expected = torch.where(target[:, None] == 1, 0.75 * (p - 1), 0.25 * p) / 4
    assert logits.grad.allclose(expected)


def test_void_counts_for_nothing():
    logits = torch.randn(1, 1, 2, 3, generator=torch.Generator().manual_seed(0))
    target = torch.tensor([[[1, 0, 255], [0, 0, 255]]], dtype=torch.uint8)
    for loss in (balanced_loss, jaccard_loss):
        assert torch.allclose(loss(logits, target), loss(logits[..., :2], target[..., :2]))
    nowhere = torch.full_like(target, 255)
    assert balanced_loss(logits, nowhere) == jaccard_loss(logits, nowhere) == 0


@pytest.mark.parametrize("kind", [0, 1])
def test_a_picture_of_one_kind_is_finite(kind):
    logits = torch.zeros(2, 1, 4, 4, requires_grad=True)
    target = torch.full((2, 4, 4), kind, dtype=torch.uint8)
    loss = balanced_loss(logits, target) + jaccard_loss(logits, target)
    loss.backward()
    assert torch.isfinite(loss)
    assert logits.grad.isfinite().all()
    assert balanced_loss(logits, target) == 0


def test_the_mean_over_pictures_is_taken_last():
    logits = torch.randn(2, 1, 3, 3)
    target = (torch.rand(2, 3, 3) > 0.6).to(torch.uint8)
    alone = [balanced_loss(logits[b : b + 1], target[b : b + 1]) for b in range(2)]
    assert torch.allclose(balanced_loss(logits, target), torch.stack(alone).mean())


def test_the_balanced_loss_of_two_objects_by_hand():
    """Shares 1/2, 1/4, 1/4: background weighs 1/2, each object 3/4."""
    logits = torch.randn(1, 2, 2, 2)
    rows = torch.tensor([[[0, 1], [2, 0]]])
    log_p = torch.cat([torch.zeros(1, 1, 2, 2), logits], 1).log_softmax(1)[0]
    terms = 0.5 * (log_p[0, 0, 0] + log_p[0, 1, 1]) + 0.75 * (log_p[1, 0, 1] + log_p[2, 1, 0])
    assert torch.allclose(balanced_loss(logits, rows), -terms / 4)


def test_the_jaccard_loss_is_each_object_against_all_else():
    """The first picture shows the first object alone, the second both, none the third."""
    logits = torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(0))
    rows = torch.zeros(2, 4, 5, dtype=torch.uint8)
    rows[:, 1:3, :2], rows[1, :, 3], rows[:, 0, 0] = 1, 2, 255
    expected = []
    for n, shown in ((1, (0, 1)), (2, (1,))):
        others = [k for k in range(3) if k != n - 1]
        rest = torch.log(1 + logits[:, others].exp().sum(1))
        own = torch.where(rows == 255, 0, (logits[:, n - 1] - rest).sigmoid())
        both = (own * (rows == n)).sum((1, 2))
        either = own.sum((1, 2)) + (rows == n).sum((1, 2)) - both
        apart = 1 - (both + 1) / (either + 1)
        expected.append(apart[list(shown)].mean())
    assert torch.allclose(jaccard_loss(logits, rows), torch.stack(expected).sum() / 3, atol=1e-6)


def test_one_frame_is_learnt_by_heart(net):
    rows, columns = torch.meshgrid(torch.arange(48), torch.arange(64), indexing="ij")
    truth = (((rows - 22) ** 2 + (columns - 28) ** 2) < 14**2).to(torch.uint8)[None]
    images = torch.randint(0, 90, (1, 3, 48, 64), generator=torch.Generator().manual_seed(0))
    images[:, 0] += 120 * truth
    batch = SegBatch(images.to(torch.uint8), truth)
    objective = SegObjective(net)
    optimiser = torch.optim.AdamW(net.parameters(), lr=2e-3)
    for _ in range(80):
        loss, numbers = objective(batch, 0)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert numbers["overlap"] > 0.95
