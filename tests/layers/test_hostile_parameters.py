"""No parameters and no bottoms break a layer: it answers or refuses by a typed error, soon and in little memory."""

import itertools
from math import inf, nan, prod

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.bounded import STATM, bounded
from tests.kernels.checks import FULL_MATRIX
from xdn.errors import XdnError
from xdn.graph import Blob
from xdn.layers.base import LAYERS

pytestmark = pytest.mark.skipif(not STATM.exists(), reason="memory is bounded by means that only Linux has")

TYPES = sorted({cls.type: cls for _, cls in LAYERS.items()}.items())

#: Generous for a shape rule, which takes microseconds, and for a reference of a few thousand elements.
SECONDS, BYTES = 10, 1 << 28
#: References are computed up to so many elements a blob.
SMALL = 4096

_WHOLE = [0, 1, 2, 3, 4, 5, -1, -2, 7, 1000, 1 << 16, (1 << 31) - 1]
NUMBERS = {
    "bool": [False, True],
    "int32": [*_WHOLE, -(1 << 31)],
    # Negative ones stand in no file, but a caller may give them.
    "uint32": [*_WHOLE, 1 << 31, (1 << 32) - 1],
    "int64": [*_WHOLE, 1 << 31, -(1 << 63), (1 << 63) - 1],
    "float": [0.0, 1.0, 0.5, 2.0, -1.0, 1e-3, 16.0, nan, inf, -inf, 1e-45, 3e38, -3e38],
    "string": ["", "x"],
}
#: The fields of the nested messages that layers keep.
NESTED = {
    "NonMaximumSuppressionParameter": {"nms_threshold": "float", "top_k": "int32", "eta": "float", "soft_nms": "bool"},
    "ReductionParameter": {"axis": "int32", "coeff": "float"},
}

#: Among them such as fit the layers with bottoms of several kinds: predictions and priors, regions and maps.
SHAPES = [
    (),
    (1,),
    (4,),
    (1, 1),
    (2, 4),
    (3, 5),
    (2, 16),
    (1, 2, 8),
    (2, 3, 4),
    (1, 4, 4, 4),
    (2, 4, 6, 5),
    (1,) * 5,
    (1, 2, 3, 4, 3),
]


def _value(field):
    """Return a strategy for one value of a field, apart from whether it is repeated."""
    if field.type == "enum":
        return st.sampled_from(sorted(field.values))
    if field.type == "BlobShape":
        return st.lists(st.sampled_from(NUMBERS["int64"]), max_size=4).map(tuple)
    if field.type in NESTED:
        numbers = {name: st.sampled_from(NUMBERS[kind]) for name, kind in NESTED[field.type].items()}
        return st.fixed_dictionaries({}, optional=numbers).map(lambda found: tuple(found.items()))
    return st.sampled_from(NUMBERS[field.type])


def _values(field):
    value = _value(field)
    return st.lists(value, max_size=4).map(tuple) if field.repeated else value


