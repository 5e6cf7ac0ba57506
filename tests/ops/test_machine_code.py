"""Compiled functions work where their code cannot be kept."""

from collections import namedtuple
from typing import Any

import pytest

numba = pytest.importorskip("numba")

from propago.errors import PropagoWarning  # noqa: E402
from propago.ops import machine_code  # noqa: E402


def twice(x: int) -> int:
    return 2 * x


def test_a_read_only_machine_compiles_without_a_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    def njit(cache: bool = False, **options: Any) -> Any:
        if cache:
            raise RuntimeError("cannot cache function 'twice': no locator available")
        return numba.njit(**options)

    monkeypatch.setattr(machine_code, "njit", njit)
    with pytest.warns(PropagoWarning, match="NUMBA_CACHE_DIR"):
        function = machine_code.compiled(nogil=True)(twice)
    assert function(21) == 42


def test_a_full_disk_compiles_without_a_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(machine_code.shutil, "disk_usage", lambda _: usage(1, 1, 0))
    with pytest.warns(PropagoWarning, match="the disk is full"):
        function = machine_code.compiled()(twice)
    assert function(21) == 42
