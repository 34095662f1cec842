"""Random small nets: layers with random axes, ranks and extents, many extents equal so that axes can be confused.

A net is the text of a prototxt whose first line is a comment that says how many images run, on how many threads. The
same seed and number give the same text.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from random import Random
from typing import Any

from xdn.errors import ShapeError, UnsupportedError
from xdn.frontend import to_prototxt
from xdn.graph import Blob, Layer, Net
from xdn.graph.net import infer
from xdn.layers import LAYERS
from xdn.layers.input import Input

#: Most elements of a blob, most layers of a net, and how often a layer is tried before another takes its place.
MOST_ELEMENTS, MOST_LAYERS, TRIES = 600, 7, 12
_EXTENTS = (1, 1, 2, 2, 3, 3, 4, 5, 6, 7, 8, 9, 17)
#: Images that run, where not as many as the net declares: few, and the edges of a block of the batch schedule.
_IMAGES = (1, 2, 3, 5, 15, 16, 17, 33)

Fields = dict[str, Any]


@dataclass
class Making:
    """A net that grows: its layers, and the shapes of the blobs so far."""

    rng: Random
    #: The extent that most axes have.
    usual: int
    layers: list[Layer] = field(default_factory=list)
    blobs: dict[str, Blob] = field(default_factory=dict)

    def extent(self) -> int:
        """Return an extent of an axis, as a rule the usual one."""
        return self.usual if self.rng.random() < 0.5 else self.rng.choice(_EXTENTS)

    def shape(self) -> tuple[int, ...]:
        """Return the shape of an input."""
        shape = [self.extent() for _ in range(self.rng.choice((1, 2, 2, 3, 3, 4, 4, 4, 5)))]
        while prod(shape) > MOST_ELEMENTS // 2:
            shape[self.rng.randrange(len(shape))] = self.rng.choice((1, 2))
        return tuple(shape)

    def blob(self, like: Blob | None = None) -> str:
        """Return a blob with axes, mostly the latest one; or one of the shape of `like`."""
        names = [name for name, blob in self.blobs.items() if blob.shape and (like is None or blob.shape == like.shape)]
        if like is not None:
            return self.rng.choice(names)
        return names[-1] if self.rng.random() < 0.6 else self.rng.choice(names)

    def axis(self, axes: int, first: int = 0) -> int:
        """Return an axis from `first` on, counted from the front or from the back."""
        axis = self.rng.randrange(min(first, axes - 1), axes)
        return axis - axes if self.rng.random() < 0.4 else axis

    def later_axis(self, axes: int) -> int:
        """Return an axis, seldom the batch: weights along it fix how many images run."""
        return self.axis(axes, self.rng.random() < 0.9)

    def add(self, type_name: str, fields: Fields, bottoms: Sequence[str], tops: int = 1) -> bool:
        """Add a layer; return whether it takes the bottoms, and its tops are not too large."""
        number = len(self.layers)
        names = tuple(f"b{number}" + (f"_{i}" if tops > 1 else "") for i in range(tops))
        layer = Layer(f"l{number}", LAYERS[type_name](**fields), tuple(bottoms), names)
        try:
            made = infer(layer, self.blobs)
        except (ShapeError, UnsupportedError):
            return False
        if any(blob.size > MOST_ELEMENTS for blob in made):
            return False
        self.layers.append(layer)
        self.blobs |= dict(zip(names, made, strict=True))
        return True


def _operand(making: Making, more: Fields) -> tuple[Fields, list[str], int]:
    """Return a Scale or Bias with a learned operand, or with one from another blob; `more` are fields of its own."""
    rng, bottoms = making.rng, [making.blob()]
    axes = len(making.blobs[bottoms[0]].shape)
    axis = making.later_axis(axes)
    if rng.random() < 0.3:
        shape = making.blobs[bottoms[0]].shape
        start = making.axis(axes) % axes
        within = [n for n, b in making.blobs.items() if shape[start : start + len(b.shape)] == b.shape]
        return more | {"axis": start - axes * (rng.random() < 0.3)}, [*bottoms, rng.choice(within or bottoms)], 1
    count = rng.choice((1, 1, 1, 0, -1, rng.randint(1, axes - axis % axes)))
    return more | {"axis": axis, "num_axes": count}, bottoms, 1


def _softmax(making: Making) -> tuple[Fields, list[str], int]:
    bottom = making.blob()
    return {"axis": making.axis(len(making.blobs[bottom].shape))}, [bottom], 1


def _concat(making: Making) -> tuple[Fields, list[str], int]:
    first = making.blob()
    axes = len(making.blobs[first].shape)
    axis = making.axis(axes)

    def fits(name: str) -> bool:
        a, b = list(making.blobs[first].shape), list(making.blobs[name].shape)
        return len(a) == len(b) and all(x == y for i, (x, y) in enumerate(zip(a, b, strict=True)) if i != axis % axes)

    others = [name for name in making.blobs if fits(name)]
    return {"axis": axis}, [first, *(making.rng.choice(others) for _ in range(making.rng.choice((0, 1, 1, 2))))], 1


def _slice(making: Making) -> tuple[Fields, list[str], int]:
    bottom, rng = making.blob(), making.rng
    shape = making.blobs[bottom].shape
    axis = making.axis(len(shape))
    extent = shape[axis]
    parts = rng.randint(1, min(3, extent))
    if rng.random() < 0.5 and extent % parts == 0:
        return {"axis": axis}, [bottom], parts
    return {"axis": axis, "slice_point": tuple(sorted(rng.sample(range(1, extent), parts - 1)))}, [bottom], parts


def _factors(rng: Random, size: int, count: int) -> list[int]:
    """Return `count` extents whose product is `size`."""
    made = [1] * count
    rest, divisor = size, 2
    while rest > 1:
        while rest % divisor:
            divisor += 1
        made[rng.randrange(count)] *= divisor
        rest //= divisor
    return made


def _reshape(making: Making) -> tuple[Fields, list[str], int]:
    bottom, rng = making.blob(), making.rng
    shape = making.blobs[bottom].shape
    axes = len(shape)
    start = rng.randrange(axes + 1) if rng.random() < 0.4 else rng.randrange(min(2, axes))
    end = rng.randint(start, axes) if rng.random() < 0.3 else axes
    size, keeps = prod(shape[start:end]), start == 0 and end > 0 and rng.random() < 0.75
    head = [shape[0]] if keeps else []
    count = rng.randint(1, 4)
    rest = list(shape[start + len(head) : end]) if rng.random() < 0.2 else _factors(rng, size // prod(head), count)
    rng.shuffle(rest)
    extents = head + rest if size > 1 or rng.random() < 0.7 else []
    copied = [i for i, extent in enumerate(extents) if start + i < axes and shape[start + i] == extent]
    made = [0 if i in copied and (keeps > i or rng.random() < 0.3) else e for i, e in enumerate(extents)]
    if made and rng.random() < 0.6:
        made[rng.randrange(len(head) if len(made) > len(head) else 0, len(made))] = -1
    axis = start if rng.random() < 0.7 else start - axes - 1
    return {"shape": tuple(made), "axis": axis, "num_axes": -1 if end == axes else end - start}, [bottom], 1


def _flatten(making: Making) -> tuple[Fields, list[str], int]:
    bottom = making.blob()
    axes = len(making.blobs[bottom].shape)
    return {"axis": making.axis(axes), "end_axis": making.axis(axes)}, [bottom], 1


def _permute(making: Making) -> tuple[Fields, list[str], int]:
    bottom, rng = making.blob(), making.rng
    order = list(range(len(making.blobs[bottom].shape)))
    rest = order[1:] if rng.random() < 0.7 else order
    head = [0] if len(rest) < len(order) else []
    return {"order": (*head, *rng.sample(rest, rng.randint(0, len(rest))))}, [bottom], 1


def _inner_product(making: Making) -> tuple[Fields, list[str], int]:
    bottom, rng = making.blob(), making.rng
    fields = {"num_output": making.extent(), "bias_term": rng.random() < 0.5, "transpose": rng.random() < 0.3}
    return fields | {"axis": making.later_axis(len(making.blobs[bottom].shape))}, [bottom], 1


def _normalize(making: Making) -> tuple[Fields, list[str], int]:
    rng = making.rng
    return {"across_spatial": rng.random() < 0.5, "channel_shared": rng.random() < 0.5}, [making.blob()], 1


def _reduction(making: Making) -> tuple[Fields, list[str], int]:
    bottom, rng = making.blob(), making.rng
    axis = making.axis(len(making.blobs[bottom].shape))
    operation = rng.choice(("SUM", "ASUM", "SUMSQ", "MEAN"))
    return {"operation": operation, "axis": axis, "coeff": rng.choice((1.0, 0.5, -2.0))}, [bottom], 1


def _arg_max(making: Making) -> tuple[Fields, list[str], int]:
    bottom, rng = making.blob(), making.rng
    fields: Fields = {"top_k": rng.choice((1, 1, 1, 2, 3)), "out_max_val": rng.random() < 0.4}
    if rng.random() < 0.7:
        fields["axis"] = making.axis(len(making.blobs[bottom].shape))
    return fields, [bottom], 1


def _convolution(making: Making) -> tuple[Fields, list[str], int]:
    bottom, rng = making.blob(), making.rng
    channels = (*making.blobs[bottom].shape, 1, 1)[1]
    group = rng.choice((1, 1, 1, channels))
    fields = {"num_output": group * rng.choice((1, 2)) if group > 1 else making.extent(), "group": group}
    fields |= {"kernel_size": (rng.choice((1, 1, 2, 3, 3)),), "pad": (rng.choice((0, 1, 1)),)}
    fields |= {"stride": (rng.choice((1, 1, 1, 2)),), "bias_term": rng.random() < 0.5}
    return fields | ({"dilation": (2,)} if rng.random() < 0.15 else {}), [bottom], 1


def _tile(making: Making) -> tuple[Fields, list[str], int]:
    bottom = making.blob()
    return {"axis": making.axis(len(making.blobs[bottom].shape)), "tiles": making.rng.choice((1, 2, 3))}, [bottom], 1


def _mvn(making: Making) -> tuple[Fields, list[str], int]:
    rng = making.rng
    return {"across_channels": rng.random() < 0.5, "normalize_variance": rng.random() < 0.7}, [making.blob()], 1


def _pooling(making: Making) -> tuple[Fields, list[str], int]:
    rng = making.rng
    fields: Fields = {"pool": rng.choice(("MAX", "AVE"))}
    if rng.random() < 0.3:
        return fields | {"global_pooling": True}, [making.blob()], 1
    kernel = rng.choice((2, 2, 3))
    fields |= {"kernel_size": (kernel,), "stride": (rng.choice((1, 2)),), "pad": (rng.choice((0, 0, 1)),)}
    return fields, [making.blob()], 1


def _batch_norm(making: Making) -> tuple[Fields, list[str], int]:
    return ({"use_global_stats": False} if making.rng.random() < 0.15 else {}), [making.blob()], 1


def _eltwise(making: Making) -> tuple[Fields, list[str], int]:
    rng, first = making.rng, making.blob()
    bottoms = [first, *(making.blob(like=making.blobs[first]) for _ in range(rng.choice((1, 1, 2))))]
    operation = rng.choice(("SUM", "SUM", "SUM", "PROD", "MAX"))
    coeff = {"coeff": tuple(rng.choice((1.0, -1.0, 0.5)) for _ in bottoms)}
    return {"operation": operation} | (coeff if operation == "SUM" and rng.random() < 0.3 else {}), bottoms, 1


def _relu(making: Making) -> tuple[Fields, list[str], int]:
    return ({"negative_slope": 0.1} if making.rng.random() < 0.2 else {}), [making.blob()], 1


def _prelu(making: Making) -> tuple[Fields, list[str], int]:
    return {"channel_shared": making.rng.random() < 0.3}, [making.blob()], 1


#: Layer type -> how often it is taken, and what makes its fields, bottoms and number of tops.
MAKERS: Mapping[str, tuple[int, Callable[[Making], tuple[Fields, list[str], int]]]] = {
    "Scale": (4, lambda making: _operand(making, {"bias_term": making.rng.random() < 0.5})),
    "Bias": (3, lambda making: _operand(making, {})),
    "Softmax": (2, _softmax),
    "Concat": (3, _concat),
    "Slice": (3, _slice),
    "Reshape": (3, _reshape),
    "Flatten": (2, _flatten),
    "Permute": (3, _permute),
    "InnerProduct": (4, _inner_product),
    "Normalize": (2, _normalize),
    "Reduction": (2, _reduction),
    "ArgMax": (1, _arg_max),
    "Tile": (1, _tile),
    "Convolution": (8, _convolution),
    "Deconvolution": (2, _convolution),
    "Pooling": (2, _pooling),
    "BatchNorm": (3, _batch_norm),
    "MVN": (1, _mvn),
    "Eltwise": (3, _eltwise),
    "ReLU": (3, _relu),
    "PReLU": (1, _prelu),
}

#: What fusions look for: layers with filters and per-channel factors, and what they take in.
_FILTERS = ("Convolution", "Deconvolution", "InnerProduct", "BatchNorm", "Scale")
_FUSED = ("BatchNorm", "Scale", "Bias", "ReLU", "PReLU", "Eltwise", "Convolution")


def make_net(rng: Random) -> str:
    """Return the text of a random net."""
    making = Making(rng, rng.choice(_EXTENTS))
    shapes = [making.shape() for _ in range(rng.choice((1, 1, 1, 1, 2)))]
    if len(shapes) == 2 and rng.random() < 0.7:
        # A second input of the same images, or of their positions: what operands of two bottoms are.
        shapes[1] = shapes[0][: rng.randint(1, len(shapes[0]))]
    tops = tuple(f"in{i}" for i in range(len(shapes)))
    making.layers.append(Layer("data", Input(shape=tuple(shapes)), (), tops))
    making.blobs |= {top: Blob(shape) for top, shape in zip(tops, shapes, strict=True)}
    often = [times for times, _ in MAKERS.values()]
    wanted = 1 + rng.choice((1, 1, 2, 3, 4, 5, MOST_LAYERS))
    for _ in range(TRIES * wanted):
        fused = making.layers[-1].type in _FILTERS and rng.random() < 0.5
        kind = rng.choice(_FUSED) if fused else rng.choices(list(MAKERS), often)[0]
        fields, bottoms, n_tops = MAKERS[kind][1](making)
        making.add(kind, fields, bottoms, n_tops)
        if len(making.layers) == wanted:
            break
    declared = shapes[0][0]
    images = declared if rng.random() < 0.5 else rng.choice(_IMAGES)
    text = to_prototxt(Net("random", tuple(making.layers)))
    return f"# images: {images} threads: {rng.choice((1, 1, 2))}\n{text}"