#: The types whose tops have as many rows as were found, at most those of the shape rule.
FINDING = (
    "BoxOutput",
    "DetectionOutput",
    "Filter",
    "NonMaxSuppression",
    "Proposal",
    "YoloDetectionOutput",
    "Yolov3DetectionOutput",
)
#: Parameters and bottoms to start from, for the types that need more than their defaults and one blob.
FITTING = {
    "Binary": ({}, [(2, 1, 4), (3, 1)]),
    "CTCGreedyDecoder": ({}, [(4, 2, 5), (4, 2)]),
    "ContinuationIndicator": ({"time_step": 4, "batch_size": 2}, []),
    "DenseBlock": ({"numTransition": 2, "growthRate": 3}, [(1, 2, 4, 3)]),
    "GRU": ({"num_output": 3}, [(4, 2, 5), (4, 2)]),
    "Im2col": ({"kernel_size": (3,)}, [(2, 4, 5, 4)]),
    "LSTM": ({"num_output": 3}, [(4, 2, 5), (4, 2)]),
    "Lstm": ({"num_output": 3}, [(4, 2, 5)]),
    "Pick": ({}, [(2, 3, 4), (2, 5)]),
    "NonMaxSuppression": ({"max_output_boxes_per_class": 2}, [(1, 3, 4), (1, 2, 3)]),
    "Put": ({}, [(2, 3, 4), (2, 5), (2, 5)]),
    "Take": ({"index": (2, 0, -1)}, [(2, 3, 4)]),
    "TextProposal": ({}, [(1, 20, 2, 3), (1, 20, 2, 3), (1, 2)]),
    "RNN": ({"num_output": 3}, [(4, 2, 5), (4, 2), (2, 6)]),
    "BatchReindex": ({}, [(3, 4), (5,)]),
    "ChannelScale": ({}, [(2, 3, 4, 4), (2, 1, 4, 4)]),
    "ClusterDetections": ({"image_size_x": 8, "image_size_y": 10, "stride": 2}, [(2, 1, 5, 4), (2, 4, 5, 4)]),
    "CombineRegressions": ({}, [(2, 1, 4, 3), (2, 1, 4, 3), (2, 3, 4, 3), (2, 2, 4, 3)]),
    "CompactBilinear": ({"num_output": 6}, [(2, 4, 3, 5), (2, 3, 3, 5)]),
    "Correlation": ({"kernel_size": 3, "max_displacement": 2, "pad": 3}, [(2, 3, 5, 4)] * 2),
    "Correlation1D": ({"kernel_size": 3, "max_displacement": 2, "pad": 3}, [(2, 3, 5, 4)] * 2),
    "DeformableConvolution": ({"num_output": 2, "kernel_size": (2,)}, [(1, 2, 4, 3), (1, 8, 3, 2)]),
    "NormalizedInnerProduct": ({"num_output": 3}, [(2, 3, 2)]),
    "SpatialTransformer": ({}, [(2, 3, 4, 5), (2, 6)]),
    "Filter": ({}, [(3, 4, 2), (3, 1)]),
    "FlowWarp": ({}, [(2, 3, 5, 4), (2, 2, 5, 4)]),
    "HyperColumns": ({"is_train": False}, [(2, 3, 6, 4), (2, 2, 3, 2), (2, 1, 6, 4)]),
    "InnerDistance": ({"num_output": 3}, [(2, 3, 2)]),
    "Local": ({"num_output": 3, "kernel_size": 2}, [(2, 3, 5, 4)]),
    "Parameter": ({"shape": (2, 3)}, []),
    "CentredUnpooling": ({"out_kernel_size": 3, "out_stride": 2, "out_pad": 1}, [(2, 3, 4, 2)]),
    "Unpooling": ({"kernel_size": 2, "stride": 2}, [(2, 3, 4, 2)] * 2),
    "MultiStageMeanfield": (
        {"theta_alpha": 5.0, "theta_beta": 3.0, "theta_gamma": 2.0, "num_iterations": 2},
        [(2, 3, 4, 5)] * 3,
    ),
    "BoxOutput": ({"field_h": (2,), "field_w": (3,), "downsample_rate": (2,), "min_size": 0.5}, [(2, 6, 3, 4)]),
    "DenseCRF": (
        {"max_iter": 2, "pos_w": (3.0,), "pos_xy_std": (2.0,), "output_probability": True},
        [(2, 3, 4, 5), (2, 2)],
    ),
    "Nms": ({"num_peak": 2}, [(2, 1, 4, 5)]),
    "PSROIAlign": (
        {"spatial_scale": 0.5, "output_dim": 2, "group_size": 2, "sampling_ratio": 2},
        [(1, 8, 4, 5), (2, 5)],
    ),
    "Resize": ({"height": 3, "width": 7}, [(2, 3, 4, 5)]),
    "Warp": ({}, [(2, 3, 5, 4), (2, 2, 5, 4)]),
    "Axpy": ({}, [(2, 3), (2, 3, 4, 4), (2, 3, 4, 4)]),
    "Concat": ({}, [(2, 3, 4), (2, 1, 4)]),
    "Convolution": ({"num_output": 4, "kernel_size": (3,)}, [(2, 4, 5, 4)]),
    "Crop": ({}, [(2, 3, 5, 5), (1, 3, 4, 4)]),
    "Deconvolution": ({"num_output": 4, "kernel_size": (3,)}, [(2, 4, 3, 4)]),
    "DepthToSpace": ({"block_size": 2}, [(2, 4, 3, 2)]),
    "DetectionOutput": ({"num_classes": 3}, [(2, 16), (2, 12), (1, 2, 16)]),
    "Downsample": ({"top_height": 3, "top_width": 2}, [(2, 3, 5, 4)]),
    "DotProductAttention": ({}, [(2, 5, 3, 4), (2, 6, 3, 4), (2, 6, 3, 2)]),
    "Eltwise": ({}, [(2, 3, 4)] * 3),
    "Embed": ({"num_output": 2, "input_dim": 3}, [(2, 3)]),
    "GroupNorm": ({"group_num": 2}, [(2, 4, 3)]),
    "InnerProduct": ({"num_output": 3}, [(2, 3, 2)]),
    "Interp": ({"use_blob_size": True}, [(1, 2, 3, 4), (1, 2, 5, 6)]),
    "Mean": ({"value": (1.0, 2.0)}, [(2, 4, 5, 4)]),
    "MatMul": ({}, [(2, 3, 4), (2, 4, 5)]),
    "PSROIPooling": ({"output_dim": 1, "group_size": 2, "spatial_scale": 0.5}, [(1, 4, 5, 4), (3, 5)]),
    "Pooling": ({"kernel_size": (2,)}, [(2, 3, 5, 4)]),
    "PriorBox": ({"min_size": (4.0,)}, [(1, 2, 3, 4), (1, 3, 24, 32)]),
    "Proposal": ({}, [(1, 18, 2, 3), (1, 36, 2, 3), (1, 3)]),
    "ROIAlign": ({"pooled_h": 2, "pooled_w": 3, "sampling_ratio": 0}, [(1, 4, 5, 4), (3, 5)]),
    "ImResize": ({"factor": 1.5}, [(2, 3, 5, 4)]),
    "Resample": ({}, [(2, 3, 5, 4), (1, 1, 3, 9)]),
    "ROIPooling": ({"pooled_h": 2, "pooled_w": 3}, [(1, 4, 5, 4), (3, 5)]),
    "PriorBoxClustered": ({"width": (4.0,), "height": (5.0,)}, [(1, 2, 3, 4), (1, 3, 24, 32)]),
    "Region": ({"classes": 2, "num": 2}, [(2, 14, 3, 2)]),
    "Reorg": ({"stride": 2}, [(2, 4, 4, 2)]),
    "Reshape": ({"shape": (0, -1)}, [(2, 3, 4)]),
    "SPP": ({"pyramid_height": 2}, [(2, 3, 5, 4)]),
    "Tile": ({"tiles": 3}, [(2, 3, 4)]),
    "YoloDetectionOutput": ({"num_classes": 1, "num_box": 1, "biases": (1.0, 2.0)}, [(2, 6, 3, 2)]),
    "Yolov3DetectionOutput": (
        {"num_classes": 1, "num_box": 1, "biases": (9.0, 8.0), "mask": (0, 0), "anchors_scale": (16, 8)},
        [(2, 6, 1, 2), (2, 6, 2, 4)],
    ),
    "Where": ({}, [(2, 3, 4)] * 3),
    "Upsample": ({}, [(1, 2, 3, 4), (1, 2, 3, 4)]),
}


