"""The weights a training begins with, and how much of them stays in those that are kept."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from torch import Tensor, nn

from propago.data.task import TrainingTask
from propago.errors import UsageError
from propago.nn.weights import fill, fill_encoder, load_weights


def begin(task: TrainingTask, init: str) -> None:
    """Fill the network of a task, or its encoder alone, in place.

    Args:
        task: has the network.
        init: as of `Recipe`.

    Raises:
        UsageError: published weights of an encoder, which the task has not.
        WeightsError: no such weights, or none that fit.
    """
    if init == "imagenet" or init.endswith(".pth"):
        if task.encoder is None:
            raise UsageError(f"init {init}: {task.network} has no encoder that it fits")
        task.encoder.load_published(None if init == "imagenet" else Path(init))
    elif init:
        found = load_weights(init, argument="init")
        network = found.about.get("network", "")
        if network in task.relatives:
            fill(task.net, replace(found, tensors={**task.relatives[network](found.tensors)}))
        elif network == task.network or not isinstance(task.encoder, nn.Module):
            fill(task.net, load_weights(init, task.network))
        else:
            fill_encoder(task.encoder, found)


def taken(task: TrainingTask, share: float, start: str = "") -> Callable[[nn.Module], nn.Module]:
    """What brings trained networks so far of the way from where they began, in place.

    Args:
        task: its network as it is now is where it begins.
        share: of the way, above 0 and at most 1.
        start: other weights of the same network to begin at.

    Raises:
        WeightsError: `start` names no weights of this network.
    """
    began: Mapping[str, Tensor] = {}
    if start:
        began = load_weights(start, task.network, argument="taken_from").tensors
    elif share < 1:
        began = {name: value.clone() for name, value in task.net.state_dict().items()}

    def kept(trained: nn.Module) -> nn.Module:
        values = trained.state_dict()
        for name, value in began.items():
            if value.is_floating_point():
                values[name].lerp_(value.to(values[name]), 1 - share)
        return trained

    return kept
