"""Models of transformers as detectors: what their queries say, and tiny random models."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

import propago
from propago.components import DETECTORS, load_component
from propago.errors import UsageError, WeightsError
from propago.methods.transformers.run import TransformersDetector, chosen, queries_of
from propago.types import Frame


class Says(torch.nn.Module):
    """Answers with one person on the left half of what it is shown, and a query of nothing."""

    def __init__(self, labels):
        super().__init__()
        self.config = SimpleNamespace(id2label=labels)
        self.shown = []

    def forward(self, pixel_values, pixel_mask):
        self.shown.append((pixel_values, pixel_mask))
        rows, columns = (side // 4 for side in pixel_values.shape[-2:])
        masks = torch.full((1, 2, rows, columns), -9.0)
        width = int(pixel_mask[0, 0].sum()) // 4
        masks[0, 0, :, : width // 2] = 9.0
        classes = torch.tensor([[[8.0, 0, 0], [0, 0, 8.0]]])
        return SimpleNamespace(class_queries_logits=classes, masks_queries_logits=masks)


def test_queries_become_instances():
    classes = torch.tensor([[0.0, 0, 9], [4, 0, 0], [0, 9, 0], [0, 9, 0]])
    masks = torch.full((4, 2, 3), -9.0)
    masks[1, 0, :2], masks[2, 1, 2] = 0.1, 9.0
    planes, labels, confidence = chosen(classes, masks, 0.3)
    assert labels.tolist() == [1, 0]
    assert planes.int().tolist() == [[[0, 0, 0], [0, 0, 1]], [[1, 1, 0], [0, 0, 0]]]
    probability = torch.tensor([4.0, 0, 0]).softmax(0)[0] * torch.tensor(0.1).sigmoid()
    assert confidence[1] == pytest.approx(probability.item())


def test_masks_come_back_to_the_frame_and_classes_to_cocos_ids():
    detector = TransformersDetector(Says({0: "person", 1: "toaster"}), {"size": 64})
    found = detector(Frame(torch.rand(3, 60, 80), 0, ""))
    assert found.masks.shape == (1, 60, 80)
    share = found.masks[0].mean(0) > 0.5
    assert share[:37].all()
    assert not share[43:].any()
    assert found.classes.tolist() == [1]
    assert detector.class_names == {1: "person", 80: "toaster"}
    ((pixels, mask),) = detector.net.shown
    assert pixels.shape[-2:] == mask.shape[-2:] == (64, 96)
    assert int(mask[0, 0].sum()) == 85
    assert not pixels[..., 85:].any()
    own = TransformersDetector(Says({0: "cell", 1: "debris"}), {"size": {"shortest_edge": 32}})
    assert own.class_names == {1: "cell", 2: "debris"}
    assert own.size == 32


def test_what_cannot_be_used_is_said(monkeypatch):
    with pytest.raises(WeightsError, match="has no queries with masks"):
        queries_of(SimpleNamespace(logits=torch.zeros(1)))
    with pytest.raises(UsageError, match="name a model of the hub, as facebook/"):
        load_component(DETECTORS, "transformers", "`method`")
    monkeypatch.setitem(__import__("sys").modules, "transformers", None)
    with pytest.raises(UsageError, match=r"pip install 'propago\[transformers\]'"):
        load_component(DETECTORS, "transformers", "`method`", weights="somewhere")


@pytest.fixture
def tiny(tmp_path):
    """A random Mask2Former of two classes in a folder."""
    library = pytest.importorskip("transformers", reason="the extra transformers is not installed")
    torch.manual_seed(0)
    swin = library.SwinConfig(
        embed_dim=8, depths=[1, 1, 1, 1], num_heads=[1, 1, 1, 1], window_size=4,
        out_features=["stage1", "stage2", "stage3", "stage4"],
    )  # fmt: skip
    config = library.Mask2FormerConfig(
        backbone_config=swin, feature_size=32, mask_feature_size=32, hidden_dim=32,
        encoder_feedforward_dim=32, dim_feedforward=32, encoder_layers=1, decoder_layers=2,
        num_attention_heads=2, num_queries=5, id2label={0: "cat", 1: "dog"},
    )  # fmt: skip
    library.Mask2FormerForUniversalSegmentation(config).save_pretrained(tmp_path / "tiny")
    return tmp_path / "tiny"


@pytest.mark.filterwarnings("ignore")
def test_a_tiny_random_model_goes_through_the_tracker(tiny):
    settings = {"weights": tiny, "size": 64, "min_confidence": 0.0, "device": "cpu"}
    detector = load_component(DETECTORS, "transformers", "`method`", **settings)
    assert detector.class_names == {17: "cat", 18: "dog"}
    pictures = np.random.default_rng(0).integers(0, 255, (2, 48, 80, 3)).astype(np.uint8)
    for result in propago.track_frames(pictures, detector):
        assert result.detections.masks.shape[1:] == (48, 80)
        assert set(result.detections.classes.tolist()) <= {17, 18}
    with pytest.raises(WeightsError, match="no instance segmentation model"):
        TransformersDetector.load(tiny.parent / "nothing")
