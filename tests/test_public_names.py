import subprocess
import sys

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


def test_import_is_light():
    code = "import sys, propago; sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
