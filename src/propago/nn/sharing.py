"""Networks that share all but a part of themselves."""

import copy
from collections.abc import Mapping
from typing import TypeVar

from torch import Tensor, nn

Net = TypeVar("Net", bound=nn.Module)


def with_part(net: Net, part: str, tensors: Mapping[str, Tensor] | None) -> Net:
    """`net` itself without `tensors`, else a network with that part that shares all else.

    Args:
        net: does not change.
        part: the name of one of its modules.
        tensors: all parameters and buffers of the part, by their names in `net`.
    """
    if tensors is None:
        return net
    own, changed = copy.copy(net), copy.deepcopy(net.get_submodule(part))
    changed.load_state_dict({name.removeprefix(f"{part}."): t for name, t in tensors.items()})
    own._modules = {**net._modules, part: changed}
    return own
