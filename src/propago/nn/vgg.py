"""VGG-16 as an encoder (Simonyan and Zisserman, ICLR 2015, configuration D)."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from propago.nn.published import FOLDER, PublishedEncoder

STAGES = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))
"""Channels and convolutions of each stage; a pooling by two ends it."""


class Vgg16(PublishedEncoder):
    """The convolutions of VGG-16."""

    title = "VGG-16"
    published = f"{FOLDER}vgg16-397923af.pth"
    classifier: ClassVar = "classifier."
    channels: ClassVar = {1: 64, 2: 128, 4: 256, 8: 512, 16: 512, 32: 512}
    mean: Tensor
    std: Tensor

    def __init__(self):
        super().__init__()
        layers, inputs = [], 3
        for channels, count in STAGES:
            for _ in range(count):
                layers += [nn.Conv2d(inputs, channels, 3, padding=1), nn.ReLU(inplace=True)]
                inputs = channels
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406])[:, None, None], False)
        self.register_buffer("std", torch.tensor([0.229, 0.224, 0.225])[:, None, None], False)

    def first_like(self, planes: int) -> nn.Conv2d:
        """A convolution of `planes` planes that stands beside the first one, see `forward`."""
        return nn.Conv2d(planes, STAGES[0][0], 3, padding=1)

    def forward(self, images: Tensor, beside: Tensor | None = None) -> dict[int, Tensor]:
        """(B, C, H / stride, W / stride) at each stride of `channels`.

        At strides 1, 2, 4, 8, 16 what a stage sees before its pooling: conv1_2, conv2_2, conv3_3,
        conv4_3, conv5_3; at 32 the last pooling.

        Args:
            images: (B, 3, H, W) RGB in [0, 1]; H and W divisible by 32.
            beside: (B, 64, H, W), added to what the first convolution says.
        """
        first, *rest = self.features
        x = first((images - self.mean) / self.std)
        x = x if beside is None else x + beside
        features, stride = {}, 1
        for layer in rest:
            if isinstance(layer, nn.MaxPool2d):
                features[stride] = x
                stride *= 2
            x = layer(x)
        return features | {stride: x}