def _compute(params, bottoms, tops, rng):
    """Check that the reference gives what the shape rule says, or fewer rows where that depends on the values."""
    weights = {name: rng.random(shape, np.float32) for name, shape in params.weight_shapes(bottoms).items()}
    values = [rng.random(bottom.shape, np.float32) for bottom in bottoms]
    with bounded(SECONDS, BYTES), np.errstate(all="ignore"):
        found = params.reference(values, weights, len(tops))
    for top, blob in zip(found, tops, strict=True):
        if params.type in FINDING:
            assert top.ndim == len(blob.shape)
            assert all(1 <= extent <= most for extent, most in zip(top.shape, blob.shape, strict=True))
        else:
            assert top.shape == blob.shape


def _check(params, bottoms, n_tops, rng):
    """Ask for all that a layer says of its shapes, and for small tops themselves; return whether it was not refused."""
    with bounded(SECONDS, BYTES):
        try:
            tops = params.infer(bottoms, n_tops)
        except XdnError:
            return False
        shapes = [top.shape for top in tops] + [Blob(s).shape for s in params.weight_shapes(bottoms).values()]
        assert params.macs(bottoms, tops) >= 0
        params.channel_rule_for(bottoms)
        params.moves_only(bottoms)
        if bottoms:
            params.positions_read((2, 2), bottoms)
    if tops and not params.is_input and len(tops) == n_tops and max(map(prod, shapes)) <= SMALL:
        _compute(params, bottoms, tops, rng)
    return True


