"""The spatial propagation network on one picture."""

import numpy as np
import pytest
import torch

import propago
from propago.errors import MaskError, ShapeError, WeightsError
from propago.refinement.spn.picture import refine
from random_spn import write_random_spn

SIZE = (48, 64)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    return write_random_spn(tmp_path_factory.mktemp("weights"))


@pytest.mark.parametrize("dtype", [np.float64, np.float16, np.int64, bool])
def test_any_numbers_and_shapes(dtype, weights):
    image = (np.random.default_rng(0).random((*SIZE, 3)) * 255).astype(np.uint8)
    plane = np.zeros(SIZE, dtype)
    plane[10:30, 20:40] = 1
    one = refine(image, plane, weights=weights)
    assert one.shape == SIZE
    assert one.dtype == np.float32
    many = refine(image, np.stack([plane] * 3), weights=weights)
    assert np.array_equal(many[2], one)
    assert refine(image, np.zeros((0, *SIZE), dtype), weights=weights).shape == (0, *SIZE)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16, torch.bool])
def test_tensors_of_any_type(dtype, weights):
    image = torch.rand(3, *SIZE, generator=torch.Generator().manual_seed(0))
    plane = torch.zeros(SIZE)
    plane[10:30, 20:40] = 1
    wanted = refine(image, plane, weights=weights)
    got = refine(image, plane.to(dtype), weights=weights)
    assert got.dtype == torch.float32
    assert torch.equal(got, wanted)
    if dtype.is_floating_point:
        seen = image.to(dtype)
        got = refine(seen, plane, weights=weights)
        assert torch.equal(got, refine(seen.float(), plane, weights=weights))


@pytest.mark.parametrize(
    ("image", "says"),
    [
        (torch.zeros(3, *SIZE, dtype=torch.uint8), "uint8"),
        (torch.zeros(1, *SIZE), r"\(1, 48, 64\)"),
        (torch.zeros(4, *SIZE), r"\(4, 48, 64\)"),
        (torch.zeros(*SIZE, 3), r"\(48, 64, 3\)"),
        (torch.full((3, *SIZE), 255.0), "divide"),
        (torch.full((3, *SIZE), -0.1), r"from -0\.1"),
        (torch.full((3, *SIZE), torch.nan), "nan"),
        (torch.zeros(3, 7, 8), "one size"),
    ],
)
def test_a_tensor_that_is_no_picture_is_said(image, says, weights):
    with pytest.raises(ShapeError, match=says):
        refine(image, torch.ones(SIZE), weights=weights)


def test_bad_scores_are_said(weights):
    image = np.zeros((*SIZE, 3), np.uint8)
    cases = [
        (np.full(SIZE, np.nan), "nan"),
        (np.full(SIZE, 7), "to 7"),
        (np.full(SIZE, -0.5), "sigmoid"),
        (np.full(SIZE, "x"), "numbers"),
    ]
    for scores, says in cases:
        with pytest.raises(MaskError, match=says):
            refine(image, scores, weights=weights)
    with pytest.raises(ShapeError, match="one size"):
        refine(image, np.zeros((7, 8)), weights=weights)
    with pytest.raises(ShapeError, match="uint8 RGB"):
        refine(np.zeros(SIZE), np.zeros(SIZE), weights=weights)
    with pytest.raises(WeightsError, match="no such file"):
        refine(image, np.zeros(SIZE), weights="nothing")


def test_refine_is_public():
    assert propago.refine is refine
