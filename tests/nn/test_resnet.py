"""ResNet: published names and shapes, both conventions, stored statistics."""

from itertools import product

import pytest
import torch
import torch.nn.functional as F

from propago.errors import UsageError, WeightsError
from propago.nn.resnet import Bottleneck, ResNet, caffe_state

CONVOLUTIONS = {
    "conv1.weight": (64, 3, 7, 7),
    "layer1.0.downsample.0.weight": (256, 64, 1, 1),
    "layer2.0.conv2.weight": (128, 128, 3, 3),
    "layer2.3.conv1.weight": (128, 512, 1, 1),
    "layer3.22.conv3.weight": (1024, 256, 1, 1),
    "layer4.0.downsample.0.weight": (2048, 1024, 1, 1),
    "layer4.2.conv3.weight": (2048, 512, 1, 1),
}
TORCHVISION_PARAMETERS = 44_549_160
"""Of its resnet101 with the classifier of 2048 x 1000 + 1000."""


def published():
    """Tensors with the names and shapes of torchvision's resnet101 file of 2018."""
    tensors = {"fc.weight": torch.zeros(1000, 1), "fc.bias": torch.zeros(1000)}

    def add(conv, norm, outputs, inputs, kernel):
        tensors[f"{conv}.weight"] = torch.zeros(outputs, inputs, kernel, kernel)
        for name in ("weight", "bias", "running_mean", "running_var"):
            tensors[f"{norm}.{name}"] = torch.ones(outputs)

    add("conv1", "bn1", 64, 3, 7)
    inputs = 64
    for stage, (width, blocks) in enumerate(((64, 3), (128, 4), (256, 23), (512, 3)), 1):
        for n in range(blocks):
            block = f"layer{stage}.{n}"
            add(f"{block}.conv1", f"{block}.bn1", width, inputs, 1)
            add(f"{block}.conv2", f"{block}.bn2", width, width, 3)
            add(f"{block}.conv3", f"{block}.bn3", 4 * width, width, 1)
            if n == 0:
                add(f"{block}.downsample.0", f"{block}.downsample.1", 4 * width, inputs, 1)
            inputs = 4 * width
    return tensors


def test_torchvisions_file_fills_every_tensor():
    net, tensors = ResNet(101), published()
    net.fill_published(tensors)
    named = {name for name in net.state_dict() if not name.endswith("num_batches_tracked")}
    assert named == {name for name in tensors if not name.startswith("fc.")}
    assert {name: tuple(net.get_parameter(name).shape) for name in CONVOLUTIONS} == CONVOLUTIONS
    assert sum(p.numel() for p in net.parameters()) == TORCHVISION_PARAMETERS - 2049 * 1000
    assert net.layer3[22].conv3.weight.abs().max() == 0, "every weight was replaced"


def test_a_missing_or_unknown_name_is_refused():
    tensors = published()
    rest = {name: t for name, t in tensors.items() if name != "layer3.7.bn2.bias"}
    with pytest.raises(WeightsError, match=r"layer3\.7\.bn2\.bias"):
        ResNet(101).fill_published(rest)
    with pytest.raises(WeightsError, match="layer3"):
        ResNet(50).fill_published(tensors)
    with pytest.raises(UsageError, match="50, 101"):
        ResNet(34)


@pytest.mark.parametrize("stride_in", ["3x3", "1x1"])
def test_sizes_of_the_layer_table(stride_in):
    with torch.device("meta"):
        features = ResNet(101, stride_in)(torch.rand(1, 3, 480, 854))
    sizes = {stride: tuple(x.shape[1:]) for stride, x in features.items()}
    assert sizes[4] == (256, 120, 213 if stride_in == "1x1" else 214)
    assert sizes[8] == (512, 60, 107)
    assert sizes[16] == (1024, 30, 54)
    assert sizes[32] == (2048, 15, 27)


