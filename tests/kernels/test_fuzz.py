"""Layers and chains of layers that nobody thought of, against the references.

Seeded: every run draws the same examples, with XDN_FULL_MATRIX=1 fifty times as many.
"""

from dataclasses import dataclass, field
from math import sqrt

import numpy as np
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.kernels.checks import (
    FULL_MATRIX,
    UNIT,
    B,
    activated,
    assert_within,
    check_layer,
    check_parts,
    close,
    exact,
    feed_for,
    input_layer,
    make_params,
    one_layer_net,
    random_weights,
    sums,
)
from xdn.errors import ShapeError, UnsupportedError
from xdn.graph import Epilogue, Layer, Net
from xdn.kernels.core.choice import FMA
from xdn.kernels.core.epilogue import ACTIVATIONS
from xdn.layers import LAYERS
from xdn.layers.window import Window
from xdn.runtime.session import Session


def fuzzed(examples):
    """Return the settings of a test that draws `examples`; a failing one is shrunk and printed."""
    return settings(
        max_examples=50 * examples if FULL_MATRIX else examples,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


BATCHES = st.sampled_from((1, 2, B // 2 + 1, B, B + 1))
#: Small numbers, tiles and a channel more or less, primes; few, because each new tile is a kernel to compile.
FEW_CHANNELS = st.sampled_from((1, 3, 13, 14, 15, 29, 37))
CHANNELS = st.one_of(FEW_CHANNELS, st.integers(1, 17), st.integers(26, 61)) if FULL_MATRIX else FEW_CHANNELS
#: A ReLU mostly: every activation on every tile is many kernels to compile.
ACTIVATION_TYPES = st.sampled_from(("ReLU", "ReLU", "ReLU", *ACTIVATIONS))
EPILOGUES = st.one_of(
    st.none(),
    st.builds(Epilogue, st.just(True)),
    st.builds(Epilogue, st.booleans(), ACTIVATION_TYPES.map(lambda name: LAYERS[name]())),
    st.builds(Epilogue, st.booleans(), st.builds(LAYERS["ReLU"], negative_slope=st.sampled_from((0.1, -0.5)))),
)


@st.composite
def axis(draw):
    """Return (size, kernel, stride, pad, dilation) of one axis; the window fits, if only on padding."""
    kernel, dilation = draw(st.one_of(st.integers(1, 3), st.integers(1, 11))), draw(st.sampled_from((1, 1, 2, 3, 5)))
    extent = dilation * (kernel - 1) + 1
    pad = draw(st.one_of(st.just(0), st.integers(0, extent + 1)))
    least = max(1, extent - 2 * pad)
    return least + draw(st.integers(0, 5)), kernel, draw(st.sampled_from((1, 1, 2, 3, 7))), pad, dilation


@fuzzed(50)
@given(st.data())
def test_convolution(data):
    (h, *rows), (w, *columns) = data.draw(axis()), data.draw(axis())
    kernel, stride, pad, dilation = zip(rows, columns, strict=True)
    group = data.draw(st.sampled_from((1, 1, 2, 3, 5, 7)))
    inputs, outputs = data.draw(CHANNELS), data.draw(CHANNELS)
    if group > 1:
        inputs, outputs = group * (inputs % 7 + 1), group * (outputs % 9 + 1)
    check_layer(
        "Convolution",
        (inputs, h, w),
        allowed=activated,
        epilogue=data.draw(EPILOGUES),
        batch=data.draw(BATCHES),
        num_output=outputs,
        kernel_h=kernel[0],
        kernel_w=kernel[1],
        stride=stride,
        pad=pad,
        dilation=dilation,
        group=group,
        bias_term=data.draw(st.booleans()),
    )


@fuzzed(25)
@given(st.data())
def test_projection(data):
    (h, *rows), (w, *columns) = data.draw(axis()), data.draw(axis())
    kernel, stride, pad, dilation = zip(rows, columns, strict=True)
    outputs = data.draw(CHANNELS)
    window = {"kernel_h": kernel[0], "kernel_w": kernel[1], "stride": stride, "pad": pad, "dilation": dilation}
    projection = make_params("Convolution", num_output=outputs, bias_term=data.draw(st.booleans()), **window)
    top = projection.window(2).output_size((h, w))
    own, step = data.draw(st.integers(1, 3)), data.draw(st.integers(1, 2))
    # The layer's own window gives the same top from an image that is as large as it needs.
    least = tuple((size - 1) * step + own for size in top)
    activation = LAYERS[data.draw(ACTIVATION_TYPES)]() if data.draw(st.booleans()) else None
    check_layer(
        "Convolution",
        (data.draw(CHANNELS), *least),
        (data.draw(CHANNELS), h, w),
        allowed=activated,
        epilogue=Epilogue(False, activation, projection),
        batch=data.draw(BATCHES),
        num_output=outputs,
        kernel_size=own,
        stride=step,
        bias_term=data.draw(st.booleans()),
    )


@fuzzed(25)
@given(st.data())
def test_depthwise(data):
    (h, *rows), (w, *columns) = data.draw(axis()), data.draw(axis())
    kernel, stride, pad, dilation = zip(rows, columns, strict=True)
    channels = data.draw(CHANNELS)
    check_layer(
        "Convolution",
        (channels, h, w),
        allowed=activated,
        epilogue=data.draw(EPILOGUES),
        batch=data.draw(BATCHES),
        num_output=channels,
        group=channels,
        kernel_h=kernel[0],
        kernel_w=kernel[1],
        stride=stride,
        pad=pad,
        dilation=dilation,
    )


@fuzzed(40)
@given(st.data())
def test_pooling(data):
    (h, *rows), (w, *columns) = data.draw(axis()), data.draw(axis())
    kernel, stride, pad, _ = zip(rows, columns, strict=True)
    names = ("kernel_h", "kernel_w", "stride_h", "stride_w", "pad_h", "pad_w")
    params = dict(zip(names, (*kernel, *stride, *pad), strict=True))
    params |= {"pool": data.draw(st.sampled_from(("MAX", "AVE")))}
    params |= {"round_mode": data.draw(st.sampled_from(("CEIL", "FLOOR")))}
    try:
        LAYERS["Pooling"](**params).output_size((h, w))
    except (ShapeError, UnsupportedError):
        assume(False)
    allowed = exact if params["pool"] == "MAX" else sums
    check_layer("Pooling", (data.draw(CHANNELS), h, w), allowed=allowed, batch=data.draw(BATCHES), **params)


IMAGES = st.one_of(
    st.tuples(CHANNELS),
    st.tuples(CHANNELS, st.integers(1, 9)),
    st.tuples(CHANNELS, st.integers(1, 7), st.integers(1, 7)),
)


@fuzzed(20)
@given(IMAGES, CHANNELS, BATCHES, st.booleans(), st.booleans())
def test_inner_product(image, outputs, batch, bias_term, transpose):
    check_layer(
        "InnerProduct",
        image,
        allowed=sums,
        batch=batch,
        num_output=outputs,
        bias_term=bias_term,
        transpose=transpose,
    )


@fuzzed(25)
@given(
    st.tuples(CHANNELS, st.integers(1, 9), st.integers(1, 9)),
    BATCHES,
    st.sampled_from(("ACROSS_CHANNELS", "WITHIN_CHANNEL")),
    st.integers(0, 8),
    st.sampled_from((1e-4, 0.1, 1.0)),
    st.sampled_from((0.5, 0.75, 1.0)),
)
def test_lrn(image, batch, region, reach, alpha, beta):
    params = {"norm_region": region, "local_size": 2 * reach + 1, "alpha": alpha, "beta": beta}
    try:
        one_layer_net("LRN", image, **params).blobs  # noqa: B018
    except (ShapeError, UnsupportedError):
        assume(False)
    # As in test_lrn.py, but sums of up to 2 * 8 + 1 squares, or of as many squared: 2 * sqrt() roundings more.
    terms = (2 * reach + 1) ** (2 if region == "WITHIN_CHANNEL" else 1)
    check_layer("LRN", image, allowed=close(32 + 2 * sqrt(terms)), batch=batch, **params)


# Chains of layers.


def _absolute(net, feed, expected):
    """e**x - 1, as in test_pointwise.py."""
    return np.full_like(expected, 8 * UNIT)


def softmax(net, feed, expected):
    """Two exponentials, and a sum of positive terms, as in test_softmax.py."""
    return close(16 + 2 * expected.shape[1])(net, feed, expected)


#: Layers of one bottom that keep its shape, and their bounds, which the tests of the kernels argue.
SHAPE_KEEPING = {
    "ReLU": ({"negative_slope": 0.1}, exact),
    "ELU": ({}, _absolute),
    "Sigmoid": ({}, close(10)),
    "TanH": ({}, close(16)),
    "Dropout": ({}, exact),
    "PReLU": ({}, exact),
    "BatchNorm": ({}, close(5)),
    "Scale": ({"bias_term": True}, sums),
    "Bias": ({}, exact),
    "Softmax": ({}, softmax),
    "LRN": ({"alpha": 1e-2}, close(34)),
}


@dataclass
class Chain:
    """A net that grows layer by layer, each with the bound of its error."""

    layers: list = field(default_factory=list)
    bounds: dict = field(default_factory=dict)

    @property
    def net(self):
        """Return the net as it is now; its only output is the last blob."""
        return Net("chain", tuple(self.layers), (self.layers[-1].tops[0],))

    def append(self, type_name, bottoms, allowed, epilogue=None, **params):
        """Append a layer, with weights by which values neither grow nor shrink much."""
        name = f"b{len(self.layers)}"
        layer = Layer(name, make_params(type_name, **params), bottoms, (name,), epilogue=epilogue)
        self.layers.append(layer)
        net = random_weights(self.net, np.random.default_rng(len(self.layers)))
        weights = dict(net.layers[-1].weights)
        for key in weights.keys() & {"weight", "projection.weight"}:
            weights[key] = weights[key] / np.float32(sqrt(weights[key][0].size))
        self.layers[-1] = layer.replace(weights=weights)
        self.bounds[name] = allowed


@st.composite
def chains(draw):
    """Return a chain of up to 8 layers over blobs that any later layer may read."""
    image = draw(CHANNELS), draw(st.integers(1, 7)), draw(st.integers(1, 7))
    chain = Chain([input_layer("b0", *image)])
    for _ in range(draw(st.integers(1, 8))):
        blobs = chain.net.blobs
        bottom = draw(st.sampled_from(list(blobs)[-3:]))
        peers = [name for name, blob in blobs.items() if blob.shape == blobs[bottom].shape]
        kind = draw(st.sampled_from(("keep", "conv", "conv", "sum", "project", "eltwise", "concat", "pool")))
        if kind == "conv":
            _append_convolution(draw, chain, bottom)
        elif kind == "sum":
            channels = blobs[bottom].shape[1]
            epilogue = Epilogue(True, draw(st.sampled_from((None, LAYERS["ReLU"]()))))
            bottoms = (bottom, draw(st.sampled_from(peers)))
            params = {"num_output": channels, "kernel_size": 3, "pad": 1}
            chain.append("Convolution", bottoms, sums, epilogue, **params)
        elif kind == "project":
            params = {"num_output": draw(CHANNELS), "kernel_size": 1}
            projection = make_params("Convolution", **params)
            size = blobs[bottom].shape[2:]
            others = [name for name, blob in blobs.items() if blob.shape[2:] == size]
            bottoms = (bottom, draw(st.sampled_from(others)))
            epilogue = Epilogue(False, draw(st.sampled_from((None, LAYERS["ReLU"]()))), projection)
            chain.append("Convolution", bottoms, sums, epilogue, **params)
        elif kind == "eltwise":
            operation, others = draw(st.sampled_from(("SUM", "PROD", "MAX"))), draw(st.lists(st.sampled_from(peers)))
            chain.append("Eltwise", (bottom, *(others[:2] or peers[:1])), exact, operation=operation)
        elif kind == "concat" and blobs[bottom].shape[1] <= 64:
            chain.append("Concat", (bottom, draw(st.sampled_from(peers))), exact)
        elif kind == "pool":
            allowed, pool = draw(st.sampled_from(((exact, "MAX"), (sums, "AVE"))))
            chain.append("Pooling", (bottom,), allowed, pool=pool, kernel_size=2, pad=1, stride=draw(st.integers(1, 2)))
        else:
            name = draw(st.sampled_from(sorted(SHAPE_KEEPING)))
            params, allowed = SHAPE_KEEPING[name]
            chain.append(name, (bottom,), allowed, **params)
    if draw(st.booleans()):
        chain.append("InnerProduct", chain.net.outputs, sums, num_output=draw(CHANNELS))
        chain.append("Softmax", chain.net.outputs, softmax)
    return chain


def _append_convolution(draw, chain, bottom):
    height, width = chain.net.blobs[bottom].shape[2:]
    kernel, stride, pad = draw(st.integers(1, 4)), draw(st.integers(1, 3)), draw(st.integers(0, 2))
    window = Window((kernel, kernel), (stride, stride), (pad, pad))
    assume(min(height, width) + 2 * pad >= window.extent[0])
    params = {"num_output": draw(CHANNELS), "kernel_size": kernel, "stride": stride, "pad": pad}
    chain.append(
        "Convolution", (bottom,), sums, draw(st.sampled_from((None, Epilogue(activation=LAYERS["ReLU"]())))), **params
    )


def check_chain(chain, batch):
    """Check each layer on the bottoms that the executor gave it, within its own bound; no memory plan changes a bit."""
    net = chain.net
    feed = feed_for(net, batch)
    blobs = Session(net, threads=1, precision=FMA).forward([layer.name for layer in net.layers], **feed)
    for layer in net.layers[1:]:
        alone, own = _alone(net, layer, blobs)
        expected = alone.with_batch(batch).forward(own)[layer.name]
        assert_within(blobs[layer.name], expected, chain.bounds[layer.name](alone, own, expected))
    last = Session(net, threads=1, precision=FMA).run(None, feed)
    np.testing.assert_array_equal(last[0], blobs[net.outputs[0]])
    check_parts(net, feed, last, precision=FMA)


@fuzzed(30)
@given(chains(), BATCHES)
def test_chain(chain, batch):
    check_chain(chain, batch)


def _alone(net, layer, blobs):
    """Return the net of one layer of a chain, and what it reads there."""
    names = dict.fromkeys(layer.bottoms)
    inputs = [input_layer(name, *net.blobs[name].shape[1:]) for name in names]
    return Net("alone", (*inputs, layer), (layer.name,)), {name: blobs[name] for name in names}
