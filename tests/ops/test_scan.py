"""The spatial propagation: every backend against the reference, and the reference against maths."""

import multiprocessing
import threading
from importlib.util import find_spec
from itertools import product

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings

from propago.errors import ShapeError, UsageError
from propago.ops import scan_reference
from propago.ops.scan import DIRECTIONS, DIVISOR_FLOORS, propagate

HAS_NUMBA = find_spec("numba") is not None
needs_numba = pytest.mark.skipif(not HAS_NUMBA, reason="numba is in the extra `fast`")
FAST = ["batched", pytest.param("numba", marks=needs_numba)]
BACKENDS = ["reference", *FAST]
UP, SAME, DOWN = 0, 1, 2


def random(shape, seed=0, dtype=torch.float64):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def inputs(size, channels=1, groups=1, directions=4, connections=3, dtype=torch.float64, seed=0):
    x = random((2, channels, *size), seed, dtype)
    gates = random((2, groups, directions, connections, *size), seed + 1, dtype)
    return x.requires_grad_(), gates.requires_grad_()


def with_gradients(x, gates, **options):
    """The result, and the gradients of a weighted sum of it."""
    out = propagate(x, gates, **options)
    weights = random(out.shape, 7, out.dtype)
    found = torch.autograd.grad((out * weights).sum(), (x, gates), materialize_grads=True)
    return out.detach(), *found


@pytest.mark.parametrize("backend", FAST)
@pytest.mark.parametrize("normalise", DIVISOR_FLOORS)
@pytest.mark.parametrize(
    ("size", "channels", "groups", "directions", "connections", "rounds"),
    [
        ((1, 1), 1, 1, DIRECTIONS, 3, 1),
        ((1, 5), 2, 1, DIRECTIONS, 3, 2),
        ((5, 1), 2, 2, DIRECTIONS, 3, 1),
        ((2, 2), 1, 1, DIRECTIONS, 3, 2),
        ((5, 7), 3, 1, DIRECTIONS, 3, 1),
        ((9, 4), 2, 2, DIRECTIONS, 1, 1),
        ((4, 6), 1, 1, ("up",), 3, 1),
        ((4, 6), 2, 1, ("left", "down", "right"), 3, 2),
    ],
)
def test_every_backend_is_the_reference(
    backend, normalise, size, channels, groups, directions, connections, rounds
):
    x, gates = inputs(size, channels, groups, len(directions), connections)
    options = {
        "rounds": rounds,
        "normalise": normalise,
        "directions": directions,
        "connections": connections,
    }
    wanted = with_gradients(x, gates, backend="reference", **options)
    for a, b in zip(wanted, with_gradients(x, gates, backend=backend, **options), strict=True):
        torch.testing.assert_close(b, a, rtol=1e-9, atol=1e-10)


def by_differences(x, gates, step=1e-6, **options):
    """d result / d (x, gates) of a batch of 1 by central differences: (inputs, outputs).

    One input is moved in each image of a batch, so one call finds all.
    """
    point = torch.cat([x.flatten(), gates.flatten()])
    moved = torch.cat([point + sign * step * torch.eye(len(point)) for sign in (1, -1)])
    xs, own = moved[:, : x.numel()], moved[:, x.numel() :]
    out = propagate(xs.reshape(-1, *x.shape[1:]), own.reshape(-1, *gates.shape[1:]), **options)
    above, below = out.flatten(1).chunk(2)
    return (above - below) / (2 * step)


def by_gradients(x, gates, **options):
    """The same by backpropagation, of one output in each image of a batch."""
    count = x.numel()
    xs, own = (a.expand(count, *a.shape[1:]).clone().requires_grad_() for a in (x, gates))
    out = propagate(xs, own, **options)
    each = torch.eye(count, dtype=out.dtype).reshape(out.shape)
    found = torch.autograd.grad(out, (xs, own), each, materialize_grads=True)
    return torch.cat([part.flatten(1) for part in found], 1).T


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("normalise", DIVISOR_FLOORS)
@pytest.mark.parametrize("size", list(product((1, 2, 5), (1, 2, 5))), ids=str)
@pytest.mark.parametrize(
    "directions", [DIRECTIONS, *((name,) for name in DIRECTIONS)], ids="-".join
)
def test_gradients_by_differences(backend, normalise, size, directions):
    x, gates = (a.detach()[:1] for a in inputs(size, directions=len(directions)))
    options = {"backend": backend, "normalise": normalise, "directions": directions}
    found, wanted = (way(x, gates, **options) for way in (by_gradients, by_differences))
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("rounds", [1, 2])
def test_gradients_of_shared_gates_and_rounds(backend, rounds):
    x, gates = (a.detach()[:1] for a in inputs((2, 3), channels=2))
    options = {"backend": backend, "rounds": rounds}
    found, wanted = (way(x, gates, **options) for way in (by_gradients, by_differences))
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-7)
    given = x.requires_grad_(), gates.requires_grad_()
    assert torch.autograd.gradcheck(lambda *g: propagate(*g, **options), given, fast_mode=True)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("direction", DIRECTIONS)
