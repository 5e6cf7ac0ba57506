import errno
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

from propago.errors import OutputError, PropagoWarning
from propago.finetune.budget import Budget
from propago.finetune.cache import FineTuneCache
from propago.io.cache_folder import cache_folder

ABOUT = {"what": "object 1"}


@dataclass(frozen=True)
class Other:
    steps: int | None = None
    seconds: float | None = None


def tensors():
    torch.manual_seed(0)
    kernel = torch.randn(4, 3, 5, 5).contiguous(memory_format=torch.channels_last)
    return {"head.weight": kernel, "head.bias": torch.randn(4)}


def test_what_was_put_comes_back(tmp_path):
    cache = FineTuneCache(tmp_path)
    assert cache.get("a" * 64) is None
    assert cache.put("a" * 64, tensors(), ABOUT)
    back = FineTuneCache(tmp_path).get("a" * 64)
    assert back is not None
    assert list(back) == ["head.weight", "head.bias"]
    assert all(torch.equal(back[name], tensor) for name, tensor in tensors().items())
    assert cache.get("b" * 64) is None


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "folder"])
def test_a_damaged_file_is_a_miss_and_can_be_replaced(tmp_path, damage):
    cache = FineTuneCache(tmp_path)
    cache.put("k", tensors(), ABOUT)
    path = tmp_path / "finetuned" / "k.safetensors"
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.unlink()
    if damage == "folder":
        path.mkdir()
    else:
        path.write_bytes({"cut": content[:-9], "flipped": content, "empty": b""}[damage])
    assert cache.get("k") is None
    if damage != "folder":
        assert cache.put("k", tensors(), ABOUT)
        assert cache.get("k") is not None


def test_a_full_disk_warns_and_the_run_goes_on(tmp_path, monkeypatch):
    cache = FineTuneCache(tmp_path)
    cache.put("k", tensors(), ABOUT)

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("propago.io.checkpoint.save_file", full)
    with pytest.warns(PropagoWarning, match=r"PROPAGO_CACHE.*the disk is full"):
        assert not cache.put("k", {}, ABOUT)
    assert set(cache.get("k") or {}) == {"head.weight", "head.bias"}
    assert [path.name for path in cache.folder.iterdir()] == ["k.safetensors"]


def test_a_folder_that_cannot_be_made_warns(tmp_path):
    (tmp_path / "file").write_text("")
    cache = FineTuneCache(tmp_path / "file")
    assert cache.unfinished("k") is None
    assert cache.get("k") is None
    with pytest.warns(PropagoWarning, match="not kept"):
        assert not cache.put("k", tensors(), ABOUT)
    assert cache.contents() == (0, 0)
    assert cache.clear() == (0, 0)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_warns(tmp_path):
    cache = FineTuneCache(tmp_path)
    cache.folder.mkdir()
    cache.folder.chmod(0o555)
    assert cache.unfinished("k") is None
    with pytest.warns(PropagoWarning, match="not kept"):
        assert not cache.put("k", tensors(), ABOUT)


def test_a_folder_without_permission_warns(tmp_path, monkeypatch):
    """The same for whoever runs the tests: the system refuses."""
    cache = FineTuneCache(tmp_path)

    def refused(*_):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr("propago.io.checkpoint.save_file", refused)
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert cache.unfinished("k") is None
    with pytest.warns(PropagoWarning, match="no permission"):
        assert not cache.put("k", tensors(), ABOUT)


def test_clear_deletes_ours_and_nothing_else(tmp_path):
    cache = FineTuneCache(tmp_path)
    cache.put("k", tensors(), ABOUT)
    unfinished = cache.unfinished("k")
    assert unfinished is not None
    unfinished.write_bytes(b"12345")
    (cache.folder / ".x.safetensors.part").write_bytes(b"123")
    (cache.folder / "notes.txt").write_text("mine")
    files, size = cache.contents()
    assert files == 3
    assert size == 8 + (cache.folder / "k.safetensors").stat().st_size
    assert cache.clear() == (files, size)
    assert [path.name for path in cache.folder.iterdir()] == ["notes.txt"]
    assert cache.get("k") is None


def test_what_cannot_be_deleted_is_said(tmp_path, monkeypatch):
    cache = FineTuneCache(tmp_path)
    cache.put("k", tensors(), ABOUT)

    def refused(*_, **__):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "unlink", refused)
    with pytest.raises(OutputError, match="Permission denied"):
        cache.clear()


def test_keys_tell_apart_what_differs():
    array = np.arange(6, dtype=np.uint8)
    parts = [
        (),
        (None,),
        (0,),
        (False,),
        (0.0,),
        ("0",),
        (b"0",),
        ("ab", "c"),
        ("a", "bc"),
        (("a", "b"), "c"),
        (array,),
        (array.reshape(2, 3),),
        (array.astype(np.uint16),),
        (torch.from_numpy(array),),
        ({"a": 1},),
        ({"a": 2},),
        (Budget(steps=3),),
        (Budget(seconds=3),),
        (Other(steps=3),),
    ]
    keys = [FineTuneCache.key(*part) for part in parts]
    assert len(set(keys)) == len(parts)
    assert keys == [FineTuneCache.key(*part) for part in parts]
    assert all(len(key) == 64 for key in keys)


def test_keys_do_not_depend_on_memory_layout():
    x = torch.randn(2, 3, 4, 5)
    assert FineTuneCache.key(x) == FineTuneCache.key(x.to(memory_format=torch.channels_last))
    assert FineTuneCache.key(x[..., 0]) == FineTuneCache.key(x[..., 0].clone())
    assert FineTuneCache.key({"a": 1, "b": 2}) == FineTuneCache.key({"b": 2, "a": 1})
    assert FineTuneCache.key(torch.ones(2, dtype=torch.bfloat16)) != FineTuneCache.key(
        torch.ones(2)
    )


def test_a_key_of_what_has_no_bytes_is_a_mistake():
    with pytest.raises(TypeError, match="key"):
        FineTuneCache.key(object())


def test_where_the_folder_is(monkeypatch, tmp_path):
    for name in ("PROPAGO_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    assert cache_folder() == tmp_path / ".cache" / "propago"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "shared"))
    assert cache_folder() == tmp_path / "shared" / "propago"
    monkeypatch.setenv("PROPAGO_CACHE", str(tmp_path / "own"))
    assert cache_folder() == tmp_path / "own"
    assert FineTuneCache().folder == tmp_path / "own" / "finetuned"
