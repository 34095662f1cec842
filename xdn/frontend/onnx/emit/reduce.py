"""Layers that make one value of many, in ONNX: Reduction, ArgMax."""

from math import prod

from onnx import TensorProto

from xdn.frontend.onnx.emit.base import EMITTERS, TO_THE_END, Emission
from xdn.layers.argmax import ArgMax
from xdn.layers.reduction import Reduction


@EMITTERS.register("Reduction")
def reduction(out: Emission, params: Reduction) -> None:
    """ReduceSum, ReduceL1, ReduceSumSquare or ReduceMean, and Mul where there is a coefficient."""
    bottom = out.bottom()
    axes = list(range(bottom.axis(params.axis), len(bottom.shape)))
    target = out.tops[0] if params.coeff == 1 else out.fresh("total")
    if params.operation == "SUM":  # the only one whose axes are an input in this opset
        out.graph.node("ReduceSum", [*out.bottoms, out.integers("axes", axes)], target, keepdims=0)
    else:
        op = {"ASUM": "ReduceL1", "SUMSQ": "ReduceSumSquare", "MEAN": "ReduceMean"}[params.operation]
        out.graph.node(op, out.bottoms, target, axes=axes, keepdims=0)
    if params.coeff != 1:
        out.top("Mul", [target, out.scalar("coeff", params.coeff)])


@EMITTERS.register("ArgMax")
def arg_max(out: Emission, params: ArgMax) -> None:
    """ArgMax of the last index, or TopK; over an image of its flattened values."""
    whole = params.axis is None
    axis = 1 if params.axis is None else out.bottom().axis(params.axis)
    source = out.step("Flatten", out.bottoms, "flat", axis=1) if whole else out.bottoms[0]
    if params.top_k == 1 and not params.out_max_val:
        place = out.step("ArgMax", [source], "place", axis=axis, select_last_index=1)
        found = out.step("Cast", [place], "number", to=TensorProto.FLOAT)
    else:
        values, places = _ranked(out, params, source, axis)
        found = values if params.out_max_val else places
        if whole and params.out_max_val:
            found = out.step("Concat", [places, values], "both", axis=1)
    out.reshaped(found)


def _ranked(out: Emission, params: ArgMax, source: str, axis: int) -> tuple[str, str]:
    """Return the largest values and their places, both f32, of equal values the last first.

    TopK takes the first of equal ones, so it is given the values in reverse.
    """
    (bottom,) = out.layer.bottoms
    extent = prod(out.image_shape(bottom)) if params.axis is None else out.graph.dims(bottom)[axis]
    if extent is None:
        raise out.unsupported("the number of values to choose from is the batch")
    bounds = {"begin": -1, "end": -TO_THE_END, "axis": axis, "step": -1}
    reverse = [out.integers(name, [value]) for name, value in bounds.items()]
    backwards = out.step("Slice", [source, *reverse], "backwards")
    values, places = out.fresh("values"), out.fresh("places")
    out.graph.node("TopK", [backwards, out.integers("top_k", [params.top_k])], values, places, axis=axis)
    numbers = out.step("Cast", [places], "numbers", to=TensorProto.FLOAT)
    return values, out.step("Sub", [out.scalar("last", extent - 1), numbers], "forwards")