def test_one_direction_is_a_product_of_dense_matrices(backend, direction):
    """h_t = diag(1 - row sums of P_t) x_t + P_t h_{t-1}, as the paper writes it."""
    x, gates = inputs((4, 4), directions=1)
    x, gates = x.detach()[:1], gates.detach()[:1]
    p = gates[0, 0, 0] / gates[0, 0, 0].abs().sum(0).clamp_min(1)
    vertical = direction in ("down", "up")
    lines = x[0, 0].numpy() if vertical else x[0, 0].T.numpy()
    weights = (p if vertical else p.mT).numpy()
    order = range(4) if direction in ("right", "down") else range(3, -1, -1)
    wanted, before = np.zeros((4, 4)), None
    for t in order:
        if before is None:
            wanted[t] = lines[t]
        else:
            matrix = sum(
                np.diag(weights[k, t][max(1 - k, 0) : 5 - k], k - 1) for k in (UP, SAME, DOWN)
            )
            wanted[t] = np.diag(1 - matrix.sum(1)) @ lines[t] + matrix @ wanted[before]
        before = t
    wanted = wanted if vertical else wanted.T
    got = propagate(x, gates, directions=(direction,), backend=backend)
    np.testing.assert_allclose(got[0, 0], wanted, atol=1e-12)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("normalise", DIVISOR_FLOORS)
def test_zero_gates_are_the_identity_exactly(backend, normalise):
    x = random((2, 3, 6, 9), dtype=torch.float32)
    out = propagate(x, torch.zeros(2, 1, 4, 3, 6, 9), normalise=normalise, backend=backend)
    assert torch.equal(out, x)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("normalise", DIVISOR_FLOORS)
@pytest.mark.parametrize("rounds", [1, 2])
def test_constants_stay_exactly_borders_included(backend, normalise, rounds):
    _, gates = inputs((7, 11), dtype=torch.float32)
    x = torch.full((2, 1, 7, 11), 0.3)
    out = propagate(x, gates.detach(), rounds=rounds, normalise=normalise, backend=backend)
    assert torch.equal(out, x)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_full_middle_gate_copies_the_first_line(backend):
    x, gates = random((1, 1, 3, 5)), torch.zeros(1, 1, 1, 3, 3, 5, dtype=torch.float64)
    gates[:, :, :, SAME] = 1
    out = propagate(x, gates, directions=("right",), backend=backend)
    torch.testing.assert_close(out, x[..., :1].expand_as(x))
    out = propagate(x, gates, directions=("up",), backend=backend)
    torch.testing.assert_close(out, x[..., -1:, :].expand_as(x))


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_first_gate_reads_from_above_and_the_last_from_below(backend):
    x = torch.zeros(1, 1, 5, 3, dtype=torch.float64)
    x[0, 0, 2, 0] = 1
    for k, row in ((UP, 3), (DOWN, 1)):
        gates = torch.zeros(1, 1, 1, 3, 5, 3, dtype=torch.float64)
        gates[:, :, :, k, :, 1] = 1
        out = propagate(x, gates, directions=("right",), backend=backend)
        assert out[0, 0, :, 1].nonzero().ravel().tolist() == [row]


