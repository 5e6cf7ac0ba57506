"""Dilation in place of stride: the same features where both networks have positions."""

import pytest
import torch

from propago.nn.dilated import DilatedResNet
from propago.nn.resnet import ResNet


@pytest.mark.parametrize("size", [(96, 128), (72, 101)])
def test_the_features_are_those_of_stride_32_at_its_positions(size):
    torch.manual_seed(0)
    coarse, fine = ResNet(50), DilatedResNet(50)
    for module in coarse.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.weight.data.uniform_(0.3, 0.6)
    fine.load_state_dict(coarse.state_dict())
    images = torch.rand(1, 3, *size)
    with torch.no_grad():
        wanted, found = coarse(images)[32], fine(images)[8]
    assert found.shape[-2:] == tuple(-(-side // 8) for side in size)
    assert torch.allclose(found[..., ::4, ::4], wanted, rtol=1e-3, atol=1e-4)


def test_what_is_early_is_counted_as_without_dilation():
    with torch.device("meta"):
        coarse, fine = ResNet(50), DilatedResNet(50)
    for stride in (0, 4, 8, 16, 32):
        assert len(fine.early(stride)) == len(coarse.early(stride))
