"""Layers that normalise and scale, in ONNX: BatchNorm, BN, Scale, Bias, LRN, Softmax, Normalize, MVN and the like."""

import numpy as np

from xdn.frontend.onnx.emit.base import EMITTERS, Emission
from xdn.layers.batchnorm import BatchNorm
from xdn.layers.bias import Bias
from xdn.layers.bn import BN
from xdn.layers.groupnorm import GroupNorm
from xdn.layers.layernorm import LayerNorm
from xdn.layers.lrn import LRN
from xdn.layers.mvn import MVN
from xdn.layers.normalize import Normalize
from xdn.layers.scale import Scale
from xdn.layers.softmax import Softmax


@EMITTERS.register("BatchNorm")
def batch_norm(out: Emission, params: BatchNorm) -> None:
    """BatchNormalization, the sums divided by scale_factor beforehand; scale 1 and bias 0 where none are learned."""
    mean, variance = params.statistics(out.layer.weights)
    if not params.batch_statistics and len(out.bottom().shape) > 1:
        learned = {"scale": np.ones_like(mean), "bias": np.zeros_like(mean)}
        if params.scale_bias:
            learned = {name: out.layer.weights[name] for name in learned}
        arrays = learned | {"mean": mean, "variance": variance}
        inputs = [*out.bottoms, *(out.constant(name, array) for name, array in arrays.items())]
        out.top("BatchNormalization", inputs, epsilon=params.eps)
        return
    normal = out.fresh("normal") if params.scale_bias else out.tops[0]
    if params.batch_statistics:
        _by_batch(out, normal, params.eps)
    else:  # no channel axis, which BatchNormalization needs
        centred = out.step("Sub", [*out.bottoms, out.constant("mean", mean)], "centred")
        deviation = np.sqrt(variance + np.float32(params.eps))
        out.graph.node("Div", [centred, out.constant("deviation", deviation)], normal)
    if params.scale_bias:
        _affine(out, normal, "scale", "bias")


@EMITTERS.register("BN")
def bn(out: Emission, params: BN) -> None:
    """BatchNormalization; SegNet's is Mul and Add, after the batch's own statistics where it asks for them."""
    source = out.bottoms[0]
    if not params.affine_only:
        inputs = [source, *(out.weight(name) for name in ("scale", "shift", "mean", "variance"))]
        out.top("BatchNormalization", inputs, epsilon=params.eps)
        return
    if params.batch_statistics:
        source = _by_batch(out, out.fresh("normal"), params.var_eps)
    _affine(out, source, "scale", "shift")


def _affine(out: Emission, source: str, factor: str, shift: str) -> None:
    """Append Mul and Add with two weights a channel."""
    axis = min(1, len(out.bottom().shape) - 1)
    scaled = out.step("Mul", [source, out.spread(factor, axis)], "scaled")
    out.top("Add", [scaled, out.spread(shift, axis)])


def _by_batch(out: Emission, top: str, epsilon: float) -> str:
    """Append (x - mean) / sqrt(mean of squares + epsilon), the means over all axes but the channels; return `top`."""
    others = [axis for axis in range(len(out.bottom().shape)) if axis != 1]
    mean = out.step("ReduceMean", out.bottoms, "mean", axes=others)
    centred = out.step("Sub", [*out.bottoms, mean], "centred")
    square = out.step("Mul", [centred, centred], "square")
    variance = out.step("ReduceMean", [square], "variance", axes=others)
    kept = out.step("Add", [variance, out.scalar("eps", epsilon)], "kept")
    return out.graph.node("Div", [centred, out.step("Sqrt", [kept], "deviation")], top)


def _operand(out: Emission, axis: int, learned: str) -> str:
    """Return the name of the second operand, learned or the second bottom, laid along the axes that it covers."""
    if len(out.bottoms) == 1:
        return out.spread(learned, axis)
    given, axes = len(out.bottom(1).shape), len(out.bottom().shape)
    after = list(range(given, axes - axis % axes)) if given else []
    return out.step("Unsqueeze", [out.bottoms[1], out.integers("axes", after)], "spread") if after else out.bottoms[1]


