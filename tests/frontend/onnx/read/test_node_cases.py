"""The cases by which ONNX itself tests its operators: none of those that are read gives another result."""

from collections import Counter, defaultdict

import numpy as np
import onnx
from onnx import numpy_helper
from onnx.backend.test.case.node import collect_testcases

from xdn.errors import XdnError
from xdn.frontend.onnx.read.base import READERS
from xdn.frontend.onnx.read.net import net_of

#: Operators of which every case is read.
WHOLE = [
    "Abs",
    "Acos",
    "Acosh",
    "Add",
    "And",
    "Asin",
    "Asinh",
    "Atan",
    "Atanh",
    "AveragePool",
    "Ceil",
    "Celu",
    "CenterCropPad",
    "Concat",
    "Conv",
    "ConvTranspose",
    "Cos",
    "Cosh",
    "DepthToSpace",
    "Elu",
    "Equal",
    "Exp",
    "Flatten",
    "Floor",
    "GRU",
    "GlobalAveragePool",
    "GlobalMaxPool",
    "Greater",
    "GreaterOrEqual",
    "GroupNormalization",
    "HardSigmoid",
    "HardSwish",
    "InstanceNormalization",
    "IsInf",
    "IsNaN",
    "LRN",
    "LeakyRelu",
    "Less",
    "LessOrEqual",
    "Log",
    "LpPool",
    "Max",
    "Mean",
    "Min",
    "Mish",
    "Mod",
    "Mul",
    "Neg",
    "OneHot",
    "Or",
    "PRelu",
    "Pad",
    "Pow",
    "RNN",
    "Reciprocal",
    "Relu",
    "Resize",
    "Round",
    "Selu",
    "Shrink",
    "Sigmoid",
    "Sign",
    "Sin",
    "Sinh",
    "Softplus",
    "Softsign",
    "SpaceToDepth",
    "Sqrt",
    "Sub",
    "Sum",
    "Swish",
    "Tan",
    "Tanh",
    "ThresholdedRelu",
    "Transpose",
    "Xor",
]


def _arrays(values):
    """Return the values of a case as arrays; None where some are no tensors."""
    if not all(isinstance(each, np.ndarray | np.generic | onnx.TensorProto) for each in values):
        return None
    found = [numpy_helper.to_array(v) if isinstance(v, onnx.TensorProto) else np.asarray(v) for v in values]
    return None if any(each.dtype == object for each in found) else found


def _cases():
    """Return operator -> (name, model, inputs, outputs) of its cases with one node."""
    found = defaultdict(dict)
    for case in collect_testcases(None):
        if case.model and len(case.model.graph.node) == 1 and not case.model.graph.node[0].domain:
            inputs, outputs = map(_arrays, case.data_sets[0])
            if inputs is not None and outputs is not None:
                found[case.model.graph.node[0].op_type][case.name] = (case.model, inputs, outputs)
    return found


def _run(model, inputs, constants):
    """Return what the net of a model gives, of whose inputs those from number `constants` on are constants."""
    made = onnx.ModelProto()
    made.CopyFrom(model)
    names = [each.name for each in model.graph.input]
    made.graph.initializer.extend(
        numpy_helper.from_array(value, name) for name, value in list(zip(names, inputs, strict=False))[constants:]
    )
    net = net_of(made, "case")
    given = {name: np.atleast_1d(value).astype(np.float32) for name, value in zip(names, inputs, strict=False)}
    results = net.forward({name: given[name] for name in net.inputs})
    return [results[each.name] for each in model.graph.output]


def _read(model, inputs):
    """Return what a model gives as it stands, or with all inputs but the first as constants; None of one not read."""
    for constants in (len(inputs), 1):
        try:
            return _run(model, inputs, constants)
        except XdnError:
            continue
    return None


def test_no_case_gives_another_result():
    """In one test, since it takes long to make the cases."""
    states, wrong = defaultdict(Counter), []
    for operator, cases in _cases().items():
        for name, (model, inputs, outputs) in cases.items() if operator in READERS else ():
            found = _read(model, inputs)
            states[operator][found is not None] += 1
            for value, wanted in zip(found or (), map(np.atleast_1d, outputs), strict=False):
                alike = value.shape == wanted.shape
                # ONNX's own runner has 1e-3; numbers of bf16 are that far apart.
                rtol = 1e-2 if wanted.dtype.name == "bfloat16" else 1e-3
                if not (alike and np.allclose(value, wanted.astype(np.float32), rtol, 1e-5, equal_nan=True)):
                    wrong.append(name)
    assert not wrong
    assert not [operator for operator in WHOLE if states[operator][False] or not states[operator][True]]
