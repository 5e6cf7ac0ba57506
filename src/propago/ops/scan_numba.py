"""The scan of `propago.ops.scan` on the CPU by compiled kernels (extra `fast`).

The kernels scan along contiguous rows; for horizontal directions the planes are transposed, which
costs less than reading columns. Planes and the two orientations share PyTorch's threads.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import product
from typing import Any, TypeVar

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from propago.ops import scan_kernels as kernels
from propago.ops.scan_reference import is_backward, is_vertical

Item = TypeVar("Item")
Result = TypeVar("Result")

THREADS_FROM_PIXELS = 1 << 15
"""Fewer pixels are done before a thread has started."""


def propagate_numba(
    x: Tensor, gates: Tensor, directions: tuple[int, ...], floor: float, rounds: int
) -> Tensor:
    """As `propagate_reference`; types of less than 32 bits go through float32."""
    wide = torch.promote_types(x.dtype, torch.float32)
    h, gates = x.to(wide), gates.to(wide).contiguous()
    for _ in range(rounds):
        h = _Propagate.apply(h.contiguous(), gates, directions, floor)
    return h.to(x.dtype)


@dataclass(frozen=True)
class _Task:
    """What one thread does at a time: the channels of one gate group in one orientation.

    Attributes:
        batch: index of the image.
        group: index of the gates' channel.
        channels: of `x` that these gates serve.
        vertical: lines are rows; else columns, and the planes are transposed.
        directions: place among those asked for, and whether the scan begins at the last line.
    """

    batch: int
    group: int
    channels: range
    vertical: bool
    directions: tuple[tuple[int, bool], ...]

    def lines(self, planes: np.ndarray) -> np.ndarray:
        """(H, W) or (3, H, W) planes as (T, R) or (3, T, R) lines, and back."""
        if self.vertical or not planes.size:
            return planes
        if planes.ndim == 2:
            return cv2.transpose(planes)
        out = np.empty((len(planes), planes.shape[2], planes.shape[1]), planes.dtype)
        for plane, lines in zip(planes, out, strict=True):
            cv2.transpose(plane, lines)
        return out


@dataclass(frozen=True)
class _Plane:
    """One channel scanned in one orientation; every array holds lines.

    Attributes:
        best: (T, R) largest h.
        winners: (T, R) uint8, a bit for each direction that reaches it; (0, R) without gradients.
        h: one (T, R) array a direction, with gradients; else two lines of no use.
    """

    best: np.ndarray
    winners: np.ndarray
    h: tuple[np.ndarray, ...]


class _Propagate(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, gates: Tensor, directions: tuple[int, ...], floor: float
    ) -> Tensor:
        """Each orientation by itself, then the larger of both."""
        planes, raw = x.numpy(force=True), gates.numpy(force=True)
        keep = any(ctx.needs_input_grad)
        tasks = _tasks(x.shape, gates.shape[1], directions)
        done = _side_by_side(lambda task: _scan(task, planes, raw, floor, keep), tasks, x.numel())
        out, winners = np.empty_like(planes), {}
        for at, found in _by_plane(tasks, done).items():
            out[at], winners[at] = _merged(found)
        if keep:
            ctx.save_for_backward(x, gates)
            ctx.kept = tasks, done, winners, floor
        return torch.from_numpy(out)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, None, None]:
        """Each orientation by itself, then the sum of both."""
        tasks, done, winners, floor = ctx.kept
        x, gates = (saved.numpy(force=True) for saved in ctx.saved_tensors)
        g = grad.contiguous().numpy(force=True)
        shares = {at: _shared(g[at], who) for at, who in winners.items()}
        dx, dgates = np.empty_like(x), np.empty_like(gates)
        parts = _side_by_side(
            lambda item: _gradients(*item, (x, gates, dgates), shares, winners, floor),
            list(zip(tasks, done, strict=True)),
            x.size,
        )
        for at, found in _by_plane(tasks, parts).items():
            dx[at] = sum(task.lines(lines) for task, lines in found)
        return torch.from_numpy(dx), torch.from_numpy(dgates), None, None


def _tasks(shape: torch.Size, groups: int, directions: tuple[int, ...]) -> list[_Task]:
    every = shape[1] // groups
    bundles = []
    for vertical in (False, True):
        own = [(n, is_backward(d)) for n, d in enumerate(directions) if is_vertical(d) == vertical]
        bundles += [(vertical, tuple(own))] if own else []
    return [
        _Task(batch, group, range(group * every, (group + 1) * every), *bundle)
        for batch, group, bundle in product(range(shape[0]), range(groups), bundles)
    ]


def _side_by_side(
    work: Callable[[Item], Result], items: Sequence[Item], pixels: int
) -> list[Result]:
    """`work` on every item, in threads where that pays."""
    threads = min(torch.get_num_threads(), len(items))
    if threads == 1 or pixels < THREADS_FROM_PIXELS:
        return [work(item) for item in items]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, items))


def _by_plane(
    tasks: Sequence[_Task], results: Sequence[Sequence[Result]]
) -> dict[tuple[int, int], list[tuple[_Task, Result]]]:
    """For each (batch, channel) the tasks that worked on it, with their results."""
    found: dict[tuple[int, int], list[tuple[_Task, Result]]] = {}
    for task, channels in zip(tasks, results, strict=True):
        for channel, result in zip(task.channels, channels, strict=True):
            found.setdefault((task.batch, channel), []).append((task, result))
    return found


def _scan(task: _Task, x: np.ndarray, gates: np.ndarray, floor: float, keep: bool) -> list[_Plane]:
    """The channels of a task."""
    own = [task.lines(gates[task.batch, task.group, n]) for n, _ in task.directions]
    planes = []
    for channel in task.channels:
        lines = task.lines(x[task.batch, channel])
        count, length = lines.shape
        kept = count if keep else 2
        h = tuple(np.empty((kept, length), x.dtype) for _ in own)
        best = np.empty_like(lines)
        winners = np.empty((count if keep else 0, length), np.uint8)
        for d, (n, backward) in enumerate(task.directions):
            how = backward, x.dtype.type(floor), np.uint8(1 << n), d == 0
            kernels.scan(lines, own[d], how, h[d], best, winners)
        planes.append(_Plane(best, winners, h))
    return planes


def _merged(found: list[tuple[_Task, _Plane]]) -> tuple[np.ndarray, np.ndarray]:
    """The largest h of a plane, and who reached it, as (H, W) maps."""
    best, winners = (found[0][0].lines(a) for a in (found[0][1].best, found[0][1].winners))
    for task, plane in found[1:]:
        kernels.merge(task.lines(plane.best), task.lines(plane.winners), best, winners)
    return best, winners


def _shared(grad: np.ndarray, winners: np.ndarray) -> np.ndarray:
    out = np.empty_like(grad)
    kernels.share(grad, winners, out)
    return out


def _gradients(
    task: _Task,
    scanned: list[_Plane],
    maps: tuple[np.ndarray, np.ndarray, np.ndarray],
    shares: dict[tuple[int, int], np.ndarray],
    winners: dict[tuple[int, int], np.ndarray],
    floor: float,
) -> list[np.ndarray]:
    """dL/dx of a task's channels as lines; dL/dgates is written to the last of `maps`."""
    x, gates, dgates = maps
    b, g = task.batch, task.group
    own = [task.lines(gates[b, g, n]) for n, _ in task.directions]
    gradients = [np.empty_like(raw) for raw in own]
    parts = []
    for channel, plane in zip(task.channels, scanned, strict=True):
        lines, share, who = (task.lines(a[b, channel]) for a in (x, shares, winners))
        dx = np.zeros_like(lines)
        for d, (n, backward) in enumerate(task.directions):
            kernels.scan_gradients(
                (lines, own[d], share, plane.h[d], who),
                (backward, x.dtype.type(floor), np.uint8(1 << n), channel > task.channels[0]),
                dx,
                gradients[d],
            )
        parts.append(dx)
    for (n, _), gradient in zip(task.directions, gradients, strict=True):
        dgates[b, g, n] = task.lines(gradient)
    return parts
