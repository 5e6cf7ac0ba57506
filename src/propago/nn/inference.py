"""Making a trained network ready to run: where it runs, and its batch norms folded away."""

import copy
from functools import cache
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from propago.errors import UsageError
from propago.ops.resize import padded, resize, working_size

Net = TypeVar("Net", bound=nn.Module)

LEAST_WORKING_PX = 64

DEEPEST = 32
"""The stride of a detector's coarsest features."""

LONGEST = 5 / 3
"""A picture's long side is at most so many times the working size, as 1333 is of 800."""


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


def require_working_size(size: int) -> None:
    """Refuse a working size, short side in pixels, in which there is nothing to be seen.

    Raises:
        UsageError: it names the setting and what is legal.
    """
    if size < LEAST_WORKING_PX:
        raise UsageError(f"`size` {size}: the working size is at least {LEAST_WORKING_PX} px")


def for_detector(image: Tensor, short_px: int) -> tuple[Tensor, tuple[int, int]]:
    """A picture as a detector takes it.

    Args:
        image: (3, H, W) RGB in [0, 1].
        short_px: the working size, short side in pixels.

    Returns:
        (1, 3, h', w') resized, and padded to multiples of `DEEPEST`; and its size (h, w) before
        padding.
    """
    size = working_size((image.shape[-2], image.shape[-1]), short_px, LONGEST)
    images = padded(resize(image, size)[None], DEEPEST)
    return laid_out(images), size


def laid_out(images: Tensor) -> Tensor:
    """Pictures (B, C, H, W) the way layers take them fastest on a CPU; of uint8 in [0, 1]."""
    scaled = images.float() / 255 if images.dtype == torch.uint8 else images
    return scaled.contiguous(memory_format=torch.channels_last)


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
    return torch.autocast("cpu", torch.bfloat16, enabled=fast_dtype(device) == torch.bfloat16)


def fast_dtype(device: torch.device) -> torch.dtype:
    """What products are computed in fastest: bfloat16 where `device` is a CPU that has it."""
    return torch.bfloat16 if device.type == "cpu" and _has_bfloat16() else torch.float32


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
