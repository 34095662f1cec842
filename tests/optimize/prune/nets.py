"""Nets for the tests of pruning: random ones of every kind of layer, and small ones of known families."""

import numpy as np
from hypothesis import strategies as st

from tests.optimize.building import conv, data, layer, net_of
from xdn.optimize.prune.channels import Channels
from xdn.optimize.prune.criterion import CRITERIA
from xdn.optimize.prune.evidence import Evidence

#: Layers that take a blob (C, H, W) and keep its shape, as type and parameters.
SAME_SHAPE = [
    ("BatchNorm", {}),
    ("Scale", {"bias_term": True}),
    ("Scale", {"axis": 2}),
    ("Scale", {"axis": 1, "num_axes": -1}),
    ("Scale", {"num_axes": 0}),
    ("Bias", {}),
    ("PReLU", {}),
    ("PReLU", {"channel_shared": True}),
    ("ReLU", {}),
    ("Sigmoid", {}),
    ("Pooling", {"kernel_size": 3, "pad": 1}),
    ("LRN", {"local_size": 3, "norm_region": "WITHIN_CHANNEL"}),
    ("Softmax", {"axis": 3}),
    ("Reshape", {"shape": (0, 0, 0, 0)}),
    # These keep their channels.
    ("LRN", {"local_size": 3}),
    ("Softmax", {}),
]
#: What may come next: mostly layers with filters, sums and concatenations.
KINDS = ["conv", "conv", "grouped", "depthwise", "shared", "same", "same", "gate", "split", "residual", "sum", "concat"]
#: Layers that cut, deal out or spread channels.
MOVING_KINDS = ["halves", "parts", "shuffle", "upward", "upward grouped", "upward depthwise", "permute", "named"]
MOVING_KINDS += ["dealt", "last"]
FLAT_KINDS = ["flatten", "reshape", "inner product", "transposed", "rows", "stack"]
SUMS = [{}, {"coeff": (1.0, 0.5)}, {"operation": "MAX"}, {"operation": "PROD"}]


