import pytest
import torch

from propago.ops.roi_align import box_levels, cropped_masks, pyramid_roi_align, roi_align

BOXES = torch.tensor([[4.0, 2, 20, 14], [0, 0, 31, 23], [6.5, 3.25, 7.0, 3.5], [-9, -9, 50, 40]])


def slow(features, boxes, bins, stride, samples, aligned):
    """The rule point by point."""
    channels, height, width = features.shape
    pooled = torch.zeros(len(boxes), channels, bins, bins)

    def value(y, x):
        if y < -1 or y > height or x < -1 or x > width:
            return torch.zeros(channels)
        y, x = min(max(y, 0), height - 1), min(max(x, 0), width - 1)
        y0, x0 = int(y), int(x)
        y1, x1 = min(y0 + 1, height - 1), min(x0 + 1, width - 1)
        top = features[:, y0, x0] * (1 - x + x0) + features[:, y0, x1] * (x - x0)
        low = features[:, y1, x0] * (1 - x + x0) + features[:, y1, x1] * (x - x0)
        return top * (1 - y + y0) + low * (y - y0)

    for n, box in enumerate(boxes):
        x0, y0, x1, y1 = (box / stride - 0.5 * aligned).tolist()
        w, h = (x1 - x0, y1 - y0) if aligned else (max(x1 - x0, 1), max(y1 - y0, 1))
        for i in range(bins):
            for j in range(bins):
                for a in range(samples):
                    for b in range(samples):
                        y = y0 + (i + (a + 0.5) / samples) * h / bins
                        x = x0 + (j + (b + 0.5) / samples) * w / bins
                        pooled[n, :, i, j] += value(y, x) / samples**2
    return pooled


@pytest.mark.parametrize("aligned", [False, True])
@pytest.mark.parametrize("samples", [1, 2])
def test_it_is_the_rule(aligned, samples):
    features = torch.rand(3, 6, 8, generator=torch.Generator().manual_seed(0))
    found = roi_align(features, BOXES, 3, 4, samples=samples, aligned=aligned)
    assert torch.allclose(found, slow(features, BOXES, 3, 4, samples, aligned), atol=1e-5)


@pytest.mark.parametrize(("aligned", "shift"), [(True, -0.5), (False, 0.0)])
def test_a_ramp_is_read_exactly(aligned, shift):
    """Position i holds i: a bin's mean is its middle in positions, half a position less aligned."""
    ramp = torch.arange(16.0).expand(1, 12, 16)
    found = roi_align(ramp, torch.tensor([[8.0, 8, 40, 40]]), 4, 4, aligned=aligned)
    wanted = torch.tensor([3.0, 5, 7, 9]) + shift
    assert torch.allclose(found[0, 0], wanted.expand(4, 4), atol=1e-5)


def test_no_boxes_and_a_gradient():
    features = torch.rand(2, 5, 5, requires_grad=True)
    assert roi_align(features, torch.zeros(0, 4), 7, 1).shape == (0, 2, 7, 7)
    roi_align(features, torch.tensor([[1.0, 1, 4, 4]]), 2, 1).sum().backward()
    assert features.grad.sum() == pytest.approx(2 * 4)


def test_masks_are_cropped_each_in_its_box():
    masks = torch.zeros(2, 8, 8)
    masks[0, 2:6, 2:6] = 1
    masks[1, :, 4:] = 1
    boxes = torch.tensor([[2.0, 2, 6, 6], [2, 2, 6, 6]])
    found = cropped_masks(masks, boxes, 4, samples=1)
    assert found[0].eq(1).all()
    assert found[1].tolist() == [[0, 0, 1, 1]] * 4
    assert cropped_masks(masks[:0], boxes[:0], 4).shape == (0, 4, 4)


def test_levels_by_hand():
    sides = torch.tensor([20.0, 111, 112, 223, 224, 447, 448, 5000, 0])
    boxes = torch.stack([sides * 0, sides * 0, sides, sides], 1)
    assert box_levels(boxes, (4, 8, 16, 32)).tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 0]
    assert box_levels(boxes, (8, 16, 32)).tolist() == [0, 0, 0, 0, 1, 1, 2, 2, 0]


def test_a_pyramid_is_its_levels_picture_by_picture():
    generator = torch.Generator().manual_seed(1)
    levels = {s: torch.rand(2, 3, 512 // s, 512 // s, generator=generator) for s in (8, 16, 32)}
    boxes = [
        torch.tensor([[0.0, 0, 50, 50], [10, 10, 490, 500]]),
        torch.tensor([[9.0, 9, 300, 280]]),
    ]
    found = pyramid_roi_align(levels, boxes, 2)
    wanted = [
        roi_align(levels[8][0], boxes[0][:1], 2, 8),
        roi_align(levels[32][0], boxes[0][1:], 2, 32),
        roi_align(levels[16][1], boxes[1], 2, 16),
    ]
    assert torch.allclose(found, torch.cat(wanted))