@pytest.mark.parametrize("backend", BACKENDS)
def test_mirrored_image_is_mirrored_direction_and_transposed_is_down(backend):
    x, gates = (a.detach() for a in inputs((5, 8), directions=1))

    def scan(x, gates, direction):
        return propagate(x, gates, directions=(direction,), backend=backend)

    right = scan(x, gates, "right")
    assert torch.equal(scan(x.flip(-1), gates.flip(-1), "left").flip(-1), right)
    assert torch.equal(scan(x.mT, gates.mT, "down").mT, right)
    assert torch.equal(scan(x.mT.flip(-2), gates.mT.flip(-2), "up").flip(-2).mT, right)


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_merged_map_is_the_largest_of_the_four(backend):
    x, gates = (a.detach() for a in inputs((6, 5), channels=2))
    each = [
        propagate(x, gates[:, :, d : d + 1], directions=(name,), backend=backend)
        for d, name in enumerate(DIRECTIONS)
    ]
    assert torch.equal(propagate(x, gates, backend=backend), torch.stack(each).amax(0))


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_tie_is_shared_evenly(backend):
    x = torch.ones(1, 1, 4, 4, dtype=torch.float64, requires_grad=True)
    gates = torch.zeros(1, 1, 4, 3, 4, 4, dtype=torch.float64)
    gates[:, :, 0, SAME] = 1
    out = propagate(x, gates, backend=backend)
    out[0, 0, 1, 3].backward()
    wanted = torch.zeros(4, 4, dtype=torch.float64)
    wanted[1, 3], wanted[1, 0] = 0.75, 0.25
    assert torch.equal(x.grad[0, 0], wanted)


@pytest.mark.parametrize("backend", BACKENDS)
@given(st.integers(1, 6), st.integers(1, 6), st.integers(0, 999))
@settings(max_examples=25, deadline=None)
def test_gates_that_are_not_negative_keep_the_range(backend, height, width, seed):
    x, gates = (a.detach() for a in inputs((height, width), seed=seed))
    for normalise in DIVISOR_FLOORS:
        out = propagate(x, gates.abs(), normalise=normalise, backend=backend)
        for image, result in zip(x, out, strict=True):
            assert result.min() >= image.min() - 1e-12
            assert result.max() <= image.max() + 1e-12


@pytest.mark.parametrize("backend", BACKENDS)
def test_negative_gates_may_grow_but_only_linearly(backend):
    """All gates -1/3 against a board of +1 and -1: the worst case that the bound allows."""
    size = 60
    board = 1.0 - 2.0 * ((torch.arange(size)[:, None] + torch.arange(size)) % 2)
    x = (1 - 2.0 * (torch.arange(size) % 2)).expand(size, size)
    gates = torch.full((1, 1, 1, 3, size, size), -1 / 3)
    out = propagate(x[None, None], gates, directions=("right",), backend=backend)
    assert 20 < out.abs().max() < 2 * size
    assert (
        propagate(board[None, None], gates, directions=("right",), backend=backend).isfinite().all()
    )


@pytest.mark.parametrize("backend", BACKENDS)
def test_batch_and_channels_do_not_mix(backend):
    x, gates = (a.detach() for a in inputs((4, 5), channels=3, groups=3))
    together = propagate(x, gates, backend=backend)
    alone = propagate(x[1:, 2:], gates[1:, 2:], backend=backend)
    assert torch.equal(together[1:, 2:], alone)
    shared = propagate(x, gates[:, :1], backend=backend)
    assert torch.equal(shared, propagate(x, gates[:, :1].expand_as(gates), backend=backend))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_summed_in_float32(backend, dtype):
    x, gates = (a.detach() for a in inputs((12, 20), dtype=torch.float32))
    x, gates = x.sigmoid().to(dtype), (gates / 4).to(dtype)
    wanted = propagate(x.double(), gates.double(), backend="reference")
    got = propagate(x, gates, backend=backend)
    assert got.dtype == dtype
    eps = torch.finfo(dtype).eps
    assert (got.double() - wanted).abs().max() < 2 * eps
    summed = with_gradients(x.requires_grad_(), gates.requires_grad_(), backend=backend)
    assert all(part.dtype == dtype and part.isfinite().all() for part in summed)


@needs_numba
def test_threads_and_many_pixels_change_nothing():
    x, gates = (a.detach() for a in inputs((150, 170), channels=2, dtype=torch.float32))
    before = torch.get_num_threads()
    found = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        pair = x.clone().requires_grad_(), gates.clone().requires_grad_()
        found.append(with_gradients(*pair, backend="numba"))
    torch.set_num_threads(before)
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))
    wanted = with_gradients(x.requires_grad_(), gates.requires_grad_(), backend="batched")
    torch.testing.assert_close(found[0][0], wanted[0], rtol=1e-5, atol=1e-5)


