"""Nets of one or a few layers, with the outputs that Caffe itself computed."""

import numpy as np
import pytest

from tests.layers.oracles import EPS
from xdn.frontend import load

#: Net -> roundings of the largest output that the reference may differ by: the longest sum of products in the
#: net, and a few more for the functions (pow in LRN, exp in softmax). 0: values are only moved or compared.
COVERED = {
    "batch_norm": 8,
    "batch_norm_local_stats": 12 + 8,
    "concat": 0,
    "concat_optim": 3 + 6,
    "concat_shared_input": 3 + 128 + 150 + 128,
    "convolution": 2 * 4 * 5,
    # 4 channels a group, and a kernel of 4x5 in steps of 2x3: 2 rows and 2 columns reach one output. Then the bias.
    "deconvolution": 4 * 2 * 2 + 1,
    "dropout": 0,
    "eltwise": 8,
    # Sums of 8475 and 60 products; Caffe's BLAS adds them in blocks, and so does NumPy's.
    "inner_product": 8475 + 60,
    # Two layers, each along two axes: two products and their sum. Caffe goes along the columns first. The shares of
    # the two neighbours are computed as there, to the last bit.
    "interp": 2 * 2 * 3,
    "lrn_channels": 5 + 8,
    "lrn_spatial": 25 + 8,
    # Means of 75 * 113 values and squares. With n of them the mean errs by n / 2 roundings of 1, the largest value,
    # which the division by at least 0.4 makes 1.25 n, and the root of the variance by n / 4 of the result, at most 3.1:
    # n roundings of that are more than both.
    "mvn": 75 * 113,
    "pooling_ave": 15,
    "pooling_max": 0,
    "prelu": 2,
    "prelu_fc": 60,
    "relu": 0,
    "softmax": 6 + 8,
}


def _paths(material, name):
    folder = material("layers")
    weights = folder / f"layer_{name}.caffemodel"
    own_input = folder / f"layer_{name}.input.npy"
    x = np.load(own_input if own_input.exists() else folder / "blob.npy")
    return folder / f"layer_{name}.prototxt", weights if weights.exists() else None, x


def test_every_net_is_accounted_for(material):
    names = {path.stem.removeprefix("layer_") for path in material("layers").glob("layer_*.prototxt")}
    assert names == set(COVERED)


@pytest.mark.parametrize("name", sorted(COVERED))
def test_the_reference_computes_what_caffe_did(material, name):
    prototxt, weights, x = _paths(material, name)
    expected = np.load(material("layers", f"layer_{name}.npy"))
    net = load(prototxt, weights)
    (data,) = net.inputs
    assert net.inputs[data].shape == x.shape
    blobs = net.forward({data: x})
    (output,) = (blobs[top] for top in net.outputs if top.startswith("output") or len(net.outputs) == 1)
    assert output.shape == expected.shape
    bound = COVERED[name] * EPS * np.abs(expected).max()
    assert np.abs(output.astype(np.float64) - expected).max() <= bound
