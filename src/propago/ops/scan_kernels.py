"""The scan of `propago.ops.scan` over the rows of one plane, in machine code (extra `fast`).

A row is done in short loops, each of which writes one array, because the compiler then turns them
into vector instructions. Kernels are serial and release the interpreter's lock: threads may share
the work, and forked processes may use them.
"""

import numpy as np

from propago.ops.machine_code import compiled

_OPTIONS = {"nogil": True, "error_model": "numpy", "fastmath": {"contract"}}


@compiled(**_OPTIONS)
def scan(x, gates, how, h, best, winners):
    """Enter h of one direction, and the largest h of all directions so far.

    Args:
        x: (T, R).
        gates: (3, T, R), raw.
        how: whether to begin at the last line; the least divisor of the gates, of the type of `x`;
            the direction's bit; whether `best` and `winners` hold nothing yet.
        h: (T, R), or (2, R) to keep only two lines; written.
        best: (T, R) largest h so far; written.
        winners: (T, R) uint8, the bits of the directions that reach `best`; (0, R) if not wanted.
    """
    backward, floor, bit, first = how
    lines, kept = x.shape[0], h.shape[0]
    for step in range(lines):
        t = lines - 1 - step if backward else step
        now = h[t % kept]
        if step == 0:
            now[:] = x[t]
        else:
            before = h[(t + 1 if backward else t - 1) % kept]
            _line(x[t], before, gates[0, t], gates[1, t], gates[2, t], floor, now)
        if first:
            best[t] = now
            winners[t : t + 1] = bit
            continue
        if winners.shape[0]:
            _enter_winner(now, best[t], winners[t], bit)
        _enter_best(now, best[t])


@compiled(**_OPTIONS)
def merge(other, other_winners, best, winners):
    """Enter the best of other directions, and their bits, into `best` and `winners` in place."""
    for t in range(best.shape[0]):
        if winners.shape[0]:
            _join_winners(other[t], other_winners[t], best[t], winners[t])
        _enter_best(other[t], best[t])


@compiled(**_OPTIONS)
def share(grad, winners, out):
    """The gradient of the result divided among the directions that reached it; (T, R) each."""
    for t in range(grad.shape[0]):
        for i in range(grad.shape[1]):
            w = winners[t, i]
            out[t, i] = grad[t, i] / ((w & 1) + (w >> 1 & 1) + (w >> 2 & 1) + (w >> 3 & 1))


@compiled(**_OPTIONS)
def scan_gradients(maps, how, dx, dgates):
    """Gradients of one direction.

    Args:
        maps: x (T, R); raw gates (3, T, R); what `share` made (T, R); what `scan` wrote: h (T, R)
            of this direction and winners (T, R).
        how: whether the scan began at the last line; the least divisor of the gates; the
            direction's bit; whether to add to `dgates`, which another channel has written.
        dx: (T, R), added to.
        dgates: (3, T, R), written or added to.
    """
    x, gates, shares, h, winners = maps
    backward, floor, bit, add = how
    lines, length = x.shape
    e, divisor, drag = (
        np.empty(length, x.dtype),
        np.empty(length, x.dtype),
        np.empty(length, x.dtype),
    )
    received = np.empty(length, x.dtype)
    change = np.empty((3, length), x.dtype)
    sent = np.empty((3, length), x.dtype)
    received[:] = 0
    for step in range(lines):
        t = step if backward else lines - 1 - step
        _reach(shares[t], winners[t], bit, received, e)
        if step == lines - 1:
            _enter_sum(e, dx[t])
            if not add:
                dgates[:, t] = 0
            break
        before = h[t + 1 if backward else t - 1]
        a, b, c = gates[0, t], gates[1, t], gates[2, t]
        _divisor(a, b, c, floor, divisor)
        for k in range(3):
            _change(x[t], before, e, k, change[k])
            _send(gates[k, t], divisor, e, k, sent[k])
        _drag(a, b, c, change, divisor, floor, drag)
        for k in range(3):
            _gate_gradient(gates[k, t], change[k], divisor, drag, dgates[k, t], add)
        _input_gradient(e, sent[0], sent[1], sent[2], dx[t])
        _receive(sent[0], sent[1], sent[2], received)


