"""A foreground network of Seg-with-SPN that is small enough to be fine-tuned in a test."""

from torch import nn

from propago.methods.seg_with_spn.net import SegConfig, SegNet


class Colours(SegNet):
    """Tells colours apart."""

    def __init__(self, config=None):
        nn.Module.__init__(self)
        self.config = SegConfig(width=16)
        self.reduce = nn.Conv2d(3, 16, 5, padding=2)
        self.score = nn.Conv2d(16, 1, 1)

    def forward(self, images):
        return self.score(self.reduce(images - 0.5).relu())
