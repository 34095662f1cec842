"""Vector kernels over instruction set x epilogue x odd shapes x tails x threads; see README.md for the whole matrix."""

import json
import traceback
from functools import cache

import numpy as np
import pytest

from tests.codegen.kernels import python
from tests.codegen.targets import RUNNABLE
from tests.kernels.checks import FULL_MATRIX, B, activated, check_net, covering, feed_for, make_params, one_layer_net
from tests.kernels.strassen_checks import forced
from xdn.codegen.target import cpu_features, host_target
from xdn.graph import Blob, Epilogue
from xdn.kernels.core.epilogue import ACTIVATIONS
from xdn.layers import LAYERS
from xdn.runtime.session import Session

ACTIVATED = tuple(ACTIVATIONS) if FULL_MATRIX else ("ReLU", "PReLU")
#: Per layer: image, parameters. Odd maps, windows that meet padding alone, groups; depthwise.
LAYERS_TESTED = {
    "1x1": ((5, 3, 1), {"kernel_size": 1}),
    "3x3": ((13, 2, 5), {"kernel_size": 3, "pad": 1}),
    "wide": ((3, 1, 2), {"kernel_h": 7, "kernel_w": 2, "pad": (3, 1), "stride": (1, 2), "dilation": (1, 3)}),
    "depthwise": (None, {"kernel_size": 3, "pad": 1, "stride": 2}),
    # By Winograd's F(4x4), but for the single filter and two sources.
    "winograd": ((16, 8, 8), {"kernel_size": 3, "pad": 1}),
    # By Strassen's algorithm, but for two sources; all outputs but 32 are direct sums.
    "strassen": ((41, 5, 3), {"kernel_size": 1}),
}

#: Images by what they are in blocks: a process tests its own block's edges.
BATCHES = {"1": 1, "B/2+1": B // 2 + 1, "B": B, "B+1": B + 1, "2B+1": 2 * B + 1}

MATRIX = covering(
    7,
    lambda row: (row["added"], row["layer"]) != ("projection", "depthwise"),
    isa=tuple(isa.name for isa in RUNNABLE),
    added=(None, "residual", "projection"),
    activation=(None, *ACTIVATED),
    layer=tuple(LAYERS_TESTED),
    # A tile of the largest instruction set's and of the smallest's rows, one more, and a prime.
    outputs=(1, 6, 7, 14, 15, 37) if FULL_MATRIX else (1, 7, 15),
    batch=tuple(BATCHES),
    threads=(1, 2, 3),
)


def _net(row):
    image, params = LAYERS_TESTED[row["layer"]]
    outputs = row["outputs"] + (32 if row["layer"] == "strassen" else 0)
    activation = LAYERS[row["activation"]]() if row["activation"] else None
    if image is None:
        image, params = (outputs, 5, 3), params | {"group": outputs}
    epilogue = Epilogue(row["added"] == "residual", activation)
    images = [image]
    if row["added"] == "projection":
        # Columns two apart of an image that is as high as the top and twice as wide.
        (layer,) = one_layer_net("Convolution", image, num_output=outputs, **params).layers[1:]
        _, _, p, q = layer.params.infer([Blob((1, *image))], 1)[0].shape
        images.append((7, p, 2 * q))
        projection = make_params("Convolution", num_output=outputs, kernel_size=1, stride=(1, 2))
        epilogue = Epilogue(False, activation, projection)
    return one_layer_net("Convolution", *images, epilogue=epilogue, num_output=outputs, **params)


def _id(row):
    return "-".join(str(value) for value in row.values())


def _check(row):
    """Compare a row's net with the references, and on the row's threads with itself."""
    net = _net(row)
    feed = feed_for(net, BATCHES[row["batch"]])
    with forced():
        whole = check_net(net, activated, feed)
        session = Session(net, threads=row["threads"], chunk_blocks=1, schedule="batch")
        np.testing.assert_array_equal(session.run(None, feed)[0], whole[0])
    session.close()


def main():
    """Print what became of all rows of this process's instruction set as JSON: row -> "right", or the traceback."""
    found = {}
    for row in MATRIX:
        if row["isa"] == host_target().name:
            try:
                _check(row)
                found[_id(row)] = "right"
            except Exception:
                found[_id(row)] = traceback.format_exc()
    print(json.dumps(found))


@cache
def _elsewhere(isa):
    """Return what `main` found in a process whose instruction set, and so its block of images, is `isa`."""
    return json.loads(python("from tests.kernels.test_isa_matrix import main; main()", timeout=1200, XDN_TARGET=isa))


@pytest.mark.parametrize("row", MATRIX, ids=_id)
def test_matrix(row):
    """LLVM makes vectors of any length run on any processor, so that all tiles are tested on each."""
    if row["isa"] == host_target().name:
        _check(row)
    else:
        assert _elsewhere(row["isa"])[_id(row)] == "right"


OTHERS = {"haswell": ("avx2", "fma"), "nehalem": ("sse4.2",)}


@pytest.mark.skipif(not FULL_MATRIX, reason="part of the whole matrix (XDN_FULL_MATRIX=1)")
@pytest.mark.parametrize("model", OTHERS)
def test_all_kernel_tests_on_another_processor_model(model):
    """The code that such a processor gets: all tests of this folder, pairwise, in a process of their own."""
    if not cpu_features().issuperset(OTHERS[model]):
        pytest.skip(f"the processor cannot run the code of {model}")
    code = "import sys, pytest; sys.exit(pytest.main(['tests/kernels', '-x', '-p', 'no:cacheprovider']))"
    passed = python(code, timeout=1200, NUMBA_CPU_NAME=model, XDN_TARGET="", XDN_FULL_MATRIX="0")
    assert " passed" in passed
