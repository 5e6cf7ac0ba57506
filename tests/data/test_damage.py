import torch

from propago.data.damage import damage


def masks():
    one = torch.zeros(2, 48, 64)
    one[0, 10:30, 10:30] = 1
    one[1, 20:40, 35:60] = 1
    return one


def test_damage_is_legal_and_changes_something():
    changed = 0
    for seed in range(20):
        out = damage(masks(), torch.Generator().manual_seed(seed))
        assert out.shape == (2, 48, 64)
        assert bool(((out >= 0) & (out <= 1 + 1e-6)).all())
        assert bool((out.sum(0) <= 1 + 1e-5).all())
        changed += not torch.equal(out, masks())
    assert changed > 15


def test_the_same_generator_gives_the_same_damage():
    a, b = (damage(masks(), torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(a, b)


def test_gradients_pass_through():
    x = masks().requires_grad_()
    damage(x, torch.Generator().manual_seed(1)).sum().backward()
    assert x.grad is not None
