import pytest
import torch

from propago.errors import WeightsError
from propago.nn.vgg import Vgg16

CONVOLUTIONS = {0: 64, 2: 64, 5: 128, 7: 128, 10: 256, 12: 256, 14: 256}
CONVOLUTIONS |= dict.fromkeys((17, 19, 21, 24, 26, 28), 512)


@pytest.fixture(scope="module")
def published():
    """Tensors with the names and shapes of torchvision's vgg16 file, its classifier shortened."""
    tensors, inputs = {"classifier.0.weight": torch.zeros(1, 1)}, 3
    for n, channels in CONVOLUTIONS.items():
        tensors[f"features.{n}.weight"] = torch.full((channels, inputs, 3, 3), 0.01)
        tensors[f"features.{n}.bias"] = torch.zeros(channels)
        inputs = channels
    return tensors


def test_published_weights_fill_every_layer(published):
    net = Vgg16()
    net.fill_published(published)
    assert all(p.abs().max() <= 0.011 for p in net.parameters())


def test_a_missing_or_other_weight_is_refused(published):
    rest = {name: t for name, t in published.items() if name != "features.28.bias"}
    with pytest.raises(WeightsError, match=r"features\.28\.bias"):
        Vgg16().fill_published(rest)


def test_stages_halve_the_picture():
    with torch.no_grad():
        net = Vgg16()
        image, plane = torch.rand(1, 3, 32, 64), torch.rand(2, 1, 32, 64)
        features = net(image)
        beside = net.first_like(1)(plane)
        again = net(image, torch.zeros_like(beside))
        assert torch.allclose(again[32][:1], features[32], atol=1e-5)
        assert net(image, beside)[1].shape == (2, 64, 32, 64)
    assert {stride: tuple(x.shape[1:]) for stride, x in features.items()} == {
        stride: (channels, 32 // stride, 64 // stride) for stride, channels in net.channels.items()
    }
    assert list(net.channels.values()) == [64, 128, 256, 512, 512, 512]
