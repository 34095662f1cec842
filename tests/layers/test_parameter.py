"""Parameter: a weight as a blob."""

import pytest

from tests.layers.oracles import check_layer, normal
from xdn.errors import ShapeError
from xdn.graph import Blob
from xdn.layers.parameter import Parameter


def test_the_weight_is_the_top(rng):
    values = normal(rng, 2, 3)
    check_layer(Parameter(shape=(2, 3)), [], values, weights={"parameter": values}, roundings=0)


def test_what_does_not_fit_is_refused():
    with pytest.raises(ShapeError, match="nothing tells its shape"):
        Parameter().infer([], 1)
    with pytest.raises(ShapeError, match="it takes none"):
        Parameter(shape=(2,)).infer([Blob((2,))], 1)
