"""Making a trained network ready to run: where it runs, and its batch norms folded away."""

import copy
from functools import cache
from typing import TypeVar

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from propago.errors import UsageError

Net = TypeVar("Net", bound=nn.Module)


def choose_device(name: str = "auto") -> torch.device:
    """The device called `name`; "auto" takes cuda, then mps, then cpu.

    Raises:
        UsageError: not a device of this machine.
    """
    there = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        return torch.device(next(kind for kind, is_there in there.items() if is_there))
    if not there.get(name.split(":")[0], False):
        legal = ", ".join(kind for kind, is_there in there.items() if is_there)
        raise UsageError(f"`device` {name}: this machine has {legal}; or say auto")
    return torch.device(name)


def ready(net: Net, device: torch.device) -> Net:
    """A copy of `net`, in evaluation mode on `device`, its convolutions merged with batch norms."""
    net = copy.deepcopy(net).eval().to(device)
    for module in list(net.modules()):
        if isinstance(module, nn.Sequential):
            _fold(module)
    channels_last(net)
    return net.requires_grad_(False)


def fast_precision(device: torch.device) -> torch.autocast:
    """Inside, layers compute in bfloat16 where `device` is a CPU with instructions for it.

    Twice as fast there; elsewhere it changes nothing.
    """
    return torch.autocast("cpu", torch.bfloat16, enabled=device.type == "cpu" and _has_bfloat16())


@cache
def _has_bfloat16() -> bool:
    there = getattr(torch.cpu, "get_capabilities", dict)()  # before 2.11 there is none
    return bool(there.get("avx512_bf16") or there.get("amx_bf16"))


def channels_last(net: Net) -> Net:
    """`net`, in place, with weights laid out the way convolutions are fastest on a CPU."""
    net.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    return net


def _fold(block: nn.Sequential) -> None:
    for i in range(len(block) - 1):
        conv, norm = block[i], block[i + 1]
        if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
            block[i] = fuse_conv_bn_eval(conv, norm)
            block[i + 1] = nn.Identity()
