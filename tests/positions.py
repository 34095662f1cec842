"""Nets that stages, pruning, training and exports must treat alike over lines, images and volumes: one table."""

import pytest

from tests.optimize.building import data, layer, net_of

#: Axes of positions -> their extents: lines (L,), images (H, W), volumes (D, H, W). No extent is a channel count.
SIZES = {1: (11,), 2: (9, 11), 3: (5, 9, 7)}
NAMES = {1: "lines", 2: "images", 3: "volumes"}
CHANNELS = 4


def filters(name, bottom, outputs, kernel=1, **params):
    """Return a Convolution."""
    return layer("Convolution", name, [bottom], num_output=outputs, kernel_size=kernel, **params)


def spread(name, bottom, outputs, kernel=2, stride=2, **params):
    """Return a Deconvolution."""
    return layer("Deconvolution", name, [bottom], num_output=outputs, kernel_size=kernel, stride=stride, **params)


def normal(name, bottom):
    """Return BatchNorm and Scale; the top is `name`."""
    return [layer("BatchNorm", f"{name}_bn", [bottom]), layer("Scale", name, [f"{name}_bn"], bias_term=True)]


def classifier(bottom):
    """Return a global mean and three classes."""
    return [
        layer("Pooling", "mean", [bottom], pool="AVE", global_pooling=True),
        layer("InnerProduct", "fc", ["mean"], num_output=3),
    ]


def deconvolution(outputs=3, inputs=CHANNELS, **params):
    """Return the layers of a net whose Deconvolution, with BatchNorm and Scale after it, is read by a Convolution."""
    return [
        filters("stem", "data", inputs, 3, pad=1),
        spread("up", "stem", outputs, bias_term=False, **params),
        *normal("norm", "up"),
        layer("ReLU", "relu", ["norm"]),
        filters("last", "relu", 5),
        *classifier("last"),
    ]


def residual():
    """Return the layers of two blocks: one adds what it reads, the other a projection at every second position."""
    return [
        filters("stem", "data", 6, 3, pad=1, bias_term=False),
        *normal("norm", "stem"),
        layer("ReLU", "relu", ["norm"]),
        filters("a", "relu", 5, 3, pad=1),
        layer("PReLU", "slope", ["a"]),
        filters("b", "slope", 6),
        layer("Eltwise", "one", ["relu", "b"]),
        layer("ReLU", "first", ["one"]),
        filters("project", "first", 7, stride=2),
        filters("c", "first", 5, 3, stride=2, pad=1),
        layer("ELU", "elu", ["c"]),
        filters("d", "elu", 7),
        layer("Eltwise", "two", ["project", "d"]),
        layer("ReLU", "second", ["two"]),
        *classifier("second"),
    ]


def pointwise():
    """Return the layers of a net that reads one position of several, with a hard swish as files spell it."""
    return [
        filters("stem", "data", 6, 3, pad=1),
        layer("Power", "shift", ["stem"], shift=3.0),
        layer("ReLU6", "clip", ["shift"]),
        layer("Power", "divide", ["clip"], scale=1 / 6),
        layer("Eltwise", "swish", ["stem", "divide"], operation="PROD"),
        filters("skip", "swish", 7, stride=2),
        layer("Sigmoid", "gate", ["skip"]),
        filters("last", "gate", 5, 3, pad=1),
        *classifier("last"),
    ]


def halves():
    """Return the layers of a net of max-feature-maps, and of parts that go ways of their own."""
    return [
        filters("stem", "data", 12, 3, pad=1),
        layer("Slice", "cut", ["stem"], ["left", "right"]),
        layer("Eltwise", "max", ["left", "right"], operation="MAX"),
        filters("a", "max", 8, 3, pad=1),
        layer("Slice", "parts", ["a"], ["few", "many"], slice_point=(3,)),
        filters("b", "few", 6),
        layer("Concat", "cat", ["b", "many"]),
        filters("last", "cat", 5),
        *classifier("last"),
    ]


