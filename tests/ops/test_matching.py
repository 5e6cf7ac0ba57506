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
    weights = (matching.query_factor(q, 2.0) @ matching.memory_factor(m, 2.0)).exp2()
    assert torch.allclose(matching.similarity_of(weights), 2 * brute, atol=1e-3)


def test_distance_is_the_papers():
    squared = torch.tensor([0.0, 0.5, 3.0, 50.0])
    paper = 1 - 2 / (1 + squared.double().exp())
    assert torch.allclose(matching.embedding_distance(squared).double(), paper, atol=1e-6)
    assert matching.embedding_distance(torch.tensor(1e6)) == 1  # the paper's form overflows here


def test_largest_of_each_group_by_hand():
    weights = torch.tensor([[4.0, 1.0, 9.0], [0.0, 2.0, 3.0]])
    assert matching.largest(weights, (2, 1)).tolist() == [[4.0, 2.0], [9.0, 3.0]]


def test_a_group_without_positions_is_as_far_as_can_be():
    best = matching.similarity_of(matching.largest(torch.rand(5, 3), (0, 3)))
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
    cells = tiles.whole(found.flatten(1, 2))
    similarity = matching.similarities(query.flatten(1), memory.flatten(1), 2.0)
    at = torch.cartesian_prod(torch.arange(height), torch.arange(width))
    apart = (at[:, None] - at[None]).abs().amax(2)
    local = similarity.masked_fill(apart > radius, -matching.FAR)
    expected = cues_by_brute_force(local, owners.flatten(), values.flatten(2), 2.0)
    assert torch.allclose(cells, expected.flatten(0, 1).view_as(cells), atol=1e-5)


def cues_by_brute_force(similarity, owner, values, sharpness):
    """(K, 2 + V, Q) from all similarities (Q, M) at once."""
    groups = range(len(values) + 1)
    best = torch.stack([similarity.masked_fill(owner != g, -matching.FAR).amax(1) for g in groups])
    both = torch.stack([best, matching.of_the_others(best)], 1)[1:]
    read = values @ similarity.softmax(1).T
    return torch.cat([matching.embedding_distance(both / -sharpness), read], 1)


@pytest.mark.parametrize("most", [1, 2**9, 2**30])
def test_matching_everywhere_by_brute_force(monkeypatch, most):
    monkeypatch.setattr(matching, "IN_CACHE", most)
    counts = [(20, 0, 30), (5, 15, 1)]
    memory = [
        matching.SortedMemory(embeddings(4, sum(c), i), torch.rand(2, 3, sum(c)), c)
        for i, c in enumerate(counts)
    ]
    query = embeddings(4, 5 * 7, 9).view(4, 5, 7).transpose(0, 1)
    wanted = torch.ones(5, 2, dtype=torch.bool)
    found = matching.match_everywhere(query, memory, wanted, 1.5)
    together = torch.cat([past.embedding for past in memory], 1)
    owner = torch.cat([torch.arange(3).repeat_interleave(torch.tensor(c)) for c in counts])
    values = torch.cat([past.values for past in memory], 2)
    similarity = matching.similarities(query.transpose(0, 1).flatten(1), together, 1.5)
    expected = cues_by_brute_force(similarity, owner, values, 1.5)
    assert torch.allclose(found.movedim(0, 2).flatten(2), expected, atol=1e-5)


def test_values_that_nobody_wants_are_not_read():
    memory = [matching.SortedMemory(embeddings(4, 6), torch.rand(2, 3, 6), (2, 2, 2))]
    query = embeddings(4, 3, 1)[None]
    both = matching.match_everywhere(query, memory, torch.tensor([[True, True]]))
    one = matching.match_everywhere(query, memory, torch.tensor([[False, True]]))
    assert torch.equal(one[0, 1], both[0, 1])
    assert torch.equal(one[0, 0, :2], both[0, 0, :2])
    assert (one[0, 0, 2:] == 0).all()


def test_what_is_farther_than_float32_can_tell_is_not_there():
    memory = [matching.SortedMemory(torch.tensor([[100.0]]), torch.ones(1, 1, 1), (0, 1))]
    found = matching.match_everywhere(
        torch.zeros(1, 1, 1), memory, torch.ones(1, 1, dtype=torch.bool)
    )
    assert found.flatten().tolist() == [1.0, 1.0, 0.0]


def test_embeddings_of_a_lower_precision_are_told_apart_as_finely_as_they_are():
    unit = [torch.nn.functional.normalize(embeddings(64, n, n), dim=0) for n in (30, 200)]
    query, memory = (x.bfloat16() for x in unit)
    memory[:, :10] = query[:, :10]
    close = 0.9 * query[:, 10:20].float() + 0.1 * memory[:, 20:30].float()
    memory[:, 10:20] = torch.nn.functional.normalize(close, dim=0).bfloat16()
    values, wanted = torch.rand(2, 3, 200), torch.ones(1, 2, dtype=torch.bool)

    def cues(precision):
        past = matching.SortedMemory(memory.to(precision), values, (50, 60, 90))
        return matching.match_everywhere(query.to(precision)[None], [past], wanted, 11.0)[0]

    low, exact = cues(torch.bfloat16), cues(torch.float32)
    assert low.dtype == torch.float32
    assert (low - exact).abs().max() < 0.01
    assert low[:, :2].amin((0, 1))[:10].max() < 1e-4  # what is the same is no distance apart


@pytest.mark.parametrize("precision", [torch.bfloat16, torch.float32])
def test_matching_nearby_in_a_lower_precision(precision):
    query, memory = embeddings(8, 36).view(8, 6, 6), embeddings(8, 36, 1).view(8, 6, 6)
    owners = torch.arange(36).view(6, 6) % 3
    tiles = Tiles.covering(torch.ones(6, 6, dtype=torch.bool), 4)
    values = torch.rand(2, 3, 6, 6)
    found = matching.match_nearby(
        query.to(precision), memory.to(precision), owners, values, tiles, 2, 0.2
    )
    exact = matching.match_nearby(query, memory, owners, values, tiles, 2, 0.2)
    assert found.dtype == torch.float32
    assert (found - exact).abs().max() < 0.02


def test_readout_is_an_average():
    summed = torch.tensor([[1.0, 9.0, 0.0], [2.0, 3.0, 0.0]])
    assert matching.average(summed).tolist() == [[0.5, 3.0, 0.0]]


def test_gradients_of_all_parts():
    q = embeddings(3, 4).double()[None].requires_grad_()
    m = embeddings(3, 5, 1).double().requires_grad_()
    v = embeddings(2, 5, 2).double()[None].requires_grad_()
    wanted = torch.ones(1, 1, dtype=torch.bool)

    def cues(q, m, v):
        return matching.match_everywhere(q, [matching.SortedMemory(m, v, (2, 3))], wanted, 0.5)

    assert torch.autograd.gradcheck(cues, (q, m, v))
