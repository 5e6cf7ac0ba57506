import torch

from propago.ops.anchors import cell_anchors, grid_anchors


def test_cells_by_hand():
    """Area 32 squared, halved and doubled heights: the figures of torchvision's generator."""
    cells = [[-23, -11, 23, 11], [-16, -16, 16, 16], [-11, -23, 11, 23]]
    assert cell_anchors((32,)).tolist() == cells
    two = cell_anchors((32, 64), (1.0,)).tolist()
    assert two == [[-16, -16, 16, 16], [-32, -32, 32, 32]]


def test_the_grid_goes_by_rows_and_begins_at_the_corner():
    cells = torch.tensor([[-1.0, -2, 1, 2], [-3, -3, 3, 3]])
    anchors = grid_anchors(cells, (2, 3), 8)
    assert anchors.shape == (12, 4)
    assert anchors[:4].tolist() == [[-1, -2, 1, 2], [-3, -3, 3, 3], [7, -2, 9, 2], [5, -3, 11, 3]]
    assert anchors[6].tolist() == [-1, 6, 1, 10]
