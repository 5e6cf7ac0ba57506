"""What is in a box: its class, a better box, its mask.

Source: He et al., "Mask R-CNN", ICCV 2017, figure 4 on the right; layers of torchvision's published
models.
"""

from torch import Tensor, nn

from propago.nn.blocks import separable

BOX_BINS, MASK_BINS = 7, 14
"""Along each side of what RoIAlign gives the heads; masks come out twice as fine."""


class BoxHead(nn.Module):
    """Two fully connected layers, class logits and offsets."""

    def __init__(self, width: int, hidden: int, outputs: int, by_class: bool):
        """A head without trained weights.

        Args:
            width: channels of the features.
            hidden: of the two layers.
            outputs: classes, the background among them as 0.
            by_class: offsets for every class, as in the paper; else one box for all.
        """
        super().__init__()
        self.first = nn.Linear(width * BOX_BINS**2, hidden)
        self.second = nn.Linear(hidden, hidden)
        self.logits = nn.Linear(hidden, outputs)
        self.offsets = nn.Linear(hidden, 4 * (outputs if by_class else 1))
        nn.init.normal_(self.logits.weight, std=0.01)
        nn.init.normal_(self.offsets.weight, std=0.001)
        for layer in (self.logits, self.offsets):
            nn.init.zeros_(layer.bias)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """(R, outputs) logits and (R, outputs or 1, 4) offsets of features (R, width, 7, 7)."""
        hidden = self.second(self.first(features.flatten(1)).relu()).relu()
        return self.logits(hidden), self.offsets(hidden).unflatten(1, (-1, 4))


class MaskHead(nn.Module):
    """Convolutions, one that doubles the size, logits."""

    def __init__(self, width: int, hidden: int, convolutions: int, outputs: int, light: bool):
        """A head without trained weights.

        Args:
            width: channels of the features.
            hidden: of the convolutions.
            convolutions: how many.
            outputs: classes, the background among them as 0; or 1: one mask for all.
            light: separable convolutions with norms, ours, in place of the paper's.
        """
        super().__init__()
        widths = [width, *[hidden] * (convolutions - 1)]
        self.body = nn.Sequential(
            *(
                separable(inputs, hidden)
                if light
                else nn.Sequential(nn.Conv2d(inputs, hidden, 3, 1, 1), nn.ReLU(inplace=True))
                for inputs in widths
            )
        )
        self.up = nn.ConvTranspose2d(hidden, hidden, 2, 2)
        self.logits = nn.Conv2d(hidden, outputs, 1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, features: Tensor) -> Tensor:
        """(R, outputs, 28, 28) logits of features (R, width, 14, 14)."""
        return self.logits(self.up(self.body(features)).relu())
