import pytest
import torch
from torch import nn

from propago.errors import OutputError, WeightsError
from propago.nn.inference import choose_device, ready
from propago.nn.weights import SHIPPED, fill, load_weights, save_weights, shipped_weights


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "mine.safetensors"
    tensors = {"a": torch.randn(3, 4), "n": torch.tensor(5)}
    save_weights(path, tensors, {"network": "toy/small", "licence": "Apache-2.0"})
    return path, tensors


def test_what_was_saved_comes_back_in_half_precision(file):
    path, tensors = file
    back = load_weights(path, "toy/small")
    assert back.name == "mine"
    assert back.about["licence"] == "Apache-2.0"
    assert torch.equal(back.tensors["a"], tensors["a"].half().float())
    assert back.tensors["n"] == 5


def test_a_folder_that_is_not_there_is_said(tmp_path):
    with pytest.raises(OutputError, match="cannot be written"):
        save_weights(tmp_path / "none" / "mine.safetensors", {"a": torch.zeros(1)}, {})


def test_a_changed_byte_is_noticed(file):
    path, _ = file
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)
    with pytest.raises(WeightsError, match="hash mismatch"):
        load_weights(path, "toy/small")


def test_a_cut_file_is_noticed(file):
    path, _ = file
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(WeightsError, match="not a readable safetensors"):
        load_weights(path, "toy/small")


def test_another_network_is_refused(file):
    with pytest.raises(WeightsError, match="toy/small, not of toy/large"):
        load_weights(file[0], "toy/large")


def test_the_names_offered_are_those_of_the_network():
    with pytest.raises(WeightsError, match="no such file") as none:
        load_weights("spn", "spn/compact", "spn/paper")
    assert "legal are spn-compact, a .safetensors file" in str(none.value)
    with pytest.raises(WeightsError, match="not of feelvos/compact; legal are feelvos-further, "):
        load_weights("spn-compact", "feelvos/compact")


def test_all_names_are_offered_where_any_network_will_do():
    with pytest.raises(WeightsError, match=r"`init` ritm-further: no such file") as none:
        load_weights("ritm-further", argument="init")
    assert ", ritm-onward, " in str(none.value)


def test_tensors_that_do_not_fit_are_refused(file):
    with pytest.raises(WeightsError, match="do not fit"):
        fill(nn.Linear(2, 2), load_weights(file[0], "toy/small"))


def test_every_shipped_file_is_small_and_has_a_card():
    assert "feelvos-synthetic" in shipped_weights()
    for name in shipped_weights():
        assert (SHIPPED / f"{name}.safetensors").stat().st_size <= 12_000_000
        card = (SHIPPED / f"{name}.md").read_text()
        for word in ("licence", "data", "recipe", "commit", "seed"):
            assert word in card


def test_folding_batch_norm_changes_nothing():
    torch.manual_seed(0)
    norm = nn.BatchNorm2d(5)
    net = nn.Sequential(nn.Conv2d(3, 5, 3), norm, nn.ReLU())
    torch.nn.init.normal_(norm.get_buffer("running_mean"))
    torch.nn.init.uniform_(norm.get_buffer("running_var"), 0.5, 2)
    x = torch.rand(2, 3, 8, 8)
    expected = net.eval()(x)
    folded = ready(net, choose_device("cpu"))
    assert isinstance(folded[1], nn.Identity)
    assert torch.allclose(folded(x), expected, atol=1e-5)
