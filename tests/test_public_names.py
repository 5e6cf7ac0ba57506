import re
import subprocess
import sys
from difflib import unified_diff
from pathlib import Path
from typing import Any

import pytest

import propago
from public_api import SNAPSHOT, public_api


@pytest.mark.parametrize("name", propago.__all__)
def test_every_public_name_resolves(name):
    assert getattr(propago, name) is not None
    assert name in dir(propago)


def test_what_is_not_public_is_not_there():
    assert not hasattr(propago, "nothing")


def test_the_stub_is_all_that_type_checkers_see():
    stub = (Path(propago.__file__).parent / "__init__.pyi").read_text("utf-8")
    lines = stub.split('"""\n\n', 1)[1].splitlines()
    assert [line for line in lines if line and " import " not in line] == [
        "__all__: list[str]",
        "__version__: str",
    ]
    assert len([line for line in lines if " import " in line]) == len(propago.__all__) - 1 > 40


def test_no_package_hides_a_public_name():
    """`import propago.x` would put the package where the function `propago.x` is expected."""
    packages = {path.name for path in Path(propago.__file__).parent.iterdir() if path.is_dir()}
    assert not packages & set(propago.__all__)


def test_import_is_light():
    code = "import sys, propago; sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_change_of_the_public_api_is_made_on_purpose():
    was, now = SNAPSHOT.read_text("utf-8").splitlines(), public_api().splitlines()
    changes = "\n".join(unified_diff(was, now, "tests/api.txt", "src/propago", lineterm="", n=0))
    assert not changes, f"{changes}\n\nIf that is meant: python tests/public_api.py"


def test_the_reference_has_every_public_name():
    page = (Path(__file__).parents[1] / "docs" / "api.md").read_text("utf-8")
    told = re.findall(r"^\.\. (?:auto\w+|py:data):: (\w+)$", page, re.M)
    assert sorted([*told, "__version__"]) == sorted(propago.__all__)


@pytest.mark.parametrize("name", ["Propagator", "Cleaner", "Associator"])
def test_a_protocol_without_its_types_is_known_to_strict_type_checkers(name):
    assert {kind.__default__ for kind in getattr(propago, name).__parameters__} == {Any}
