"""Vector kernels over instruction set x epilogue x odd shapes x tails x threads; see README.md for the whole matrix."""

import numpy as np
import pytest

from tests.codegen.kernels import python
from tests.kernels.checks import FULL_MATRIX, activated, check_net, covering, feed_for, one_layer_net
from xdn.codegen.isa import ISAS, cpu_features, isa_named
from xdn.graph import Epilogue
from xdn.kernels.epilogue import ACTIVATIONS
from xdn.layers import LAYERS
from xdn.runtime import plan, program
from xdn.runtime.session import Session

ACTIVATED = tuple(ACTIVATIONS) if FULL_MATRIX else ("ReLU", "PReLU")
#: Per layer: image, parameters. Odd maps, windows that meet padding alone, groups; depthwise.
LAYERS_TESTED = {
    "1x1": ((5, 3, 1), {"kernel_size": 1}),
    "3x3": ((13, 2, 5), {"kernel_size": 3, "pad": 1}),
    "wide": ((3, 1, 2), {"kernel_h": 7, "kernel_w": 2, "pad": (3, 1), "stride": (1, 2), "dilation": (1, 3)}),
    "depthwise": (None, {"kernel_size": 3, "pad": 1, "stride": 2}),
}

MATRIX = covering(
    7,
    lambda row: True,
    isa=tuple(isa.name for isa in ISAS),
    residual=(False, True),
    activation=(None, *ACTIVATED),
    layer=tuple(LAYERS_TESTED),
    # A tile of the largest instruction set's and of the smallest's rows, one more, and a prime.
    outputs=(1, 6, 7, 14, 15, 37) if FULL_MATRIX else (1, 7, 15),
    batch=(1, 17, 32, 33, 65),
    threads=(1, 2, 3),
)


def _net(row):
    image, params = LAYERS_TESTED[row["layer"]]
    activation = LAYERS[row["activation"]]() if row["activation"] else None
    if image is None:
        image, params = (row["outputs"], 5, 3), params | {"group": row["outputs"]}
    epilogue = Epilogue(row["residual"], activation)
    return one_layer_net("Convolution", image, epilogue=epilogue, num_output=row["outputs"], **params)


@pytest.mark.parametrize("row", MATRIX, ids=lambda row: "-".join(str(value) for value in row.values()))
def test_matrix(row, monkeypatch):
    """LLVM makes vectors of any length run on any processor, so that all tiles are tested on each."""
    for module in (plan, program):
        monkeypatch.setattr(module, "host_isa", lambda: isa_named(row["isa"]))
    net = _net(row)
    feed = feed_for(net, row["batch"])
    whole = check_net(net, activated, feed)
    session = Session(net, threads=row["threads"], chunk_blocks=1)
    np.testing.assert_array_equal(session.run(None, feed)[0], whole[0])
    session.close()


OTHERS = {"haswell": ("avx2", "fma"), "nehalem": ("sse4.2",)}


@pytest.mark.skipif(not FULL_MATRIX, reason="part of the whole matrix (XDN_FULL_MATRIX=1)")
@pytest.mark.parametrize("model", OTHERS)
def test_all_kernel_tests_on_another_processor_model(model):
    """The code that such a processor gets: all tests of this folder, pairwise, in a process of their own."""
    if not cpu_features().issuperset(OTHERS[model]):
        pytest.skip(f"the processor cannot run the code of {model}")
    code = "import sys, pytest; sys.exit(pytest.main(['tests/kernels', '-x', '-p', 'no:cacheprovider']))"
    passed = python(code, timeout=1200, NUMBA_CPU_NAME=model, XDN_FULL_MATRIX="0")
    assert " passed" in passed
