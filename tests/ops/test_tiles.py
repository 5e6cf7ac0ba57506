import hypothesis.strategies as st
import torch
from hypothesis import given, settings

from propago.ops.tiles import Tiles, within


@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 5), st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_what_is_cut_is_put_back_where_it_is_wanted(height, width, side, seed):
    generator = torch.Generator().manual_seed(seed)
    wanted = torch.rand(height, width, generator=generator) > 0.8
    x = torch.rand(3, height, width, generator=generator)
    tiles = Tiles.covering(wanted, side)
    whole = tiles.whole(tiles.of(x))
    assert torch.equal(whole[:, wanted], x[:, wanted])
    for row in range(0, height, side):
        for column in range(0, width, side):
            square = slice(row, row + side), slice(column, column + side)
            if not wanted[square].any():
                assert (whole[:, *square] == 0).all()


def test_surroundings_by_hand():
    x = torch.arange(1.0, 7).view(1, 2, 3)
    wanted = torch.tensor([[False, False, True], [False, False, False]])
    around = Tiles.covering(wanted, 2).of(x, around=1, fill=-1)
    assert around.view(4, 4).tolist() == [
        [-1, -1, -1, -1],
        [2, 3, -1, -1],
        [5, 6, -1, -1],
        [-1, -1, -1, -1],
    ]


def test_within_by_brute_force():
    near = within(3, 2).view(3, 3, 7, 7)
    for row, column, y, x in near.nonzero().tolist():
        assert max(abs(row + 2 - y), abs(column + 2 - x)) <= 2
    assert near.sum() == 9 * 25
