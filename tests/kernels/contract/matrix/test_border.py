"""Copies of blobs of 8 bits with zeros around the map."""

import pytest

from xdn.codegen.target import target_named
from xdn.element import S8, U8
from xdn.kernels.contract.matrix.border import copying


@pytest.mark.parametrize("element", [U8, S8])
def test_the_name_says_the_element(element):
    assert str(copying(element, target_named("amx")).name) == f"channel_border_{element.name}__amx"
