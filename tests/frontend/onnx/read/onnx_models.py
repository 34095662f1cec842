"""Small ONNX models, and what ONNX Runtime makes of them beside the net that is read."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from xdn.errors import UnsupportedError
from xdn.frontend.onnx.read.net import net_of
from xdn.graph import Net

OPSET = 17
#: Both sides compute in f32 and may sum in different orders.
TOLERANCE = 1e-5

Arrays = Mapping[str, np.ndarray]


def model_of(
    nodes: Sequence[onnx.NodeProto],
    inputs: Mapping[str, Sequence[int | str | None]],
    constants: Arrays | None = None,
    outputs: Sequence[str] = ("y",),
    opset: int = OPSET,
) -> onnx.ModelProto:
    """Return a model of f32 inputs of these shapes, in which a name or None stands for a free extent."""
    infos = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in inputs.items()]
    given = [numpy_helper.from_array(array, name) for name, array in (constants or {}).items()]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs]
    graph = helper.make_graph(list(nodes), "small", infos, ends, given)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    made.ir_version = 8
    return made


def one_node(
    op: str, shape: Sequence[int | str], constants: Arrays | None = None, opset: int = OPSET, **attributes: Any
):
    """Return a model of one node, whose first input is the model's, and the others are constants in their order."""
    names = ["x", *(constants or {})]
    node = helper.make_node(op, names, ["y"], **attributes)
    return model_of([node], {"x": shape}, constants, opset=opset)


def check(model: onnx.ModelProto, batches: Sequence[int] = (1, 3), tolerance: float = TOLERANCE) -> Net:
    """Assert that ONNX Runtime and the net that is read agree, also for other batches; return the net."""
    net = net_of(model, "model")
    free = onnx.ModelProto()
    free.CopyFrom(model)
    for each in free.graph.input:
        each.type.tensor_type.shape.dim[0].dim_param = "n"
    session = onnxruntime.InferenceSession(free.SerializeToString(), providers=["CPUExecutionProvider"])
    names = [each.name for each in model.graph.output]
    for resized in (net, *(net.with_batch(count) for count in batches)):
        rng = np.random.default_rng(3)
        feed = {name: rng.standard_normal(blob.shape).astype(np.float32) for name, blob in resized.inputs.items()}
        found = resized.forward(feed)
        for name, wanted in zip(names, session.run(names, feed), strict=True):
            # A number alone has one axis in a net.
            assert found[name].shape == (wanted.shape or (1,))
            np.testing.assert_allclose(found[name], wanted, rtol=tolerance, atol=tolerance)
    return net


def check_node(
    op: str,
    shape: Sequence[int],
    constants: Arrays | None = None,
    opset: int = OPSET,
    batches: Sequence[int] = (1, 3),
    **attributes: Any,
):
    """Assert that a net of one node agrees with ONNX Runtime; return the types of its layers after the input."""
    net = check(one_node(op, shape, constants, opset, **attributes), batches)
    return [layer.type for layer in net.layers[1:]]


def check_refused(op: str, shape: Sequence[int], constants: Arrays | None = None, *, reason: str, **attributes: Any):
    """Assert that the node cannot be read of any batch, by an error that names it and says why."""
    with pytest.raises(UnsupportedError, match=rf"(?s)node 'y' \({op}\).*{reason}"):
        net_of(one_node(op, ("n", *shape[1:]), constants, **attributes), "model")


def f32(*shape: int, seed: int = 1) -> np.ndarray:
    """Return seeded values between 0.5 and 1.5."""
    return np.random.default_rng(seed).uniform(0.5, 1.5, shape).astype(np.float32)


def i64(*values: int) -> np.ndarray:
    """Return whole numbers along one axis."""
    return np.array(values, np.int64)
