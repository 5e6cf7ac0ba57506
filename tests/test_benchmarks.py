"""The benchmarks at least say what they are for: a part that was moved is missed at once."""

from importlib import import_module
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "benchmarks"


@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("*.py")))
def test_it_finds_what_it_imports(name):
    assert import_module(name).__doc__
