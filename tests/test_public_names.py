import subprocess
import sys
from pathlib import Path

import pytest

import propago


@pytest.mark.parametrize("name", propago.__all__)
def test_every_public_name_resolves(name):
    assert getattr(propago, name) is not None
    assert name in dir(propago)


def test_what_is_not_public_is_not_there():
    assert not hasattr(propago, "nothing")


def test_the_lists_of_names_agree():
    assert set(propago.__all__) == {*propago._HOMES, "__version__"}


def test_no_package_hides_a_public_name():
    """`import propago.x` would put the package where the function `propago.x` is expected."""
    packages = {path.name for path in Path(propago.__file__).parent.iterdir() if path.is_dir()}
    assert not packages & set(propago.__all__)


def test_import_is_light():
    code = "import sys, propago; sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
