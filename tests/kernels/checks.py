"""What the kernel tests share: nets of one layer, the comparison with the references, argued error bounds.

`check_layer` is the helper of every kernel test. With XDN_FULL_MATRIX=1 matrices show every triple of values
instead of every pair, and batches are cut at more places.
"""

import itertools
import os
from dataclasses import dataclass, field, fields, replace
from math import prod, sqrt

import numpy as np

from tests.kernels.strassen_checks import by_strassen, strassen_sums
from tests.kernels.winograd_checks import algorithm_of, op_of, winograd_sums
from xdn.codegen.target import TARGETS, host_target
from xdn.element import BF16
from xdn.graph import Epilogue, Layer, Net
from xdn.kernels.core.choice import F32, FMA
from xdn.kernels.core.layout import SCHEDULES
from xdn.layers import LAYERS
from xdn.layers.elu import ELU
from xdn.layers.function import functions
from xdn.layers.prelu import PReLU
from xdn.layers.relu import ReLU
from xdn.layers.sigmoid import Sigmoid
from xdn.layers.tanh import TanH
from xdn.runtime.cpu import backend, plan
from xdn.runtime.session import Session

FULL_MATRIX = os.environ.get("XDN_FULL_MATRIX") == "1"
#: One rounding of f32 errs by at most this much of the result.
UNIT = 2.0**-24
#: Below the smallest normal number f32 has an absolute precision, and the executor flushes to zero.
TINY = float(np.finfo(np.float32).tiny)
#: Images of a block, and elements of a vector, where this process runs.
B, LANES = host_target().block_images, host_target().lanes
#: A full block and one image more.
BATCH = B + 1
#: Where that batch is cut: every part must be what it is in the whole.
CUTS = (1, 3, B // 2, B // 2 + 1, B)
#: One vector, one block, one image more, and several blocks with a tail.
BATCHES = (1, 3, B // 2, B // 2 + 1, B, B + 1, 3 * B + 4)
#: The same images on every machine: one more than the largest block, so that every block has full ones and a tail.
COMMON_BATCH = max(target.block_images for target in TARGETS) + 1


# Bounds: (net, feed, expected) -> the largest error allowed at each element.


def exact(net, feed, expected):
    """Maxima, copies, ReLU, and single operations that both sides round alike: equal bits."""
    return np.zeros_like(expected)


def close(roundings):
    """A few operations: each side rounds that many times in all, each time by at most UNIT of the result."""
    return lambda net, feed, expected: roundings * UNIT * np.abs(expected) + TINY


def sums(net, feed, expected):
    """A chain of K products in another order than the reference's, or what takes fewer where the plan takes that.

    Each side errs by K roundings of partial sums that are not larger than the sum of magnitudes. Rounding errors are
    independent in sign, so their sum grows as sqrt(K), not K; 2 stands for bias and epilogue.
    """
    direct = (sqrt(terms(net)) + 2) * magnitude(net, feed, expected)
    own = direct
    for how in itertools.product(SCHEDULES.values(), (F32, FMA)):
        if algorithm_of(net, *how):
            own = np.maximum(own, winograd_sums(net, feed, expected, *how))
        elif by_strassen(net, *how):
            own = np.maximum(own, strassen_sums(net, feed, expected))
    return (own + direct) * UNIT + TINY


def weighted(net, feed, expected):
    """Means by weights of either sign: a few roundings of the largest value, which products stay near."""
    return np.full_like(expected, 64 * UNIT * np.abs(feed["x0"]).max())


def sums_of(products):
    """Sums of so many products of two blobs in two orders, as `sums` argues it."""
    return lambda net, feed, expected: 2 * UNIT * (sqrt(products) + 2) * magnitude(net, feed, expected)


def activated(net, feed, expected):
    """A chain of products, then a fused activation, whose slope widens the chain's error.

    No activation here is steeper than 1, but for PReLU, whose slopes are known. It errs by 16 UNIT itself at most (the
    bounds of the kernels that compute it alone).
    """
    steepest = max(1.0, float(np.abs(net.layers[-1].weights.get("slope", np.zeros(1))).max()))
    return steepest * sums(net, feed, expected) + 16 * UNIT * np.maximum(1, np.abs(expected))


def magnitude(net, feed, expected):
    """Return the sum of the magnitudes of what each output element of the only layer sums."""
    positive = {name: np.abs(array) for name, array in feed.items()}
    return _with_magnitudes(net).with_batch(len(expected)).forward(positive)[net.outputs[0]]


def _with_magnitudes(net):
    def positive(layer):
        fused = layer.epilogue
        epilogue = Epilogue(fused.residual, projection=fused.projection) if fused else None
        return layer.replace(weights={k: np.abs(w) for k, w in layer.weights.items()}, epilogue=epilogue)

    return net.replace(layers=tuple(positive(layer) for layer in net.layers))


def terms(net):
    """Return the largest number of products (or values) that one output element of the only layer sums."""
    layer = net.layers[-1]
    if "weight" in layer.weights:
        summed = [array.size for name, array in layer.weights.items() if name.split(".")[-1] == "weight"]
        return sum(summed) // layer.params.num_output
    if layer.type == "Pooling":
        return prod(layer.params.window(net.bottom_blobs(layer)[0].shape[2:]).kernel)
    if layer.type == "SPP":
        return prod(net.bottom_blobs(layer)[0].shape[2:])
    return 1


def with_cache(monkeypatch, core_cache_bytes, like=None):
    """Let plans be made for a processor like this one, or another, whose cores have so much cache."""
    target = replace(like or host_target(), core_cache_bytes=core_cache_bytes)
    for module, name in ((plan, "host_target"), (backend, "this_target")):
        monkeypatch.setattr(module, name, lambda: target)


# Nets of one layer.


def make_params(type_name, **given):
    """Return the parameters of a layer; one value stands for a repeated field with that value."""
    known = {f.name: f for f in fields(LAYERS[type_name])}
    for key, value in given.items():
        if isinstance(known[key].default, tuple) and not isinstance(value, tuple):
            given[key] = (value,)
    return LAYERS[type_name](**given)


def input_layer(name, *image):
    """Return an Input layer for images of a shape, such as (C, H, W)."""
    return Layer(name, make_params("Input", shape=((1, *image),)), (), (name,))


def random_weights(net, rng):
    """Return the net with seeded weights for the layers that have none; variances are positive."""
    filled = []
    for layer in net.layers:
        made = dict(layer.weights)
        for name, shape in net.weight_shapes(layer).items():
            if name not in made:
                made[name] = np.asarray(rng.standard_normal(shape), np.float32)
                if name == "variance":
                    made[name] = np.abs(made[name]) + np.float32(0.5)
                if name == "scale_factor":
                    made[name] = np.array([3.5], np.float32)
        filled.append(layer.replace(weights=made))
    return net.replace(layers=tuple(filled))


def one_layer_net(type_name, *images, epilogue=None, tops=1, seed=0, **params):
    """Return a net of inputs x0, x1, ... (`images`: their shapes without the batch) and one layer.

    A residual becomes a further input of the top's shape; what a projection reads is the last of the images.
    """
    inputs = [input_layer(f"x{i}", *image) for i, image in enumerate(images)]
    bottoms = tuple(layer.name for layer in inputs)
    names = tuple(f"y{i}" for i in range(tops))
    layer = Layer("layer", make_params(type_name, **params), bottoms, names)
    if epilogue and epilogue.residual:
        top = Net("shapes", (*inputs, layer)).blobs["y0"]
        inputs.append(input_layer("residual", *top.shape[1:]))
        layer = layer.replace(bottoms=(*bottoms, "residual"))
    net = Net("one layer", (*inputs, layer.replace(epilogue=epilogue)), names)
    return random_weights(net, np.random.default_rng(seed))


def coarse(net):
    """Return the net with the filters of its last layer rounded to the precision of bfloat16."""
    layer = net.layers[-1]
    weights = layer.weights | {"weight": BF16.rounded(layer.weights["weight"])}
    return net.replace(layers=(*net.layers[:-1], layer.replace(weights=weights)))


def feed_for(net, batch=BATCH, seed=1):
    """Return seeded standard normal images for the inputs of a net."""
    rng = np.random.default_rng(seed)
    return {name: rng.standard_normal((batch, *blob.shape[1:])).astype(np.float32) for name, blob in net.inputs.items()}


def check_net(net, allowed=exact, feed=None):
    """Compare every output with the references, then all parts of the batch, threads and chunks with each other."""
    feed = feed_for(net) if feed is None else feed
    batch = len(next(iter(feed.values())))
    expected = net.with_batch(batch).forward(feed)
    errors = {name: allowed(net, feed, expected[name]) for name in net.outputs}
    found = {}
    for schedule in SCHEDULES:
        found[schedule] = results = Session(net, threads=1, schedule=schedule).run(None, feed)
        for name, result in zip(net.outputs, results, strict=True):
            assert_within(result, expected[name], errors[name])
        check_cuts(net, feed, results, schedule)
    if len({op_of(net, schedule) for schedule in SCHEDULES.values()}) == 1:
        for batch_result, channel_result in zip(*found.values(), strict=True):
            np.testing.assert_array_equal(batch_result, channel_result)
    return found["batch"]


def assert_within(result, expected, allowed):
    """Assert |result - expected| <= allowed, infinities and NaN equal."""
    assert result.shape == expected.shape
    assert result.dtype == (expected.dtype if np.issubdtype(expected.dtype, np.integer) else np.float32)
    with np.errstate(invalid="ignore"):
        error = np.abs(result.astype(np.float64) - expected)
    same = (result == expected) | (np.isnan(result) & np.isnan(expected))
    wrong = ~(same | (error <= allowed))
    assert not wrong.any(), (
        f"{wrong.sum()} of {wrong.size} differ, first at {np.argwhere(wrong)[0]}, {error[wrong][:5]}"
    )


def check_parts(net, feed, whole, **options):
    """Assert that both schedules, two threads, single blocks and every cut of the batch give the bits of the whole.

    With plain arithmetic both compute the net by the same algorithms.
    """
    for schedule in SCHEDULES:
        check_cuts(net, feed, whole, schedule, **options)


def check_cuts(net, feed, whole, schedule, **options):
    """Assert that one schedule gives the bits of the whole for every cut of the batch."""
    batch = len(whole[0])
    session = Session(net, threads=2, chunk_blocks=1, schedule=schedule, **options)
    for cut in CUTS if FULL_MATRIX else CUTS[1:4:2]:
        if cut >= batch:
            continue
        parts = [session.run(None, {k: x[s] for k, x in feed.items()}) for s in (slice(cut), slice(cut, None))]
        for complete, left, right in zip(whole, *parts, strict=True):
            np.testing.assert_array_equal(np.concatenate([left, right]), complete)
    session.close()


def check_layer(type_name, *images, allowed=exact, epilogue=None, tops=1, batch=BATCH, **params):
    """Build a net of one layer with seeded weights and check it: `one_layer_net`, then `check_net`."""
    net = one_layer_net(type_name, *images, epilogue=epilogue, tops=tops, **params)
    return check_net(net, allowed, feed_for(net, batch))


def covering(seed, valid, **factors):
    """Return rows that together show every valid pair of factors' values; every triple with FULL_MATRIX.

    Greedy: of 30 random rows the one that shows most that is new, until 100 draws in a row bring nothing.
    """
    rng = np.random.default_rng(seed)
    covered, rows, barren = set(), [], 0
    while barren < 100:
        drawn = [{k: values[rng.integers(len(values))] for k, values in factors.items()} for _ in range(30)]
        found = max((row for row in drawn if valid(row)), key=lambda r: len(_shown(r) - covered), default=None)
        if found is None or _shown(found) <= covered:
            barren += 1
            continue
        barren = 0
        rows.append(found)
        covered |= _shown(found)
    return rows


def _shown(row):
    return set(itertools.combinations(sorted((k, repr(v)) for k, v in row.items()), 3 if FULL_MATRIX else 2))


@dataclass(frozen=True)
class Case:
    """A layer with parameters that its kernel finds hard: odd sizes, several tiles, borders."""

    type: str
    images: tuple
    allowed: object = exact
    tops: int = 1
    params: dict = field(default_factory=dict)
    epilogue: Epilogue | None = None

    @property
    def id(self):
        """A readable name."""
        return "-".join([self.type, *(f"{k}={v}" for k, v in self.params.items())])

    def net(self):
        """Return the net of this one layer."""
        return one_layer_net(self.type, *self.images, epilogue=self.epilogue, tops=self.tops, **self.params)


def case(type_name, *images, allowed=exact, tops=1, epilogue=None, **params):
    """Return a `Case`."""
    return Case(type_name, images, allowed, tops, params, epilogue)


_IMAGE = (10, 5, 3)
#: From an image of 9x5 to one of 5x3, without a bias.
_STRIDED = {"num_output": 15, "kernel_size": 1, "stride": 2, "bias_term": False}
#: Every layer type that the executor runs; the bounds are argued in the tests of the kernels.
LAYER_CASES = [
    case("Convolution", (3, 7, 5), num_output=15, kernel_size=3, pad=1, allowed=sums),
    case("Convolution", _IMAGE, num_output=28, kernel_size=1, allowed=sums, epilogue=Epilogue(True, ReLU())),
    case("Convolution", _IMAGE, num_output=15, kernel_size=1, allowed=activated, epilogue=Epilogue(True, PReLU())),
    case("Convolution", _IMAGE, num_output=15, kernel_size=1, allowed=activated, epilogue=Epilogue(True, Sigmoid())),
    case(
        *("Convolution", _IMAGE, (7, 9, 5)),
        allowed=activated,
        epilogue=Epilogue(activation=PReLU(), projection=make_params("Convolution", **_STRIDED)),
        num_output=15,
        kernel_size=3,
        pad=1,
    ),
    # Winograd's F(2x2) and F(4x4).
    case("Convolution", (37, 6, 6), num_output=16, kernel_size=3, pad=1, allowed=sums),
    case("Convolution", (6, 9, 14), num_output=13, kernel_size=3, allowed=activated, epilogue=Epilogue(True, PReLU())),
    # Strassen's products, with a channel, filters and a position that stand alone.
    case("Convolution", (225, 17, 7), num_output=165, kernel_size=1, allowed=sums, epilogue=Epilogue(True, ReLU())),
    case("InnerProduct", _IMAGE, num_output=15, allowed=activated, epilogue=Epilogue(activation=TanH())),
    case("InnerProduct", _IMAGE, num_output=15, allowed=activated, epilogue=Epilogue(activation=ELU())),
    case("Convolution", _IMAGE, num_output=6, kernel_size=3, pad=2, dilation=2, group=2, stride=2, allowed=sums),
    case(
        "Convolution",
        (15, 5, 3),
        num_output=3 * 23,
        kernel_size=1,
        group=3,
        allowed=sums,
        epilogue=Epilogue(True, ReLU()),
    ),
    case("Convolution", _IMAGE, num_output=10, kernel_size=3, pad=1, group=10, allowed=sums),
    case("Convolution", _IMAGE, num_output=10, kernel_size=3, pad=2, dilation=2, group=10, allowed=sums),
    # Volumes.
    case(
        "Convolution", (5, 3, 4, 2), num_output=15, kernel_size=3, pad=1, allowed=sums, epilogue=Epilogue(True, ReLU())
    ),
    case("Convolution", (10, 4, 3, 5), num_output=10, kernel_size=(1, 3, 2), stride=(2, 1, 2), group=10, allowed=sums),
    case("Deconvolution", (6, 2, 3, 2), num_output=5, kernel_size=(3, 4, 2), stride=(1, 2, 2), pad=1, allowed=sums),
    case("Pooling", (10, 3, 5, 4), kernel_size=(1, 2, 3), stride=(1, 2, 2)),
    case("InnerProduct", _IMAGE, num_output=13, allowed=sums),
    case("BatchNorm", _IMAGE, allowed=close(4)),
    case("Scale", _IMAGE, bias_term=True, allowed=sums),
    case("Bias", _IMAGE),
    case("Mean", _IMAGE, value=(2, -3), operation="SUBTRACT", output_scale=0.5, allowed=close(8)),
    case("DataAugmentation", _IMAGE, recompute_mean=1, mean_per_pixel=False),
    case("ReLU", _IMAGE, negative_slope=0.1),
    case("PReLU", _IMAGE),
    case("ELU", _IMAGE, allowed=lambda net, feed, expected: np.full_like(expected, 8 * UNIT)),
    case("Sigmoid", _IMAGE, allowed=close(10)),
    case("TanH", _IMAGE, allowed=close(16)),
    case("Dropout", _IMAGE),
    case("Dropout", _IMAGE, scale_train=False, dropout_ratio=0.3),
    case("Pooling", _IMAGE, kernel_size=3, stride=2, pad=1),
    case("Pooling", _IMAGE, pool="AVE", kernel_size=2, stride=2, allowed=sums),
    case("LRN", _IMAGE, allowed=close(32)),
    case("LRN", _IMAGE, norm_region="WITHIN_CHANNEL", local_size=3, allowed=close(32)),
    case("Eltwise", _IMAGE, _IMAGE, _IMAGE, coeff=(1.0, -0.5, 0.3)),
    case("Eltwise", _IMAGE, _IMAGE, operation="PROD"),
    case("Eltwise", _IMAGE, _IMAGE, _IMAGE, operation="MAX"),
    case("Concat", _IMAGE, (3, 5, 3)),
    case("Split", _IMAGE, tops=2),
    case("Flatten", _IMAGE),
    case("Reshape", _IMAGE, shape=(0, 6, 5, 5)),
    case("Softmax", _IMAGE, allowed=close(40)),
    case("Softmax", _IMAGE, axis=2, allowed=close(40)),
    case("Deconvolution", _IMAGE, num_output=15, kernel_size=4, stride=2, pad=1, allowed=sums),
    case("Deconvolution", _IMAGE, num_output=10, kernel_size=3, stride=2, group=10, allowed=sums),
    case("BatchNorm", _IMAGE, scale_bias=True, allowed=lambda net, feed, expected: 32 * UNIT * (4 + np.abs(expected))),
    case("BN", _IMAGE, allowed=lambda net, feed, expected: 32 * UNIT * (4 + np.abs(expected))),
    case("ReLU6", _IMAGE),
    case("HSigmoid", _IMAGE),
    case("HSwish", _IMAGE),
    case("Swish", _IMAGE, beta=1.5, allowed=close(12)),
    case("SELU", _IMAGE, allowed=lambda net, feed, expected: np.full_like(expected, 16 * UNIT)),
    case("Mish", _IMAGE, allowed=close(16)),
    case("BNLL", _IMAGE, allowed=close(16)),
    case("AbsVal", _IMAGE),
    case("Clip", _IMAGE, min=-0.5, max=0.7),
    case("Threshold", _IMAGE, threshold=0.3),
    case("Comparison", _IMAGE, operation="LESS", number=0.3),
    case("Power", _IMAGE, scale=2, shift=1),
    case("Power", _IMAGE, power=5, scale=0.1, shift=3, allowed=close(24)),
    case("Exp", _IMAGE, base=2, scale=0.5, allowed=close(10)),
    case("Log", _IMAGE, scale=0.1, shift=3, allowed=close(8)),
    case("Slice", _IMAGE, tops=2, slice_point=3),
    case("Permute", _IMAGE, order=(0, 2, 3, 1)),
    case("Tile", _IMAGE, tiles=2),
    case("Pad", _IMAGE, pad_t=1, pad_l=2, pad_r=3),
    case("Crop", (10, 7, 8), (3, 4, 5), offset=(1, 2)),
    case("ShuffleChannel", _IMAGE, group=5),
    case("Reorg", (12, 4, 6), stride=2),
    case("DepthToSpace", (12, 4, 6), block_size=2),
    case("DepthToSpace", (12, 4, 6), block_size=2, data_format="CRD"),
    case("Flip", _IMAGE, flip_height=True),
    case("Sparsify", _IMAGE, thre=0.4),
    case("Upsample", _IMAGE, scale=2),
    case("Upsample", _IMAGE, _IMAGE, scale=2),
    case("Unpooling", _IMAGE, _IMAGE, kernel_size=2, stride=2),
    case("Unpooling", _IMAGE, unpool="TILE", kernel_size=3, stride=2, allowed=weighted),
    case("CentredUnpooling", _IMAGE, out_kernel_size=3, out_stride=2, out_pad=1, unpool="REP", allowed=weighted),
    case("Pooling", _IMAGE, tops=2, kernel_size=3, stride=2, pad=1),
    case("Interp", _IMAGE, height=9, width=7),
    case("DeephiResize", _IMAGE, resize_type="BILINEAR", new_height=9, new_width=7),
    case("Accum", _IMAGE, (3, 9, 7)),
    case("Warp", _IMAGE, (2, *_IMAGE[1:])),
    case("FlowWarp", _IMAGE, (2, *_IMAGE[1:])),
    case("Resize", _IMAGE, height=9, width=7),
    case("ImResize", _IMAGE, factor=1.5, allowed=weighted),
    case("Resample", _IMAGE, height=3, width=4, allowed=weighted),
    case("Downsample", _IMAGE, top_height=3, top_width=2, allowed=weighted),
    case("Resize", _IMAGE, top_height=10, top_width=9),
    case("Axpy", _IMAGE[:1], _IMAGE, _IMAGE),
    case("Scale", _IMAGE, _IMAGE[:1], axis=0),
    case("Bias", _IMAGE, _IMAGE[:1], axis=0),
    case("MVN", _IMAGE, allowed=lambda net, feed, expected: 32 * UNIT * (1 + np.abs(expected))),
    case(
        "MVN",
        _IMAGE,
        eps=0.1,
        add_eps_before_sqrt=True,
        allowed=lambda net, feed, expected: 32 * UNIT * (1 + np.abs(expected)),
    ),
    case("BatchNorm", _IMAGE, eps=0.1, add_eps_before_sqrt=False, allowed=close(8)),
    case("Normalize", _IMAGE, across_spatial=False, channel_shared=False, allowed=close(16)),
    case("ArgMax", _IMAGE, axis=1),
    case("Reduction", _IMAGE, axis=1, operation="ASUM", allowed=close(2)),
    case("Reduction", _IMAGE, axis=2, operation="SUMSQ", allowed=close(2)),
    case("MVN", _IMAGE, across_channels=True, allowed=lambda net, feed, expected: 32 * UNIT * (1 + np.abs(expected))),
    case("Normalize", _IMAGE, across_spatial=True, allowed=close(16)),
    case("SPP", (10, 7, 6), pyramid_height=2),
    case("SPP", (10, 7, 6), pyramid_height=3, pool="AVE", allowed=sums),
    case("Embed", _IMAGE, input_dim=3, num_output=4),
    case("Quantize", _IMAGE, scale=0.02, signed=True),
    case("Im2col", (5, 7, 6), kernel_size=(3, 2), stride=(2, 1), pad=1),
    case("Im2col", (10, 9), kernel_size=4, dilation=2),
    case("Reverse", _IMAGE, axis=(1, 3)),
    case("Reverse", (10, 9), axis=-1),
    case("Take", _IMAGE, axis=2, index=(4, -1, 0, 0)),
    case("Gelu", _IMAGE, allowed=lambda net, feed, expected: np.full_like(expected, 64 * UNIT)),
    case("MatMul", (13, 5, 7), (13, 7, 9), allowed=sums),
    case("MatMul", (13, 7), (7, 9), allowed=sums),
    case(
        "DotProductAttention",
        (13, 2, 5),
        (9, 2, 5),
        (9, 2, 3),
        allowed=lambda net, feed, expected: 400 * UNIT + 0 * expected,
    ),
    case("LayerNorm", _IMAGE, allowed=lambda net, feed, expected: 8 * UNIT * (16 + np.abs(expected))),
    case("Bias", _IMAGE, axis=2, num_axes=2),
    case("Bias", _IMAGE, axis=1, num_axes=3),
    case("Where", *[_IMAGE] * 3),
    case("Unary", _IMAGE),
    case("Binary", _IMAGE, (1, 5, 3), operation="DIV"),
]
#: A function of each element that has no case of its own has this one.
LAYER_CASES += [
    case(cls.type, _IMAGE, allowed=close(16))
    for cls in functions()
    if cls.type not in {listed.type for listed in LAYER_CASES}
]
#: Layer types that the executor computes on whole batches, by their reference or by what `xdn.kernels.whole` has.
COMPUTED_APART = {
    "BatchReduction",
    "BatchReindex",
    "BoxOutput",
    "CTCGreedyDecoder",
    "ChannelNorm",
    "ChannelScale",
    "ClusterDetections",
    "CombineRegressions",
    "CompactBilinear",
    "ContinuationIndicator",
    "Correlation",
    "Correlation1D",
    "DeformableConvolution",
    "DenseBlock",  # Where a file is read plain layers take its place.
    "DenseCRF",
    "DetectionOutput",
    "Filter",
    "GRU",
    "Gram",
    "GroupNorm",
    "HyperColumns",
    "InnerDistance",
    "LSTM",
    "Local",
    "Lstm",
    "MultiStageMeanfield",
    "Nms",
    "NonMaxSuppression",
    "NormalizedInnerProduct",
    "PSROIAlign",
    "PSROIPooling",
    "Parameter",
    "Pick",
    "PriorBox",
    "PriorBoxClustered",
    "Proposal",
    "Put",
    "RNN",
    "ROIAlign",
    "ROIPooling",
    "Region",
    "SpatialTransformer",
    "TextProposal",
    "YoloDetectionOutput",
    "Yolov3DetectionOutput",
}


def part_of_cases(first=0, every=1):
    """Return number -> layer case, of `every` so many one, from the `first` on."""
    return dict(list(enumerate(LAYER_CASES))[first::every])


def outputs_of_cases(first=0, every=1):
    """Return "number of the case/blob" -> array for a part of the cases on the seeded `COMMON_BATCH`."""
    found = {}
    for i, each in part_of_cases(first, every).items():
        net = each.net()
        found |= {
            f"{i}/{name}": y for name, y in Session(net, precision=FMA).forward(**feed_for(net, COMMON_BATCH)).items()
        }
    return found


def main(path, first, every):
    """Save `outputs_of_cases` and the instruction set's name: what another process with other settings computed."""
    np.savez(path, isa=host_target().name, **outputs_of_cases(first, every))
