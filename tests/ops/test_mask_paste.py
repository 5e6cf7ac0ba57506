import numpy as np
import pytest
import torch

from propago.ops.mask_paste import pasted


@pytest.mark.parametrize(
    "box", [(3, 2, 9, 7), (-5, -5, 4, 30), (2.4, 2.5, 6.6, 6.49), (7, 7, 7, 7)]
)
def test_a_mask_of_ones_is_the_box(box):
    found = pasted(torch.ones(1, 28, 28), torch.tensor([box], dtype=torch.float32), (10, 12))[0]
    y, x = np.mgrid[:10, :12] + 0.5
    x0, y0, x1, y1 = box
    assert np.array_equal(found, (x >= x0) & (x < x1) & (y >= y0) & (y < y1))


def test_cells_lie_where_they_belong():
    mask = torch.tensor([[[1.0, 0], [0, 1]]])
    found = pasted(mask, torch.tensor([[2.0, 2, 8, 8]]), (10, 10), 0.6)[0]
    assert found[2:4, 2:4].all()
    assert found[6:8, 6:8].all()
    assert not found[2:4, 6:8].any()
    assert not found[[0, 1, 8, 9]].any()


def test_none_and_many():
    assert pasted(torch.zeros(0, 28, 28), torch.zeros(0, 4), (5, 6)).shape == (0, 5, 6)
    boxes = torch.tensor([[0.0, 0, 2, 2], [3, 3, 5, 5], [-9, 0, -2, 4]])
    assert pasted(torch.ones(3, 4, 4), boxes, (6, 6)).sum((1, 2)).tolist() == [4, 4, 0]
