"""No read and no write outside a blob, a weight, a table or a caller's array: the page beside each is forbidden.

`tests/runtime/guarded.py` runs the cases, each in a process of its own; here each case says how its process ended.
"""

import json
import os

import pytest

from tests.codegen.kernels import python
from tests.kernels.checks import FULL_MATRIX
from xdn.codegen.target import cpu_features, host_target

if not hasattr(os, "fork"):
    pytest.skip("the system has no fork", allow_module_level=True)

from tests.runtime import guarded

#: Processor models whose code is run: the host's own, in the whole matrix also one of each other x86 instruction set.
MODELS = {"host": (), "haswell": ("avx2", "fma"), "nehalem": ("sse4.2",)}
RUN_MODELS = [
    name for name, needs in MODELS.items() if name == "host" or (FULL_MATRIX and cpu_features().issuperset(needs))
]
NAMES = list(guarded.guarded_cases())


@pytest.fixture(scope="module", params=RUN_MODELS)
def found(request, tmp_path_factory):
    """Return what became of all cases on a processor model."""
    path = tmp_path_factory.mktemp("guarded") / "found.json"
    environment = {} if request.param == "host" else {"NUMBA_CPU_NAME": request.param, "XDN_TARGET": ""}
    python("import sys; from tests.runtime.guarded import main; main(sys.argv[1])", path, timeout=600, **environment)
    result = json.loads(path.read_text())
    assert request.param != "host" or result["isa"] == host_target().name
    return result


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_nothing_outside_is_touched(found, name):
    """Right: the bits of a run in memory of any kind. SIGSEGV, SIGBUS: an access to a forbidden page."""
    assert found["cases"][name] == "right"


@pytest.mark.slow
@pytest.mark.parametrize("side", guarded.SIDES)
@pytest.mark.parametrize("kind", guarded.KINDS)
def test_an_access_outside_ends_the_process(found, kind, side):
    """The method itself: with its memory moved by one value into the forbidden page, the same run crashes."""
    assert found["controls"][f"{kind}/{side}"] in ("SIGSEGV", "SIGBUS")