def test_the_stride_sits_where_it_is_said():
    strides = {
        where: [Bottleneck(8, 4, 2, where).get_submodule(f"conv{k}").stride[0] for k in (1, 2, 3)]
        for where in ("3x3", "1x1")
    }
    assert strides == {"3x3": [1, 2, 1], "1x1": [2, 1, 1]}


def test_pictures_are_normalised_by_the_convention():
    red = torch.tensor([1.0, 0.0, 0.0])[:, None, None]
    net = ResNet(50)
    assert torch.allclose(
        ((red - net.mean) / net.std).flatten(),
        torch.tensor([(1 - 0.485) / 0.229, -0.456 / 0.224, -0.406 / 0.225]),
    )
    net = ResNet(50, "1x1")
    assert torch.allclose(
        ((red - net.mean) / net.std).flatten(),
        torch.tensor([255 - 122.679, -116.669, -104.007]),
        atol=1e-3,
    )


def test_statistics_stay_while_scales_learn():
    torch.manual_seed(0)
    net = ResNet(50).train()
    before = {name: b.clone() for name, b in net.named_buffers()}
    image = torch.rand(1, 3, 32, 32)
    with torch.no_grad():
        training, evaluated = net(image)[8], net.eval()(image)[8]
    assert torch.equal(training, evaluated)
    net.train()(image)[32].mean().backward()
    assert all(torch.equal(b, before[name]) for name, b in net.named_buffers())
    assert net.bn1.weight.grad is not None
    assert net.bn1.weight.grad.abs().sum() > 0


def test_caffe_layers_become_the_same_function():
    """Its first convolution reads BGR; its statistics are sums over a factor."""
    generator = torch.Generator().manual_seed(0)
    blobs = {}

    def add(layer, norm, outputs, inputs, kernel):
        blobs[layer] = [torch.rand(outputs, inputs, kernel, kernel, generator=generator)]
        statistics = [torch.rand(outputs, generator=generator) + 0.5 for _ in range(2)]
        blobs[f"bn{norm}"] = [*statistics, torch.tensor([2.0])]
        blobs[f"scale{norm}"] = [torch.rand(outputs, generator=generator) for _ in range(2)]

    add("conv1", "_conv1", 64, 3, 7)
    inputs = 64
    blocks = {"2": "a b c", "3": "a b1 b2 b3", "5": "a b c"}
    blocks["4"] = "a " + " ".join(f"b{n}" for n in range(1, 23))
    for stage, width in zip("2345", (64, 128, 256, 512), strict=True):
        for block in blocks[stage].split():
            shapes = {
                "2a": (width, inputs, 1),
                "2b": (width, width, 3),
                "2c": (4 * width, width, 1),
            }
            if block == "a":
                shapes["1"] = (4 * width, inputs, 1)
            for branch, shape in shapes.items():
                add(f"res{stage}{block}_branch{branch}", f"{stage}{block}_branch{branch}", *shape)
            inputs = 4 * width
    net = ResNet(101, "1x1")
    net.fill_published(caffe_state(blobs))
    bgr = torch.rand(1, 3, 16, 16) * 255
    images = (bgr + torch.tensor([104.007, 116.669, 122.679])[:, None, None]).flip(1) / 255
    mean, variance, factor = blobs["bn_conv1"]
    theirs = F.batch_norm(
        F.conv2d(bgr, blobs["conv1"][0], stride=2, padding=3),
        mean / factor,
        variance / factor,
        *blobs["scale_conv1"],
    )
    ours = net.bn1(net.conv1((images - net.mean) / net.std))
    assert torch.allclose(ours, theirs, rtol=1e-4, atol=1e-2)
    last = blobs["res4b22_branch2b"][0]
    assert torch.equal(net.layer3[22].conv2.weight, last)
    for name, depth in product(["res5a_branch1"], [50, 101]):
        rest = {layer: b for layer, b in blobs.items() if layer != name}
        with pytest.raises(WeightsError, match=f"ResNet-{depth}"):
            caffe_state(rest, depth)
