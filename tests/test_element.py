"""Number formats."""

import numpy as np
import pytest

from xdn.element import ELEMENTS


@pytest.mark.parametrize("element", ELEMENTS.values(), ids=lambda element: element.name)
def test_an_element_is_what_numpy_stores(element):
    assert element.numpy.itemsize == element.bytes
    assert ELEMENTS[element.name] is element
    assert element.accumulator in ELEMENTS


def test_channels_that_lie_together_fill_four_bytes():
    assert all(e.interleave * e.bytes == 4 for e in ELEMENTS.values() if e.interleave > 1)


def test_bits_of_bf16_are_those_of_f32():
    assert ELEMENTS["bf16"].numpy == np.uint16
