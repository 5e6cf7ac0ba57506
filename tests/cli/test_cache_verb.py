import pytest
import torch

from propago.cli import main
from propago.finetune.cache import FineTuneCache


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("PROPAGO_CACHE", str(tmp_path))
    cache = FineTuneCache()
    cache.put("k", {"weight": torch.zeros(50_000)}, {})
    return cache


def test_it_shows_what_is_kept(cache, capsys):
    assert main(["cache"]) == 0
    tuned, networks = capsys.readouterr().out.splitlines()
    assert tuned == f"kept     1 files, 0.2 MB: tuned weights, in {cache.folder}"
    assert networks.startswith("kept     0 files, 0.0 MB: ONNX networks, in ")
    assert cache.get("k") is not None


def test_clear_deletes_it(cache, capsys):
    assert main(["cache", "clear"]) == 0
    assert capsys.readouterr().out.startswith("deleted  1 files, 0.2 MB: ")
    assert cache.get("k") is None
    assert main(["cache"]) == 0
    assert capsys.readouterr().out.startswith("kept     0 files, 0.0 MB: ")


def test_a_folder_that_is_not_there_is_empty(tmp_path):
    place = tmp_path / "nowhere"
    assert FineTuneCache(place).contents() == FineTuneCache(place).clear() == (0, 0)
    assert not place.exists()