def _start(cls):
    """Return the fields and the bottoms of a layer that fits."""
    fields, shapes = FITTING.get(cls.type, ({}, [] if cls.is_input else [(2, 4, 5, 4)]))
    return fields, [Blob(shape) for shape in shapes]


def _ugly(field):
    """Return every ugly value of a field, repeated ones alone and twice."""
    if field.type in NESTED:
        return [((name, value),) for name, kind in NESTED[field.type].items() for value in NUMBERS[kind]]
    if field.type == "BlobShape":
        values = [(), *((value,) for value in NUMBERS["int64"]), *((value, -1) for value in NUMBERS["int64"])]
    else:
        values = sorted(field.values) if field.type == "enum" else NUMBERS[field.type]
    return [(), *((value,) * count for value in values for count in (1, 2))] if field.repeated else values


@pytest.mark.parametrize(("name", "cls"), TYPES)
def test_each_ugly_value_alone(rng, name, cls):
    fields, bottoms = _start(cls)
    # Input has no shape of its own: one that is ugly will do.
    assert _check(cls(**fields), bottoms, 1, rng) or cls.is_input, "this type needs an entry in FITTING"
    for field, described in cls.proto_fields().items():
        for value in _ugly(described):
            _check(cls(**{**fields, field: value}), bottoms, 1, rng)


@pytest.mark.parametrize(("name", "cls"), TYPES)
def test_bottoms_of_any_shapes(rng, name, cls):
    params = cls(**_start(cls)[0])
    for shapes in ((), *itertools.product(SHAPES), *itertools.product(SHAPES, repeat=2)):
        for n_tops in range(3):
            _check(params, [Blob(shape) for shape in shapes], n_tops, rng)


@st.composite
def _layers(draw, cls):
    """Draw parameters, bottoms and the number of tops: a few fields are ugly, the others fit or have their defaults."""
    fields, bottoms = _start(cls)
    known = cls.proto_fields()
    ugly = draw(st.lists(st.sampled_from(sorted(known)), max_size=3, unique=True)) if known else []
    fields = {**fields, **{field: draw(_values(known[field])) for field in ugly}}
    shapes = st.one_of(st.sampled_from(SHAPES), st.lists(st.integers(1, 6), max_size=5).map(tuple))
    others = st.lists(shapes.map(Blob), max_size=4)
    return cls(**fields), draw(st.one_of(st.just(bottoms), others)), draw(st.sampled_from([1, 1, 2, 0, 3]))


@pytest.mark.parametrize(("name", "cls"), TYPES)
def test_several_at_once_on_any_bottoms(name, cls):
    # Any number of examples may be refused: that is what is tested.
    @settings(max_examples=60 if FULL_MATRIX else 10, suppress_health_check=list(HealthCheck))
    @given(layer=_layers(cls), seed=st.integers(0, 9))
    def check(layer, seed):
        _check(*layer, np.random.default_rng(seed))

    check()