@EMITTERS.register("Scale")
def scale(out: Emission, params: Scale) -> None:
    """Mul, and Add where there is a bias."""
    inputs = [out.bottoms[0], _operand(out, params.axis, "scale")]
    if params.bias_term:
        out.top("Add", [out.step("Mul", inputs, "scaled"), out.spread("bias", params.axis)])
    else:
        out.top("Mul", inputs)


@EMITTERS.register("Bias")
def bias(out: Emission, params: Bias) -> None:
    """Add."""
    out.top("Add", [out.bottoms[0], _operand(out, params.axis, "bias")])


@EMITTERS.register("Softmax")
def softmax(out: Emission, params: Softmax) -> None:
    """Softmax along the same axis."""
    out.top("Softmax", out.bottoms, axis=params.axis)


@EMITTERS.register("LRN")
def lrn(out: Emission, params: LRN) -> None:
    """LRN over channels; over positions x * (1 + alpha * average of squares) ** -beta."""
    (source,) = out.bottoms
    if params.norm_region == "ACROSS_CHANNELS":
        out.top("LRN", [source], size=params.local_size, alpha=params.alpha, beta=params.beta, bias=params.k)
        return
    squares = out.step("Mul", [source, source], "squares")
    window = params.squares_pooling().window(out.bottom().shape[2:])
    sides = {"kernel_shape": window.kernel, "pads": window.pad * 2}
    mean = out.step("AveragePool", [squares], "mean", **sides, count_include_pad=1)
    weighted = out.step("Mul", [mean, out.scalar("alpha", params.alpha)], "weighted")
    energy = out.step("Add", [weighted, out.scalar("one", 1)], "energy")
    out.top("Mul", [source, out.step("Pow", [energy, out.scalar("power", -params.beta)], "factor")])


@EMITTERS.register("Normalize")
def normalize(out: Emission, params: Normalize) -> None:
    """Div by the root of ReduceSumSquare and eps, or by ReduceL1 and eps, then Mul where there is a scale."""
    over = list(range(1, len(out.bottom().shape) if params.across_spatial else 2))
    total = out.step("ReduceL1" if params.norm == "L1" else "ReduceSumSquare", out.bottoms, "total", axes=over)
    norm = out.step("Add", [total, out.scalar("eps", params.eps)], "kept")
    if params.norm != "L1":
        norm = out.step("Sqrt", [norm], "norm")
    if params.scaled:
        out.top("Mul", [out.step("Div", [*out.bottoms, norm], "unit"), out.spread("scale")])
    else:
        out.top("Div", [*out.bottoms, norm])


@EMITTERS.register("MVN")
def mvn(out: Emission, params: MVN) -> None:
    """Sub and Div by ReduceMean and the root of ReduceMean of squares; without axes each value is its own mean."""
    (source,) = out.bottoms
    over = list(range(1 if params.across_channels else 2, len(out.bottom().shape)))

    def mean(source: str, wish: str) -> str:
        return out.step("ReduceMean", [source], wish, axes=over) if over else source

    if not params.normalize_variance:
        out.top("Sub", [source, mean(source, "mean")])
        return
    centred = out.step("Sub", [source, mean(source, "mean")], "centred")
    square = out.step("Mul", [centred, centred], "square")
    within, beside = params.added
    variance = mean(square, "variance")
    if within:
        variance = out.step("Add", [variance, out.scalar("within", within)], "kept")
    deviation = out.step("Sqrt", [variance], "deviation")
    out.top("Div", [centred, out.step("Add", [deviation, out.scalar("eps", beside)], "divisor")])


@EMITTERS.register("GroupNorm")
def group_norm(out: Emission, params: GroupNorm) -> None:
    """InstanceNormalization of the groups, each as one channel."""
    grouped = out.step("Reshape", [*out.bottoms, out.integers("groups", [0, params.group_num, -1])], "grouped")
    ones, zeros = (np.full(params.group_num, value, np.float32) for value in (1, 0))
    constants = [out.constant("ones", ones), out.constant("zeros", zeros)]
    out.reshaped(out.step("InstanceNormalization", [grouped, *constants], "normal", epsilon=params.eps))


@EMITTERS.register("LayerNorm")
def layer_norm(out: Emission, params: LayerNorm) -> None:
    """LayerNormalization."""
    inputs = [*out.bottoms, out.weight("scale"), out.weight("bias")]
    out.top("LayerNormalization", inputs, axis=params.axis, epsilon=params.eps)
