"""The spatial propagation of learned affinities: a linear scan in up to four directions.

Source: Liu et al., "Learning Affinity via Spatial Propagation Networks", NIPS 2017; as Cheng et al.
use it in "Learning to Segment Instances in Videos with Spatial Propagation Network", DAVIS
challenge 2017, section 4.1.
"""

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Literal, get_args

import torch.nn.functional as F
from torch import Tensor

from propago.errors import ShapeError, UsageError
from propago.ops.scan_batched import propagate_batched
from propago.ops.scan_reference import propagate_reference

Direction = Literal["right", "left", "down", "up"]
"""Where the scan goes: "right" begins at the left border, "down" at the top."""
Normalise = Literal["above_one", "always"]
Backend = Literal["auto", "reference", "batched", "numba"]

DIRECTIONS: tuple[Direction, ...] = get_args(Direction)
DIVISOR_FLOORS: dict[Normalise, float] = {"above_one": 1.0, "always": 1e-6}
"""The least number that the three gates of a pixel are divided by."""


def propagate(
    x: Tensor,
    gates: Tensor,
    *,
    rounds: int = 1,
    normalise: Normalise = "above_one",
    directions: Sequence[Direction] = DIRECTIONS,
    connections: int = 3,
    backend: Backend = "auto",
) -> Tensor:
    """Spread `x` along lines of the image, as far as the gates let it pass.

    Scanning to the right, with t the column and i the row,

        p_k = a_k / max(|a_-1| + |a_0| + |a_+1|, 1)
        h[i, t] = x[i, t] + sum_k p_k[i, t] (h[i + k, t - 1] - x[i, t])        k in {-1, 0, +1}

    where a are the gates of the receiving pixel. A gate that points outside the image counts 0 in
    the sum, after the division; so h = x in the first column, zero gates are the identity, and
    constants stay what they are. The other directions are the same on the mirrored or transposed
    image. The result is the largest h of all directions; where several are largest its gradient is
    shared evenly among them.

    Gates whose p are not negative keep the result within the range of x. Others may leave it.
    Gradients reach `x` and `gates`, once (no second derivatives).

    Args:
        x: (B, C, H, W), any floating type. float16 and bfloat16 are summed in float32. "batched"
            stores them as they are, also between rounds; "reference" and "numba" make float32
            copies of `x` and `gates` and return to the type after the last round.
        gates: (B, 1 or C, D, K, H, W), raw, of the same type. D follows `directions`, K is
            `connections`; the three connections are k = -1, 0, +1, which is up to down for
            horizontal scans and left to right for vertical ones. One channel serves all C.
        rounds: how often the whole is applied, with the same gates.
        normalise: "above_one" divides gates only where the sum of their absolutes exceeds 1;
            "always" divides by that sum everywhere, as the first published implementation did.
        directions: some of "right", "left", "down", "up".
        connections: 3, or 1 for the one-way form in which only k = 0 exists.
        backend: "reference" is a readable loop for any type and device, "batched" all directions
            in one scan for any device, "numba" compiled for the CPU (extra `fast`, runs on as
            many threads as PyTorch). "auto" is numba where that works, else batched.

    Returns:
        (B, C, H, W) of the type of `x`.

    Raises:
        ShapeError: `x` and `gates` do not fit each other, the directions or the connections.
        UsageError: an unknown option, or numba where it cannot run.
    """
    _refuse_options(rounds, normalise, directions, connections)
    _refuse_shapes(x, gates, len(directions), connections)
    if connections == 1:
        gates = F.pad(gates, (0, 0, 0, 0, 1, 1))
    codes = tuple(DIRECTIONS.index(direction) for direction in directions)
    once = _implementation(backend, x)
    return once(x, gates, codes, DIVISOR_FLOORS[normalise], rounds)


def _implementation(
    backend: str, x: Tensor
) -> Callable[[Tensor, Tensor, tuple[int, ...], float, int], Tensor]:
    has_numba = find_spec("numba") is not None
    if backend == "auto":
        backend = "numba" if x.device.type == "cpu" and has_numba else "batched"
    match backend:
        case "reference":
            return propagate_reference
        case "batched":
            return propagate_batched
        case "numba" if not has_numba:
            raise UsageError("backend numba needs numba: pip install 'propago[fast]'")
        case "numba" if x.device.type != "cpu":
            raise UsageError(f"backend numba is for the CPU, x is on {x.device}; take batched")
        case "numba":
            from propago.ops.scan_numba import propagate_numba

            return propagate_numba
    raise UsageError(f"backend {backend!r}: there are {', '.join(get_args(Backend))}")


def _refuse_options(
    rounds: int, normalise: str, directions: Sequence[str], connections: int
) -> None:
    if rounds < 1:
        raise UsageError(f"rounds is {rounds}; it is at least 1")
    if normalise not in DIVISOR_FLOORS:
        raise UsageError(f"normalise {normalise!r}: there are {', '.join(DIVISOR_FLOORS)}")
    known = set(directions) <= set(DIRECTIONS)
    if not directions or not known or len(set(directions)) < len(directions):
        raise UsageError(
            f"directions {tuple(directions)}: one or more of {', '.join(DIRECTIONS)}, each once"
        )
    if connections not in (1, 3):
        raise UsageError(f"connections is {connections}; it is 1 or 3")


def _refuse_shapes(x: Tensor, gates: Tensor, directions: int, connections: int) -> None:
    if x.ndim != 4 or not x.numel() or not x.is_floating_point():
        raise ShapeError(
            f"x is (B, C, H, W), floating and not empty; this one is {tuple(x.shape)} {x.dtype}"
        )
    batch, channels, height, width = x.shape
    tail = (directions, connections, height, width)
    legal = {(batch, 1, *tail), (batch, channels, *tail)}
    if tuple(gates.shape) not in legal:
        wanted = " or ".join(map(str, sorted(legal)))
        raise ShapeError(
            f"gates for x of {tuple(x.shape)}, {directions} directions and {connections} "
            f"connections are {wanted}; these are {tuple(gates.shape)}"
        )
    if gates.dtype != x.dtype or gates.device != x.device:
        raise ShapeError(
            f"x is {x.dtype} on {x.device}, gates are {gates.dtype} on {gates.device}; "
            "convert one of them"
        )