def _in_a_child(queue, x, gates):
    queue.put(propagate(x, gates, backend="numba").sum().item())


@needs_numba
@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="no fork here")
def test_a_forked_process_may_use_the_kernels():
    x, gates = (a.detach() for a in inputs((40, 50), dtype=torch.float32))
    here = propagate(x, gates, backend="numba").sum().item()
    context = multiprocessing.get_context("fork")
    queue = context.SimpleQueue()
    child = context.Process(target=_in_a_child, args=(queue, x, gates))
    child.start()
    child.join(60)
    assert child.exitcode == 0
    assert queue.get() == here


@needs_numba
def test_several_threads_may_call_at_once():
    x, gates = (a.detach() for a in inputs((40, 50), dtype=torch.float32))
    wanted, found = propagate(x, gates, backend="numba"), []
    work = [
        threading.Thread(target=lambda: found.append(propagate(x, gates, backend="numba")))
        for _ in range(4)
    ]
    for thread in work:
        thread.start()
    for thread in work:
        thread.join()
    assert len(found) == 4
    assert all(torch.equal(out, wanted) for out in found)


def test_without_numba_the_choice_is_batched_and_numba_says_how_to_get_it(monkeypatch):
    from propago.ops import scan

    monkeypatch.setattr(scan, "find_spec", lambda name: None)
    x, gates = (a.detach() for a in inputs((3, 4)))
    batched = propagate(x, gates, backend="batched")
    assert torch.equal(propagate(x, gates), batched)
    with pytest.raises(UsageError, match=r"propago\[fast\]"):
        propagate(x, gates, backend="numba")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"gates": torch.zeros(2, 1, 3, 4, 5)}, r"\(2, 1, 4, 3, 4, 5\) or \(2, 3, 4, 3, 4, 5\)"),
        ({"gates": torch.zeros(2, 2, 4, 3, 4, 5)}, "these are"),
        ({"gates": torch.zeros(2, 1, 4, 3, 5, 4)}, "these are"),
        ({"gates": torch.zeros(2, 1, 4, 3, 4, 5), "directions": ("up",)}, "1 directions"),
        ({"gates": torch.zeros(2, 1, 4, 3, 4, 5), "connections": 1}, "1 connections"),
        ({"gates": torch.zeros(2, 1, 4, 3, 4, 5).double()}, "convert"),
        ({"x": torch.zeros(3, 4, 5)}, "not empty"),
        ({"x": torch.zeros(2, 3, 4, 5, dtype=torch.uint8)}, "floating"),
        ({"x": torch.zeros(2, 0, 4, 5)}, "not empty"),
    ],
)
def test_a_wrong_shape_is_said_with_the_right_one(change, said):
    given = {"x": torch.zeros(2, 3, 4, 5), "gates": torch.zeros(2, 1, 4, 3, 4, 5)} | change
    with pytest.raises(ShapeError, match=said):
        propagate(given.pop("x"), given.pop("gates"), **given)


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ({"rounds": 0}, "at least 1"),
        ({"normalise": "sum"}, "above_one, always"),
        ({"directions": ("right", "right")}, "each once"),
        ({"directions": ()}, "one or more"),
        ({"directions": ("east",)}, "right, left, down, up"),
        ({"connections": 2}, "1 or 3"),
        ({"backend": "cuda"}, "there are auto"),
    ],
)
def test_a_wrong_option_is_said_with_the_legal_ones(option, said):
    with pytest.raises(UsageError, match=said):
        propagate(torch.zeros(1, 1, 2, 2), torch.zeros(1, 1, 4, 3, 2, 2), **option)


def test_the_reference_divides_as_it_says():
    gates = torch.tensor([0.2, -0.3, 0.1]).reshape(1, 1, 1, 3, 1, 1)
    assert torch.equal(scan_reference.normalised(gates, 1.0), gates)
    always = scan_reference.normalised(gates, 1e-6)
    assert always.abs().sum().item() == pytest.approx(1)
    assert scan_reference.normalised(gates * 10, 1.0).abs().sum().item() == pytest.approx(1)
