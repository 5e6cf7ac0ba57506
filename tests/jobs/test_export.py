"""Networks as ONNX files: equal to PyTorch at sizes that were no example, and what is refused."""

from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
import torch

import propago
from propago.cli import main
from propago.components import imported, load_component
from propago.jobs.export import EXPORTED
from propago.nn.onnx_parts import write_part
from propago.ops.scan_exported import propagate_exported
from propago.ops.scan_reference import propagate_reference

WITH_ONNX = all(map(find_spec, ("onnx", "onnxscript", "onnxruntime")))
needs_onnx = pytest.mark.skipif(not WITH_ONNX, reason="needs the extra onnx")
OTHER_SIZES = {"h": 5, "w": 11, "h16": 5, "w16": 3, "h32": 3, "w32": 5, "objects": 4, "regions": 7}
OTHER_SIZES |= {"height": 21, "width": 45}


def other_size(part, name):
    """An input of other lengths wherever an axis is free."""
    shape = list(part.inputs[name].shape)
    for axis, what in part.free.get(name, {}).items():
        times, length = (1, what) if isinstance(what, str) else what
        shape[axis] = times * OTHER_SIZES[length]
    return torch.rand(shape)


@needs_onnx
@pytest.mark.slow
@pytest.mark.parametrize("method", EXPORTED)
def test_every_part_says_what_pytorch_says(method, tmp_path):
    import onnxruntime

    loaded = load_component(dict(EXPORTED), method, "`method`", device="cpu")
    for part in imported(EXPORTED[method].export)(loaded.net):
        write_part(part, tmp_path / "part.onnx", {"weights": "shipped"})
        session = onnxruntime.InferenceSession(tmp_path / "part.onnx")
        assert session.get_modelmeta().custom_metadata_map["weights"] == "shipped"
        for given in (part.inputs, {name: other_size(part, name) for name in part.inputs}):
            found: Any = session.run(None, {name: x.numpy() for name, x in given.items()})
            with torch.no_grad():
                wanted = part.module(**given)
            wanted = wanted if isinstance(wanted, tuple) else (wanted,)
            assert len(found) == len(wanted) == len(part.outputs)
            for own, x in zip(found, wanted, strict=True):
                np.testing.assert_allclose(own, x, atol=1e-4 * max(1, float(x.abs().max())))


@pytest.mark.slow
@pytest.mark.parametrize("rounds", [1, 2])
def test_the_scan_that_is_exported_is_the_scan(rounds):
    x, gates = torch.rand(1, 2, 5, 7), torch.randn(1, 1, 4, 3, 5, 7)
    program = torch.export.export(Scan(rounds), (x, gates))
    wanted = propagate_reference(x, gates, (0, 1, 2, 3), 1.0, rounds)
    torch.testing.assert_close(program.module()(x, gates), wanted)


class Scan(torch.nn.Module):
    def __init__(self, rounds):
        super().__init__()
        self.rounds = rounds

    def forward(self, x, gates):
        return propagate_exported(x, gates, (0, 1, 2, 3), 1.0, self.rounds)


def test_what_has_no_parts_and_what_is_there_is_refused(tmp_path, capsys):
    with pytest.raises(propago.UsageError, match="`method` nothing: there are feelvos, spn"):
        propago.export("nothing", tmp_path)
    (tmp_path / "spn-guidance.onnx").touch()
    assert main(["export", "spn", "--onnx", str(tmp_path)]) == 2
    assert "--overwrite replaces it" in capsys.readouterr().err


@pytest.mark.skipif(WITH_ONNX, reason="the extra onnx is there")
def test_without_the_extra_it_is_named(tmp_path):
    with pytest.raises(propago.UsageError, match=r"pip install 'propago\[onnx\]'"):
        propago.export("spn", tmp_path / "parts")
    assert not (tmp_path / "parts").exists()
