"""What must hold of every layer that is one function of each element, and the trees of ONNX forms."""

import inspect

import numpy as np
import pytest
from scipy import special

from tests.layers.formulas import FORMULAS
from tests.layers.oracles import check_positions, normal
from xdn.errors import ShapeError
from xdn.graph import Blob, ChannelRule
from xdn.kernels.core.mathematics import MOST_CONSTANTS
from xdn.layers.base import LAYERS
from xdn.layers.elu import ELU
from xdn.layers.function import Activation, Constant, X, functions, linear, node, times
from xdn.layers.relu import ReLU

KINDS = sorted({cls.type: cls for _, cls in LAYERS.items() if issubclass(cls, Activation)}.items())
FUNCTIONS = [pytest.param(cls, id=cls.type) for cls in functions()]


class InDoubles:
    """The arithmetic of formulas in f64: neither LLVM nor the polynomials of the kernels."""

    number, negative, magnitude = np.float64, np.negative, np.abs
    add, sub, mul, div = np.add, np.subtract, np.multiply, np.divide
    exp, log, log_1p, tanh, erf, square_root = np.exp, np.log, np.log1p, np.tanh, special.erf, np.sqrt

    def where(self, a, comparison, b, yes, no):
        signs = {"<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal, "==": np.equal}
        return np.where(signs[comparison](a, b), yes, no)

    def signed_power(self, x, exponent, sign):
        return np.where(x < 0, sign, 1) * np.abs(x) ** exponent


@pytest.mark.parametrize("params", [*FORMULAS, ReLU(negative_slope=0.1), ELU(alpha=0.7)], ids=repr)
def test_the_formula_is_the_reference(params, rng):
    """Two ways to one function: what kernels compute, here in f64, and what Caffe computes, in f32."""
    x = rng.standard_normal(1000).astype(np.float32)
    kernel = params.kernel()
    found = kernel.formula(InDoubles(), x.astype(np.float64), *np.float64(np.float32(kernel.constants)))
    (expected,) = params.reference([x], {}, 1)
    # Some roundings of f32, of numbers up to 1 where the reference cancels.
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("cls", FUNCTIONS)
def test_the_formula_takes_the_constants(cls):
    kernel = cls().kernel()
    assert len(inspect.signature(kernel.formula).parameters) == 2 + len(kernel.constants)
    assert len(kernel.constants) <= (1 if cls.fusable else MOST_CONSTANTS)


def test_a_word_names_one_function():
    """Kernels of one name are the same, alone or as a fused activation."""
    for words in ([(cls.word, cls) for cls in functions()], [(cls.fused_word or cls.word, cls) for cls in functions()]):
        formulas = {}
        for word, cls in words:
            assert formulas.setdefault(word, cls.formula) is cls.formula


def test_factors_of_1_and_shifts_of_0_are_left_out():
    assert times(X, 1) is X
    assert linear(X, 1, 0) is X
    scaled = node("Mul", X, Constant("factor", 2), name="scaled")
    assert linear(X, 2, 0) == scaled
    assert linear(X, 2, 3) == node("Add", scaled, Constant("shift", 3), name="shifted")


def test_there_are_such_layers():
    assert {"ReLU", "ELU", "Sigmoid", "TanH", "Dropout"} <= {name for name, _ in KINDS}


@pytest.mark.parametrize(("name", "cls"), KINDS)
def test_every_shape_is_kept(name, cls):
    for shape in ((2, 3, 4, 5), (7,), (2, 1, 3)):
        assert cls().infer([Blob(shape)], 1) == (Blob(shape),)
    assert cls.elementwise
    assert cls.channel_rule is ChannelRule.CARRIED


@pytest.mark.parametrize(("name", "cls"), KINDS)
@pytest.mark.parametrize("count", [0, 2])
def test_takes_exactly_one_bottom(name, cls, count):
    with pytest.raises(ShapeError, match="exactly one"):
        cls().infer([Blob((1, 2))] * count, 1)


@pytest.mark.parametrize(("name", "cls"), KINDS)
def test_positions(rng, name, cls):
    check_positions(cls(), [normal(rng, 2, 3, 7, 5)], rng)
