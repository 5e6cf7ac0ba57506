"""Detectors in ONNX Runtime: what PyTorch finds, the cache of networks, what is refused."""

from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
import torch

from propago.errors import PropagoWarning, UsageError
from propago.methods.mask_rcnn.run import MaskRcnnDetector
from propago.methods.masktrack_rcnn.net import MaskTrackConfig, MaskTrackRcnn
from propago.methods.masktrack_rcnn.run import MaskTrackDetector
from propago.nn import onnx_engine
from propago.nn.detection import DetectionSettings
from propago.nn.mask_rcnn import MaskRcnnConfig
from propago.nn.onnx_engine import OnnxLayers, kept_parts, onnx_layers, require_engine
from propago.nn.onnx_parts import OnnxPart
from propago.types import Frame

WITH_ONNX = all(map(find_spec, ("onnx", "onnxscript", "onnxruntime")))
needs_onnx = pytest.mark.skipif(not WITH_ONNX, reason="needs the extra onnx")
CPU = torch.device("cpu")
SMALL = MaskRcnnConfig(
    width=32,
    hidden=64,
    mask_width=32,
    mask_convolutions=1,
    outputs=4,
    anchors_px={8: (16, 24), 16: (32, 48), 64: (80, 90)},
)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("PROPAGO_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "onnx"


@needs_onnx
@pytest.mark.slow
def test_detectors_find_what_they_find_in_pytorch(cache, monkeypatch):
    monkeypatch.setattr("propago.nn.inference._has_bfloat16", lambda: False)
    torch.manual_seed(0)
    net = MaskTrackRcnn(MaskTrackConfig(SMALL, embedding=8))
    torch.nn.init.normal_(net.detector.box_head.logits.weight, std=0.5)  # else all is as likely
    settings = DetectionSettings(0.3, most=20)
    frames = [Frame(torch.rand(3, *size), 0, "") for size in ((96, 128), (75, 203))]
    detectors: Any = ((MaskTrackDetector, net), (MaskRcnnDetector, net.detector))
    for kind, own in detectors:
        by_torch, by_onnx = kind(own, 96, settings), kind(own, 96, settings, engine="onnx")
        assert by_onnx.description == by_torch.description | {"engine": "onnx"}
        for frame in frames:
            same_detections(by_onnx(frame), by_torch(frame))
        nothing = kind(own, 96, DetectionSettings(1.0), engine="onnx")(frames[0])
        assert nothing.masks.shape == (0, 96, 128)
    assert len(list(cache.iterdir())) == 4  # the detector's are those of both


def same_detections(found, wanted):
    assert len(found) == len(wanted) > 3
    np.testing.assert_array_equal(found.classes, wanted.classes)
    np.testing.assert_allclose(found.boxes_xyxy, wanted.boxes_xyxy, atol=1e-2)
    np.testing.assert_allclose(found.confidence, wanted.confidence, atol=1e-4)
    assert np.mean(found.masks != wanted.masks) < 1e-3
    assert (found.embeddings is None) == (wanted.embeddings is None)
    if wanted.embeddings is not None:
        np.testing.assert_allclose(found.embeddings, wanted.embeddings, atol=1e-4)


class Doubled(torch.nn.Module):
    def __init__(self, factor=2.0):
        super().__init__()
        self.factor = torch.nn.Parameter(torch.tensor(factor))

    def forward(self, x):
        return x * self.factor


def part(factor=2.0):
    return OnnxPart("doubled", Doubled(factor), {"x": torch.rand(3)}, ("y",), {"x": {0: "n"}})


@needs_onnx
def test_it_is_exported_once_for_its_weights(cache, monkeypatch):
    x = torch.arange(5.0)
    (found,) = onnx_layers([part()])["doubled"](x)
    assert found.tolist() == [0, 2, 4, 6, 8]
    assert kept_parts().contents()[0] == 1
    onnx_layers([part(3.0)])
    assert kept_parts().contents()[0] == 2
    with monkeypatch.context() as patched:
        patched.setattr(onnx_engine, "part_bytes", None)
        onnx_layers([part(), part(3.0)])
    for file in cache.iterdir():
        file.write_bytes(file.read_bytes()[:40])
    (found,) = onnx_layers([part(3.0)])["doubled"](x)
    assert found[1] == 3
    assert isinstance(onnx_layers([part(3.0)])["doubled"], OnnxLayers)


@needs_onnx
def test_a_cache_that_cannot_be_written_is_said_and_the_run_goes_on(tmp_path):
    (tmp_path / "cache").write_text("a file")
    with pytest.warns(PropagoWarning, match="PROPAGO_CACHE names another folder"):
        layers = onnx_layers([part()])
    assert layers["doubled"](torch.ones(1))[0] == 2


def test_what_is_no_engine_of_this_machine_is_refused(monkeypatch):
    with pytest.raises(UsageError, match="`engine` tensorrt: there are torch, onnx"):
        require_engine("tensorrt", CPU)
    with pytest.raises(UsageError, match="on the CPU, and the device is cuda: set `device`"):
        require_engine("onnx", torch.device("cuda"))
    monkeypatch.setattr(onnx_engine, "find_spec", lambda name: name == "onnx")
    with pytest.raises(UsageError, match=r"onnxscript and onnxruntime: pip install 'propago\[onnx"):
        MaskRcnnDetector.load(engine="onnx", device="cpu")