@compiled(**_OPTIONS)
def _line(x, before, a, b, c, floor, now):
    """One line of h from the line before."""
    last = x.shape[0] - 1
    for i in range(1, last):
        total = abs(a[i]) + abs(b[i]) + abs(c[i])
        above, same, below = before[i - 1] - x[i], before[i] - x[i], before[i + 1] - x[i]
        pull = a[i] * above + b[i] * same + c[i] * below
        now[i] = x[i] + pull / (total if total > floor else floor)
    for i in (0, last):
        total = abs(a[i]) + abs(b[i]) + abs(c[i])
        pull = b[i] * (before[i] - x[i])
        if i > 0:
            pull += a[i] * (before[i - 1] - x[i])
        if i < last:
            pull += c[i] * (before[i + 1] - x[i])
        now[i] = x[i] + pull / (total if total > floor else floor)


@compiled(**_OPTIONS)
def _enter_best(now, best):
    """The larger of both, NaN where one is NaN."""
    for i in range(best.shape[0]):
        best[i] = now[i] if now[i] > best[i] or now[i] != now[i] else best[i]


@compiled(**_OPTIONS)
def _enter_winner(now, best, winners, bit):
    """Bits of the directions that are largest, before `best` is brought up to date."""
    none = winners.dtype.type(0)
    for i in range(now.shape[0]):
        kept = winners[i] if now[i] <= best[i] else none
        winners[i] = kept | (bit if now[i] >= best[i] else none)


@compiled(**_OPTIONS)
def _join_winners(other, other_winners, best, winners):
    """Bits of the directions that are largest among two groups."""
    none = winners.dtype.type(0)
    for i in range(best.shape[0]):
        kept = winners[i] if other[i] <= best[i] else none
        winners[i] = kept | (other_winners[i] if other[i] >= best[i] else none)


@compiled(**_OPTIONS)
def _reach(shares, winners, bit, received, e):
    """dL/dh of a line: from the result where this direction won it, and from the next line."""
    nothing = e.dtype.type(0)
    for i in range(e.shape[0]):
        e[i] = received[i] + (shares[i] if winners[i] & bit else nothing)


@compiled(**_OPTIONS)
def _divisor(a, b, c, floor, out):
    for i in range(out.shape[0]):
        total = abs(a[i]) + abs(b[i]) + abs(c[i])
        out[i] = total if total > floor else floor


@compiled(**_OPTIONS)
def _change(x, before, e, k, out):
    """dL/dp for the neighbour k - 1; 0 where it lies outside."""
    first, stop = max(1 - k, 0), x.shape[0] - max(k - 1, 0)
    out[:first] = 0
    out[stop:] = 0
    here, there = x[first:stop], before[first + k - 1 : stop + k - 1]
    reach, inside = e[first:stop], out[first:stop]
    for i in range(inside.shape[0]):
        inside[i] = reach[i] * (there[i] - here[i])


@compiled(**_OPTIONS)
def _send(gate, divisor, e, k, out):
    """Enter p e: what a line hands back to its neighbour k - 1; 0 where that lies outside."""
    for i in range(out.shape[0]):
        out[i] = gate[i] * e[i] / divisor[i]
    out[: max(1 - k, 0)] = 0
    out[out.shape[0] - max(k - 1, 0) :] = 0


@compiled(**_OPTIONS)
def _drag(a, b, c, change, divisor, floor, out):
    """Enter sum_k p_k dL/dp_k where the gates were divided by their sum, else 0."""
    nothing = out.dtype.type(0)
    above, same, below = change[0], change[1], change[2]
    for i in range(out.shape[0]):
        pull = a[i] * above[i] + b[i] * same[i] + c[i] * below[i]
        out[i] = pull / divisor[i] if divisor[i] > floor else nothing


@compiled(**_OPTIONS)
def _gate_gradient(gate, change, divisor, drag, out, add):
    """dL/da = (dL/dp - sign(a) drag) / divisor."""
    nothing = out.dtype.type(0)
    for i in range(out.shape[0]):
        signed = drag[i] if gate[i] > nothing else -drag[i]
        gradient = (change[i] - (signed if gate[i] != nothing else nothing)) / divisor[i]
        out[i] = out[i] + gradient if add else gradient


@compiled(**_OPTIONS)
def _input_gradient(e, sent_a, sent_b, sent_c, dx):
    for i in range(dx.shape[0]):
        dx[i] += e[i] - sent_a[i] - sent_b[i] - sent_c[i]


@compiled(**_OPTIONS)
def _enter_sum(e, dx):
    for i in range(dx.shape[0]):
        dx[i] += e[i]


@compiled(**_OPTIONS)
def _receive(sent_a, sent_b, sent_c, received):
    """What the line before gets: from i + 1 through k = -1, from i - 1 through k = +1."""
    last = received.shape[0] - 1
    received[:] = sent_b
    for i in range(last):
        received[i] += sent_a[i + 1]
    for i in range(1, last + 1):
        received[i] += sent_c[i - 1]