def shuffled():
    """Return the layers of two units as ShuffleNet's: half of the channels pass, the others are dealt out with them."""
    layers, bottom = [filters("stem", "data", 16, 3, pad=1)], "stem"
    for unit in "ab":
        layers += [
            layer("Slice", f"{unit}_cut", [bottom], [f"{unit}_left", f"{unit}_right"]),
            filters(f"{unit}_in", f"{unit}_right", 6, bias_term=False),
            *normal(f"{unit}_norm", f"{unit}_in"),
            filters(f"{unit}_dw", f"{unit}_norm", 6, 3, pad=1, group=6),
            filters(f"{unit}_out", f"{unit}_dw", 8),
            layer("Concat", f"{unit}_cat", [f"{unit}_left", f"{unit}_out"]),
            layer("ShuffleChannel", unit, [f"{unit}_cat"], group=2),
        ]
        bottom = unit
    return [*layers, *classifier("b")]


def laid_out():
    """Return the layers of a net that deals channels out by Reshape and Permute, and ends with them last."""
    return [
        filters("stem", "data", 8, 3, pad=1),
        layer("Reshape", "parts", ["stem"], shape=(0, 2, 4, -1)),
        layer("Permute", "turned", ["parts"], order=(0, 2, 1)),
        layer("Reshape", "dealt", ["turned"], shape=(0, 8, -1)),
        filters("a", "dealt", 6, group=2),
        layer("Permute", "channels last", ["a"], order=(0, 2, 1)),
        layer("ReLU", "relu", ["channels last"]),
        layer("Flatten", "flat", ["relu"]),
        layer("InnerProduct", "fc", ["flat"], num_output=3),
    ]


def normalised():
    """Return the layers of a net all of whose filters but the classes have a BatchNorm and a Scale."""
    return [
        filters("stem", "data", 8, 3, pad=1, bias_term=False),
        *normal("stem_norm", "stem"),
        layer("ReLU", "relu", ["stem_norm"]),
        spread("up", "relu", 6, bias_term=False),
        *normal("up_norm", "up"),
        filters("group", "up_norm", 8, 3, stride=2, group=2),
        *normal("group_norm", "group"),
        *classifier("group_norm"),
    ]


def plain():
    """Return the layers of a net with all that inference does not need, and affine layers of which one stays."""
    return [
        layer("Pooling", "pool", ["data"], kernel_size=3, stride=2, pad=1),
        *normal("norm", "pool"),
        layer("Bias", "bias", ["norm"]),
        layer("ReLU", "relu", ["bias"]),
        layer("Dropout", "dropout", ["relu"]),
        layer("Split", "split", ["dropout"], ["left", "right"]),
        filters("a", "left", 6, 3, pad=1, group=2),
        filters("b", "right", 4, 3, pad=1, group=4),
        layer("Concat", "cat", ["a", "b"]),
        layer("Concat", "alone", ["cat"]),
        filters("dead", "alone", 3),
        layer("Power", "linear", ["alone"], scale=2.0, shift=0.5),
        filters("last", "linear", 5),
        *classifier("last"),
    ]


#: Name -> the layers after the input.
TABLE = {
    "deconvolution": deconvolution,
    "deconvolution to one channel": lambda: deconvolution(1),
    "deconvolution of as many channels": lambda: deconvolution(3, 3),
    "grouped deconvolution": lambda: deconvolution(6, group=2),
    "depthwise deconvolution": lambda: deconvolution(4, group=4),
    "residual": residual,
    "normal": normalised,
    "halves": halves,
    "shuffled": shuffled,
    "laid out": laid_out,
    "pointwise": pointwise,
    "plain": plain,
}


def net_over(axes, name, images=2):
    """Return the net called `name` in the table, with seeded weights, over so many axes of positions."""
    return net_of(data(images, CHANNELS, *SIZES[axes]), *TABLE[name](), outputs=("fc",))


#: Every net of the table over every number of axes, for `parametrize("net", EVERY_NET)`.
EVERY_NET = [pytest.param(net_over(axes, name), id=f"{name}, {NAMES[axes]}") for axes in SIZES for name in TABLE]
