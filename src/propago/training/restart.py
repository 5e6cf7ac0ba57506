"""Processes that torchrun starts again after one of them died find each other."""

import os

from torch import distributed
from torch.distributed.distributed_c10d import PrefixStore
from torch.distributed.rendezvous import rendezvous


def meet_again() -> None:
    """Join the process group of this attempt; does nothing in the first one, or without torchrun.

    The attempts of a run share one store (torch 2.13), in which the addresses of the dead processes
    still lie: the new ones would look for each other there, in vain or for ever. So each further
    attempt has keys of its own. `accelerate` takes the process group that is there.
    """
    attempt = int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0"))
    if not attempt or distributed.is_initialized():
        return
    store, rank, size = next(iter(rendezvous("env://")))
    own = PrefixStore(f"attempt {attempt}", store)
    distributed.init_process_group(store=own, rank=rank, world_size=size)
