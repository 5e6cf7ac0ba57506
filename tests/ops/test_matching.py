import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings

from propago.ops import matching


def embeddings(channels, positions, seed=0):
    return torch.randn(channels, positions, generator=torch.Generator().manual_seed(seed))


@given(st.integers(1, 8), st.integers(1, 30), st.integers(1, 30), st.integers(0, 99))
@settings(max_examples=30, deadline=None)
def test_similarity_is_minus_the_squared_distance(channels, queries, positions, seed):
    q, m = embeddings(channels, queries, seed), embeddings(channels, positions, seed + 1)
    brute = -(q.T[:, None] - m.T[None]).square().sum(-1)
    assert torch.allclose(matching.similarities(q, m), brute, atol=1e-4)
    assert torch.allclose(matching.similarities(q, m, 3.0), 3 * brute, atol=1e-4)


def test_distance_is_the_papers():
    squared = torch.tensor([0.0, 0.5, 3.0, 50.0])
    paper = 1 - 2 / (1 + squared.double().exp())
    assert torch.allclose(matching.embedding_distance(squared).double(), paper, atol=1e-6)
    assert matching.embedding_distance(torch.tensor(1e6)) == 1  # the paper's form overflows here


def test_nearest_of_each_group_by_hand():
    similarity = -torch.tensor([[4.0, 1.0, 9.0], [0.0, 2.0, 3.0]])
    best = matching.nearest(similarity, (2, 1))
    assert best.tolist() == [[-1.0, 0.0], [-9.0, -3.0]]


def test_a_group_without_positions_is_as_far_as_can_be():
    best = matching.nearest(-torch.rand(5, 3), (0, 3))
    assert (best[0] == -matching.FAR).all()
    assert (matching.embedding_distance(-best[0]) == 1).all()


@given(st.integers(2, 5), st.integers(1, 9), st.integers(0, 99))
@settings(max_examples=30, deadline=None)
def test_the_others_are_all_but_oneself(groups, queries, seed):
    similarity = embeddings(groups, queries, seed)
    others = matching.of_the_others(similarity)
    for g in range(groups):
        rest = torch.cat([similarity[:g], similarity[g + 1 :]])
        assert torch.equal(others[g], rest.amax(0))


def test_nobody_else():
    assert (matching.of_the_others(torch.zeros(1, 4)) == -matching.FAR).all()


@pytest.mark.parametrize("radius", [0, 1, 2, 7])
def test_window_by_brute_force(radius):
    height, width = 3, 4
    left, right = matching.window_penalty((height, width), radius)
    penalty = left.T @ right
    for a in range(height * width):
        for b in range(height * width):
            near = max(abs(a // width - b // width), abs(a % width - b % width)) <= radius
            assert penalty[a, b] == 0 if near else penalty[a, b] <= -matching.FAR


def test_a_penalty_leaves_what_is_near_alone():
    q = embeddings(4, 12)
    plain = matching.similarities(q, q, 2.0)
    local = matching.similarities(q, q, 2.0, matching.window_penalty((3, 4), 1))
    near = local > -matching.FAR / 2
    assert torch.allclose(local[near], plain[near], atol=1e-5)
    assert near.sum() == (3 * 3 - 2) * (4 * 3 - 2)


def test_readout_is_an_average_and_sharp_matches_copy():
    values = torch.tensor([[1.0, 2.0, 6.0]])
    even = matching.soft_readout(torch.zeros(1, 3), values)
    assert even.item() == pytest.approx(3.0)
    sharp = matching.soft_readout(torch.tensor([[-100.0, 0.0, -100.0]]), values)
    assert sharp.item() == pytest.approx(2.0)


def test_gradients_of_all_parts():
    q = embeddings(3, 4).double().requires_grad_()
    m = embeddings(3, 5, 1).double().requires_grad_()
    v = embeddings(2, 5, 2).double().requires_grad_()

    def parts(q, m, v):
        s = matching.similarities(q, m, 2.0)
        best = matching.nearest(s, (2, 3))
        return matching.embedding_distance(-best), matching.soft_readout(s, v)

    assert torch.autograd.gradcheck(parts, (q, m, v))
