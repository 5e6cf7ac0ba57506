"""What a network is trained on, whatever the network: the task that `training.fit` takes."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from propago.errors import UsageError
from propago.ranges import Ranged, ranged
from propago.types import VOID


class Dataset(Protocol):
    """Draws examples; the same generator state gives the same one."""

    def sample(self, rng: np.random.Generator) -> Any:
        """One example."""
        ...


class PretrainedEncoder(Protocol):
    """The part of a network that may begin from published weights: an `nn.Module`.

    Attributes:
        title: name of the network that was published.
    """

    title: str

    def load_published(self, file: Path | None = None) -> None:
        """Begin from the published weights, of a package where no `file` is given."""
        ...

    def parameters(self) -> Iterable[nn.Parameter]:
        """Of the module."""
        ...


@dataclass(frozen=True)
class TrainingTask:
    """All that differs from network to network.

    Attributes:
        network: what the weights file says it is of, e.g. "feelvos/compact".
        net: the network.
        objective: a module that holds `net`; called with (batch, seed), it returns the loss and
            numbers for the log. What it draws, `seed` decides.
        dataset: what it learns from.
        collate: makes the batch of several examples: tensors, which may differ in size, in any
            nest of tuples, named tuples, lists and mappings; they are moved to the device.
        groups: parameters as optimisers take them, {"params": [...], "lr_scale": share of the
            learning rate}; a group with 0 is frozen. None: all alike.
        encoder: the part of `net` that may begin from published weights.
        kind: how it is validated; None: it is not.
        part: makes of a network in evaluation mode what is validated: a `Propagator`, a `Refiner`,
            a `Prompter`, or what finds the foreground (H, W) in [0, 1] of a picture (3, H, W).
        relatives: by name other networks that it may begin from as a whole, and what makes their
            tensors its own.
    """

    network: str
    net: nn.Module
    objective: nn.Module
    dataset: Dataset
    collate: Callable[[Sequence[Any]], Any]
    groups: Sequence[Mapping[str, Any]] | None = None
    encoder: PretrainedEncoder | None = None
    kind: Literal["propagator", "refiner", "foreground", "detector", "prompter"] | None = None
    part: Callable[[Any], Any] | None = None
    relatives: Mapping[str, Callable[[Mapping[str, Tensor]], Mapping[str, Tensor]]] = field(
        default_factory=dict
    )


@dataclass(frozen=True)
class ImageSettings(Ranged):
    """What examples of a network look like that learns from pictures.

    Attributes:
        preset: of the network.
        height: of an example in pixels.
        width: of an example in pixels.
        encoder_lr_scale: share of the learning rate that the encoder gets; with 0 it is frozen.
    """

    preset: str = "compact"
    height: int = ranged(224, least=32)
    width: int = ranged(224, least=32)
    encoder_lr_scale: float = ranged(0.1, least=0, most=1)

    @property
    def size(self) -> tuple[int, int]:
        """(H, W)."""
        return self.height, self.width

    def require_divided(self, by: int) -> None:
        """Refuse sides that are no multiples of the stride of a network.

        Raises:
            UsageError: it names the side, and the nearest ones that are legal.
        """
        for name, side in zip(("height", "width"), self.size, strict=True):
            if side % by:
                below = side - side % by
                near = f"{below} or {below + by}" if below else str(by)
                raise UsageError(f"{name} = {side}: {by} divides it, such as {near}")


@dataclass(frozen=True)
class ClipSettings(ImageSettings):
    """What examples of a network look like that learns from clips.

    Attributes:
        frames: of a clip.
        max_objects: at most so many are labelled.
    """

    frames: int = ranged(4, least=2)
    max_objects: int = ranged(3, least=1, below=VOID)


@dataclass(frozen=True)
class DetectorSettings(ImageSettings):
    """What examples of a network look like that finds instances.

    Attributes:
        height: of an example in pixels; 32 divides it.
        width: of an example in pixels; 32 divides it.
        frozen_stride: what the encoder computes down to this stride is not trained.
    """

    height: int = ranged(288, least=32)
    width: int = ranged(352, least=32)
    frozen_stride: int = ranged(0, least=0, most=32)

    def __post_init__(self) -> None:
        """Refuse what is out of range.

        Raises:
            UsageError: it names the setting and what is legal.
        """
        super().__post_init__()
        self.require_divided(32)


@dataclass(frozen=True)
class InstanceSettings(DetectorSettings):
    """What examples of Mask R-CNN's family look like, and what of them is learnt.

    Attributes:
        anchors: of an example that the proposals learn from.
        boxes: of an example that the heads learn from.
        proposals: at most, of each level and over all.
    """

    anchors: int = ranged(256, least=8)
    boxes: int = ranged(64, least=8)
    proposals: int = ranged(256, least=8)


def stacked(arrays: Sequence[np.ndarray]) -> Tensor:
    """Arrays of one shape as a tensor with a batch axis in front."""
    return torch.from_numpy(np.stack(arrays))


def parameter_groups(
    net: nn.Module, encoder: PretrainedEncoder, lr_scale: float, frozen: Sequence[nn.Parameter] = ()
) -> list[dict[str, Any]]:
    """The parameters of `net`; those of its `encoder` have a share of the learning rate.

    Those that are `frozen` have none of it.
    """
    inside, still = set(encoder.parameters()), set(frozen)
    learning = [p for p in net.parameters() if p not in still]
    groups = [
        {"params": [p for p in learning if p not in inside], "lr_scale": 1.0},
        {"params": [p for p in learning if p in inside], "lr_scale": lr_scale},
    ]
    return [*groups, {"params": [*frozen], "lr_scale": 0.0}] if still else groups
