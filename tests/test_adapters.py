"""Tables for pandas and layers for napari, neither of which the tests need."""

import re
import sys
import tomllib
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import propago
from propago.adapters import COLUMNS, napari_reader, napari_write_labels, to_pandas
from propago.errors import MaskError, UsageError

LABELS = np.zeros((4, 6), np.uint8)
LABELS[1:3, 2:5] = 7


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "clip"
    made.mkdir()
    for name, labels in {"f2": LABELS, "f10": LABELS * 0}.items():
        propago.write_mask(made / f"{name}.png", labels)
    return made


def test_a_row_is_an_object_in_a_frame(folder, monkeypatch):
    pandas = SimpleNamespace(DataFrame=lambda rows, columns: (rows, columns))
    monkeypatch.setitem(sys.modules, "pandas", pandas)
    rows, columns = to_pandas(folder)
    assert columns == list(COLUMNS)
    assert rows == [("clip", 0, "f2", 7, 1, "object", 1.0, 2, 1, 5, 3, 6, 3.5, 2.0)]


def test_without_pandas_it_says_what_to_install(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(UsageError, match="pip install pandas"):
        to_pandas(folder)


def test_layers_of_napari_come_back_under_the_names_of_their_frames(folder, tmp_path):
    read = napari_reader(str(folder))
    assert read is not None
    ((data, meta, kind),) = read(str(folder))
    assert (data.shape, data.dtype, kind, meta["name"]) == ((2, 4, 6), np.uint16, "labels", "clip")
    np.testing.assert_array_equal(data[0], LABELS)
    out = str(tmp_path / "a.json")
    assert napari_write_labels(out, data, meta) == [out]
    assert propago.convert(out, tmp_path / "back").frames == 2
    assert sorted(p.name for p in (tmp_path / "back").iterdir()) == ["f10.png", "f2.png"]


def test_what_is_no_mask_is_left_to_other_plugins(tmp_path):
    (tmp_path / "a.json").write_text('{"a": 1}')
    assert napari_reader(str(tmp_path / "a.json")) is None
    assert napari_reader([str(tmp_path)]) is None
    with pytest.raises(MaskError, match="whole numbers"):
        napari_write_labels(str(tmp_path / "b.npz"), np.ones((2, 2)), {})
    napari_write_labels(str(tmp_path / "b.npz"), LABELS, {"name": "x"})
    assert np.load(tmp_path / "b.npz")["names"].tolist() == ["00000"]


def test_the_manifest_names_functions_that_there_are():
    root = Path(propago.__file__).parent
    manifest = (root / "napari.yaml").read_text("utf-8")
    for module, name in re.findall(r"python_name: (\S+):(\w+)", manifest):
        assert callable(getattr(import_module(module), name))
    project = tomllib.loads((root.parents[1] / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["entry-points"]["napari.manifest"] == {"propago": "propago:napari.yaml"}