class Drawing:
    """A net that grows: its layers, and what is known of its blobs (shapes without the batch)."""

    def __init__(self, draw):
        self.draw = draw
        self.layers, self.shapes = [data(2, 4, 6, 5)], {"data": (4, 6, 5)}

    def add(self, type_name, bottoms, extents, tops=None, /, **params):
        """Add a layer whose tops are (N, *extents); return the first."""
        name = f"{type_name.lower()}{len(self.layers)}"
        made = layer(type_name, name, bottoms, tops, **params)
        self.layers.append(made)
        self.shapes |= dict.fromkeys(made.tops, extents)
        return made.tops[0]

    def pick(self, *, axes=None, shape=None):
        """Draw a blob, mostly the last that there is; None where no blob is as asked for."""
        found = [b for b, s in self.shapes.items() if (axes is None or len(s) == axes) and shape in (None, s)]
        return self.draw(st.sampled_from([*found, *[found[-1]] * 4])) if found else None

    def conv(self, bottom, outputs, kernel=1, **params):
        """Add a convolution that keeps the positions."""
        shape = (outputs, *self.shapes[bottom][1:])
        return self.add(
            "Convolution", [bottom], shape, num_output=outputs, kernel_size=kernel, pad=kernel // 2, **params
        )

    def any_conv(self, kind):
        """Add a convolution of a kind to some blob."""
        bottom = self.pick(axes=3)
        c = self.shapes[bottom][0]
        kernel, outputs = self.draw(st.sampled_from([1, 3])), self.draw(st.sampled_from([2, 4, 6]))
        if kind == "shared":
            self.conv(bottom, outputs, kernel, shared=[f"w{c}{outputs}{kernel}", f"b{outputs}"])
        elif kind == "depthwise" and c > 1:
            self.conv(bottom, c * self.draw(st.sampled_from([1, 1, 2])), kernel, group=c)
        elif kind == "grouped" and c % 2 == 0:
            self.conv(bottom, outputs, kernel, group=2)
        else:
            self.conv(bottom, outputs, kernel, bias_term=self.draw(st.booleans()))

    def deconv(self, kind):
        """Add a deconvolution that keeps the positions, of so many groups as fit."""
        bottom = self.pick(axes=3)
        c, *rest = self.shapes[bottom]
        group = {"upward": 1, "upward grouped": 2 if c % 2 == 0 else 1, "upward depthwise": c}[kind]
        outputs = c * self.draw(st.sampled_from([1, 2])) if group == c else self.draw(st.sampled_from([2, 4, 6]))
        params = {"kernel_size": 3, "pad": 1, "group": group, "bias_term": self.draw(st.booleans())}
        self.add("Deconvolution", [bottom], (outputs, *rest), num_output=outputs, **params)

    def moved(self, kind):
        """Add a layer that takes channels elsewhere; "halves" meet again in their maximum, "parts" do not."""
        bottom, number = self.pick(axes=3), len(self.layers)
        c, h, w = self.shapes[bottom]
        if kind in ("halves", "parts") and c % 2 == 0:
            tops = [f"slice{number}a", f"slice{number}b"]
            first = self.draw(st.integers(1, c - 1)) if kind == "parts" else c // 2
            points = {"slice_point": (first,)} if kind == "parts" or self.draw(st.booleans()) else {}
            self.add("Slice", [bottom], (first, h, w), tops, **points)
            self.shapes[tops[1]] = (c - first, h, w)
            if kind == "halves":
                self.add("Eltwise", tops, (first, h, w), **self.draw(st.sampled_from(SUMS)))
        elif kind == "shuffle":
            groups = [group for group in (1, 2, 3) if c % group == 0]
            self.add("ShuffleChannel", [bottom], (c, h, w), group=self.draw(st.sampled_from(groups)))
        elif kind == "dealt" and c % 2 == 0:
            parts = self.add("Reshape", [bottom], (2, c // 2, h, w), shape=(0, 2, -1, h, w))
            turned = self.add("Permute", [parts], (c // 2, 2, h, w), order=(0, 2, 1))
            self.add("Reshape", [turned], (c, h, w), shape=(0, c, h, w))
        elif kind == "last":
            turned = self.add("ReLU", [self.add("Permute", [bottom], (h, w, c), order=(0, 2, 3, 1))], (h, w, c))
            if self.draw(st.booleans()):
                self.add("Flatten", [turned], (h * w * c,))
            else:
                rows = self.add("Reshape", [turned], (h * w, c), shape=(0, -1, 0 if w == c else c))
                self.add("Permute", [rows], (c, h * w), order=(0, 2, 1))
        elif kind == "permute":
            self.add("Permute", [bottom], (c, w, h), order=(0, 1, 3, 2))
        else:
            self.add("Reshape", [bottom], (c, w * h), shape=(0, c, -1))

    def gate(self):
        """Add a squeeze-and-excitation gate to some blob."""
        bottom = self.pick(axes=3)
        c = self.shapes[bottom][0]
        squeezed = self.add("Pooling", [bottom], (c, 1, 1), pool="AVE", global_pooling=True)
        excited = self.conv(self.add("ReLU", [self.conv(squeezed, 3)], (3, 1, 1)), c)
        gate = self.add("Sigmoid", [self.add("Flatten", [excited], (c,))], (c,))
        self.add("Scale", [bottom, gate], self.shapes[bottom], axis=0)

    def joined(self, kind):
        """Add a layer that joins two blobs."""
        bottom = self.pick()
        shape = self.shapes[bottom]
        if kind == "residual" and len(shape) == 3:
            other = self.conv(self.pick(shape=shape), shape[0])
        else:
            other = self.pick(shape=shape)
        if kind == "concat":
            fitting = [b for b, s in self.shapes.items() if s[1:] == shape[1:]]
            other = self.draw(st.sampled_from(fitting))
            self.add("Concat", [bottom, other], (shape[0] + self.shapes[other][0], *shape[1:]))
        else:
            self.add("Eltwise", [bottom, other], shape, **self.draw(st.sampled_from(SUMS)))

    def flat(self, kind):
        """Add a layer that changes the axes."""
        bottom = self.pick(axes=self.draw(st.sampled_from([1, 3]))) or "data"
        c, *rest = self.shapes[bottom]
        size = rest[0] * rest[1] if rest else 1
        if kind == "flatten":
            self.add("Flatten", [bottom], (c * size,))
        elif kind == "reshape":
            self.add("Reshape", [bottom], (c * size,), shape=(0, -1))
        elif kind == "rows" and rest:
            self.add("InnerProduct", [bottom], (c, rest[0], 5), num_output=5, axis=3)
        elif kind == "stack" and rest:
            other = self.pick(shape=(c, *rest))
            self.add("Concat", [bottom, other], (c, 2 * rest[0], rest[1]), axis=2)
        else:
            self.add("InnerProduct", [bottom], (4,), num_output=4, transpose=kind == "transposed")


@st.composite
def nets(draw):
    """Draw a net of layers of every channel rule, joined, split, gated and shared at random."""
    made = Drawing(draw)
    made.conv("data", draw(st.sampled_from([2, 4, 6])), 3)
    for _ in range(draw(st.integers(3, 12))):
        kind = draw(st.sampled_from([*KINDS * 2, *MOVING_KINDS, *FLAT_KINDS]))
        if kind == "same":
            bottom = made.pick(axes=3)
            type_name, params = draw(st.sampled_from(SAME_SHAPE))
            made.add(type_name, [bottom], made.shapes[bottom], **params)
        elif kind == "gate":
            made.gate()
        elif kind == "split":
            bottom, number = made.pick(), len(made.layers)
            made.add("Split", [bottom], made.shapes[bottom], [f"split{number}a", f"split{number}b"])
        elif kind in ("residual", "sum", "concat"):
            made.joined(kind)
        elif kind in FLAT_KINDS:
            made.flat(kind)
        elif kind.startswith("upward"):
            made.deconv(kind)
        elif kind in MOVING_KINDS:
            made.moved(kind)
        else:
            made.any_conv(kind)
    blobs = list(made.shapes)
    last = made.add("InnerProduct", [made.pick()], (3,), num_output=3)
    # Mostly the last layer alone: the channels of outputs stay, those of unread blobs need not.
    outputs = draw(st.sampled_from([(last,), (last,), (last, draw(st.sampled_from(blobs))), ()]))
    return net_of(*made.layers, outputs=tuple(dict.fromkeys(outputs)), seed=draw(st.integers(0, 99)))


def block(name, bottom, inner, outer, *, shortcut=None):
    """Return a residual block: two convolutions with BatchNorm and Scale, a sum, a ReLU; its top is `name`."""
    return [
        conv(f"{name}a", bottom, inner, 3, pad=1, bias_term=False),
        layer("BatchNorm", f"{name}a_bn", [f"{name}a"]),
        layer("Scale", f"{name}a_scale", [f"{name}a_bn"], bias_term=True),
        layer("ReLU", f"{name}a_relu", [f"{name}a_scale"]),
        conv(f"{name}b", f"{name}a_relu", outer, 3, pad=1, bias_term=False),
        layer("BatchNorm", f"{name}b_bn", [f"{name}b"]),
        layer("Scale", f"{name}b_scale", [f"{name}b_bn"], bias_term=True),
        layer("Eltwise", f"{name}_sum", [shortcut or bottom, f"{name}b_scale"]),
        layer("ReLU", name, [f"{name}_sum"]),
    ]


def small_resnet(*, weights=True, classes=5, width=8):
    """Return a net of two residual blocks, the second with a projection; its groups: two inner, two joined."""
    return net_of(
        data(4, 3, 8, 8),
        conv("stem", "data", width, 3, pad=1, bias_term=False),
        layer("BatchNorm", "stem_bn", ["stem"]),
        layer("Scale", "stem_scale", ["stem_bn"], bias_term=True),
        layer("ReLU", "stem_relu", ["stem_scale"]),
        *block("one", "stem_relu", width, width),
        conv("project", "one", 2 * width, bias_term=False),
        layer("BatchNorm", "project_bn", ["project"]),
        layer("Scale", "project_scale", ["project_bn"], bias_term=True),
        *block("two", "one", 2 * width, 2 * width, shortcut="project_scale"),
        layer("Pooling", "pool", ["two"], pool="AVE", global_pooling=True),
        layer("InnerProduct", "fc", ["pool"], num_output=classes),
        layer("Softmax", "prob", ["fc"]),
        weights=weights,
    )


def mixed_net():
    """Return a net with depthwise, grouped, concatenated and flattened channels.

    Its groups: `a` with `dw`, channels i and i + 4 one unit, since `grouped` reads them; `grouped`, filters k and
    k + 6 one unit; `side`; `hidden`.
    """
    return net_of(
        data(2, 4, 9, 9),
        conv("a", "data", 8, 3, pad=1, bias_term=False),
        layer("BatchNorm", "bn", ["a"]),
        layer("Scale", "scale", ["bn"], bias_term=True),
        layer("PReLU", "prelu", ["scale"]),
        conv("dw", "prelu", 8, 3, pad=1, group=8),
        conv("grouped", "dw", 12, 3, group=2),
        conv("side", "dw", 6, 3),
        layer("Concat", "cat", ["grouped", "side"]),
        layer("Pooling", "pool", ["cat"], kernel_size=2, stride=2),
        layer("Flatten", "flat", ["pool"]),
        layer("InnerProduct", "hidden", ["flat"], num_output=10),
        layer("ReLU", "relu", ["hidden"]),
        layer("InnerProduct", "last", ["relu"], num_output=3),
        layer("Softmax", "prob", ["last"]),
    )


def group_of(channels, name):
    """Return the group called `name`."""
    return next(group for group in channels.groups if group.name == name)


def importance(criterion, net, group, instruments=None, seed=0):
    """Return what a criterion, by name, says of a group, by name."""
    channels = Channels(net)
    return CRITERIA[criterion]().importance(group_of(channels, group), Evidence(channels, instruments, seed))


def factor(net, prefix):
    """Return what fusion multiplies a convolution's filters with: scale / sqrt(variance + eps)."""
    norm, scale = net.layer(f"{prefix}bn"), net.layer(f"{prefix}scale")
    _, variance = norm.params.statistics(norm.weights)
    return scale.weights["scale"] / np.sqrt(variance.astype(np.float64) + norm.params.eps)


def images_for(net, count, seed=0):
    """Return random images for a net with one input."""
    ((name, blob),) = net.inputs.items()
    return {name: np.random.default_rng(seed).standard_normal((count, *blob.shape[1:])).astype(np.float32)}


def gradients_for(net, batches, seed=0):
    """Return a source of made-up gradients: as many mappings as there are batches."""
    rng = np.random.default_rng(seed)
    made = [
        {
            (each.name, name): rng.standard_normal(array.shape)
            for each in net.layers
            for name, array in each.weights.items()
        }
        for _ in range(batches)
    ]
    return lambda given: made
