import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings

from propago.ops import matching
from propago.ops.tiles import Tiles


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


@given(st.integers(1, 3), st.integers(1, 9), st.integers(1, 11), st.integers(0, 5))
@settings(max_examples=30, deadline=None)
def test_matching_nearby_by_brute_force(objects, height, width, radius):
    size = height, width
    generator = torch.Generator().manual_seed(height * width)
    query, memory = torch.randn(2, 4, *size, generator=generator)
    values = torch.rand(objects, 2, *size, generator=generator)
    owners = torch.randint(0, objects + 1, size, generator=generator)
    tiles = Tiles.covering(torch.ones(size, dtype=torch.bool), 4)
    found = matching.match_nearby(query, memory, owners, values, tiles, radius, 2.0)
    cells = tiles.whole(found.flatten(0, 1).unflatten(1, (-1, 16)).transpose(0, 1))
    similarity = matching.similarities(query.flatten(1), memory.flatten(1), 2.0)
    at = torch.cartesian_prod(torch.arange(height), torch.arange(width))
    apart = (at[:, None] - at[None]).abs().amax(2)
    local = similarity.masked_fill(apart > radius, -matching.FAR)
    order = owners.flatten().argsort(stable=True)
    counts = torch.bincount(owners.flatten(), minlength=objects + 1).tolist()
    best = matching.nearest(local[:, order], counts)
    read = local.softmax(1) @ values.flatten(2).flatten(0, 1).T
    expected = matching.object_cues(best, read.T, 2.0)
    assert torch.allclose(cells, expected.flatten(0, 1).view_as(cells), atol=1e-5)


def test_matching_everywhere_does_not_depend_on_the_blocks(monkeypatch):
    memory = matching.SortedMemory(embeddings(4, 50, 1), embeddings(6, 50, 2), (20, 0, 30))
    query = embeddings(4, 70)
    at_once = matching.match_everywhere(query, memory, 3.0)
    monkeypatch.setattr(matching, "IN_CACHE", 50 * 17)
    assert torch.allclose(matching.match_everywhere(query, memory, 3.0), at_once, atol=1e-6)
    assert (at_once[0, 0] == 1).all()  # the first object has no position


def test_readout_is_an_average_and_sharp_matches_copy():
    values = torch.tensor([[1.0, 2.0, 6.0]])
    even = matching.soft_readout(torch.zeros(1, 3), values)
    uneven = torch.tensor([[0.5, -300.0, 2.0]])
    assert torch.allclose(
        matching.soft_readout(uneven, values), values @ uneven.softmax(1).T, atol=1e-6
    )
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
