import pytest
import torch
from torch import nn

from propago.errors import WeightsError
from propago.nn.published import PublishedEncoder


class Tiny(PublishedEncoder):
    title = "Tiny-1"
    published = "https://example.org/tiny.pth"
    classifier = "fc."

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 1, 1)


FILE = {"conv.weight": torch.full((1, 1, 1, 1), 7.0), "conv.bias": torch.ones(1)}


def test_a_published_file_fills_the_encoder_and_its_classifier_stays_out(tmp_path):
    net = Tiny()
    torch.save({**FILE, "fc.weight": torch.zeros(3, 3)}, tmp_path / "tiny.pth")
    net.load_published(tmp_path / "tiny.pth")
    assert net.conv.weight.item() == 7


def test_without_a_file_it_says_which_to_fetch():
    with pytest.raises(WeightsError, match=r"Tiny-1 .* fetch https://example\.org/tiny\.pth"):
        Tiny().load_published()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({"conv.weight": FILE["conv.weight"]}, r"conv\.bias"),
        ({**FILE, "more": torch.ones(1)}, "more"),
        ({**FILE, "conv.bias": torch.ones(2)}, "size mismatch"),
        ({"state_dict": FILE}, "other things than tensors"),
        ([torch.ones(1)], "other things than tensors"),
        ({n: FILE["conv.bias"] for n in map(str, range(500))}, r"\.\.\.$"),
    ],
)
def test_a_file_of_something_else_is_said(tmp_path, content, says):
    torch.save(content, tmp_path / "other.pth")
    with pytest.raises(WeightsError, match=says):
        Tiny().load_published(tmp_path / "other.pth")


@pytest.mark.parametrize("content", [b"", b"no weights at all", b"PK\x03\x04 cut off"])
def test_a_file_that_cannot_be_read_is_said(tmp_path, content):
    (tmp_path / "bad.pth").write_bytes(content)
    for path in ("bad.pth", "nowhere.pth", "."):
        with pytest.raises(WeightsError, match="no readable file"):
            Tiny().load_published(tmp_path / path)
