"""Encoders that keep torchvision's names, so that the ImageNet weights it published fill them."""

import textwrap
from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, ClassVar, cast

import torch
from torch import Tensor, nn

from propago.errors import WeightsError

FOLDER = "https://download.pytorch.org/models/"
"""Where torchvision's files lie. Nothing is fetched from there by propago."""


class PublishedEncoder(nn.Module):
    """An encoder whose parameters and buffers are called as in a published file.

    Attributes:
        title: name of the network.
        published: address of the file.
        classifier: beginning of the names in the file that are no part of the encoder.
    """

    title: str
    published: str
    classifier: ClassVar[str]

    def load_published(self, file: Path | None = None) -> None:
        """Begin from the published ImageNet weights.

        Args:
            file: what lies at `published`, fetched by the user.

        Raises:
            WeightsError: no file is given, it cannot be read, or it is of another network.
        """
        if file is None:
            raise WeightsError(
                f"the ImageNet weights of {self.title} come with no package: fetch {self.published}"
                ' and give its path, in a recipe as init = "path/to/FILE.pth"'
            )
        try:
            published = torch.load(file, map_location="cpu", weights_only=True)
        except (OSError, RuntimeError, EOFError, UnpicklingError) as error:
            raise WeightsError(f"{file}: no readable file of PyTorch: {_short(error)}") from error
        if not isinstance(published, Mapping) or not all(
            isinstance(tensor, Tensor) for tensor in published.values()
        ):
            raise WeightsError(f"{file} holds other things than tensors; fetch {self.published}")
        self.fill_published(published)

    def fill_published(self, tensors: Mapping[str, Tensor]) -> None:
        """Take over the tensors of the published file; its classifier is left out.

        Raises:
            WeightsError: a name is missing, unknown, or of another shape.
        """
        inner = {n: t for n, t in tensors.items() if not n.startswith(self.classifier)}
        try:
            self.load_state_dict(inner)
        except RuntimeError as error:
            raise WeightsError(
                f"these are not the weights of {self.title} as in {self.published}: {_short(error)}"
            ) from error


class Alike(nn.ModuleList):
    """Encoders of one kind in a network, which begin from the same weights.

    Attributes:
        title: name of the network that was published.
    """

    title: str

    def __init__(self, *encoders: nn.Module):
        super().__init__(encoders)
        self.title = str(encoders[0].title)

    def load_published(self, file: Path | None = None) -> None:
        """Begin from the published weights, see the encoders' own."""
        for encoder in self:
            cast(Any, encoder).load_published(file)


def _short(error: Exception) -> str:
    """The beginning of what PyTorch says, which may go on for hundreds of names."""
    return textwrap.shorten(str(error), 400, placeholder=" ...")
