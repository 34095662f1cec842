"""Layers, and chains of layers, that Winograd computes whatever they cost; seeded as those of `test_fuzz.py`."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.kernels.checks import activated, check_layer, feed_for, input_layer, sums, with_cache
from tests.kernels.test_fuzz import BATCHES, CHANNELS, EPILOGUES, Chain, check_chain, fuzzed
from tests.kernels.winograd_checks import forced
from xdn.graph import Epilogue
from xdn.kernels.winograd.transform import WINOGRAD
from xdn.layers.relu import ReLU
from xdn.runtime.session import Session

ALGORITHMS = st.sampled_from(sorted(WINOGRAD))


@fuzzed(24)
@given(st.data())
def test_layer(data):
    size = data.draw(st.tuples(st.integers(1, 14), st.integers(1, 14)))
    pad = data.draw(st.tuples(st.integers(0, 3), st.integers(0, 3)))
    assume(all(s + 2 * p >= 3 for s, p in zip(size, pad, strict=True)))
    with forced(data.draw(ALGORITHMS)):
        check_layer(
            "Convolution",
            (data.draw(CHANNELS), *size),
            allowed=activated,
            epilogue=data.draw(EPILOGUES),
            batch=data.draw(BATCHES),
            num_output=data.draw(CHANNELS),
            kernel_size=3,
            pad=pad,
            bias_term=data.draw(st.booleans()),
        )


@st.composite
def chains(draw):
    """Return a chain of 3x3 convolutions, and poolings, over the blobs that came last; some add a blob before."""
    chain = Chain([input_layer("b0", draw(CHANNELS), draw(st.integers(3, 11)), draw(st.integers(3, 11)))])
    for _ in range(draw(st.integers(2, 6))):
        blobs = chain.net.blobs
        bottom = draw(st.sampled_from(list(blobs)[-2:]))
        kind = draw(st.sampled_from(("conv", "conv", "sum", "pool")))
        activation = draw(st.sampled_from((None, ReLU())))
        params = {"kernel_size": 3, "pad": 1}
        if kind == "pool":
            chain.append("Pooling", (bottom,), sums, pool="AVE", stride=2, **params)
        elif kind == "sum":
            peers = [name for name, blob in blobs.items() if blob.shape == blobs[bottom].shape]
            params["num_output"] = blobs[bottom].shape[1]
            bottoms = (bottom, draw(st.sampled_from(peers)))
            chain.append("Convolution", bottoms, sums, Epilogue(True, activation), **params)
        else:
            params["num_output"] = draw(CHANNELS)
            chain.append(
                "Convolution", (bottom,), sums, Epilogue(activation=activation) if activation else None, **params
            )
    return chain


@fuzzed(20)
@given(chains(), BATCHES, ALGORITHMS)
def test_chain(chain, batch, outputs):
    """Scratch beside the other blobs, residuals in place, one algorithm after the other."""
    with forced(outputs):
        check_chain(chain, batch)


@fuzzed(15)
@given(chains(), ALGORITHMS, st.sampled_from((6, 16, 48)))
def test_bands_change_no_bit(chain, outputs, kib):
    """Rows of tiles of one layer after the other, as few at a time as a small cache holds."""
    feed = feed_for(chain.net)
    with forced(outputs), pytest.MonkeyPatch.context() as patch:
        (expected,) = Session(chain.net, threads=1, schedule="batch").run(None, feed)
        with_cache(patch, kib << 10)
        (found,) = Session(chain.net, threads=1, schedule="batch").run(None, feed)
    np.testing.assert_array_equal(found, expected)
