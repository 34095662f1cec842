"""The package without its extra."""

import subprocess
import sys

import pytest

from tests.test_imports import modules_after


@pytest.mark.parametrize("module", ["xdn.train", "xdn.train.module", "xdn.train.initial"])
def test_without_pytorch_the_extra_is_named(module):
    code = (
        "import sys, importlib; sys.modules['torch'] = None\n"
        "from xdn.errors import MissingExtraError\n"
        f"try: importlib.import_module({module!r})\n"
        "except MissingExtraError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install 'xdn[train]'" in done.stdout


def test_what_needs_no_tensor_does_not_import_pytorch():
    assert "torch" not in modules_after("import xdn.train, xdn.train.parameters, xdn.train.initial")
