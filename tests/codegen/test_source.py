"""Sources of kernels: known by their names, made when they are compiled."""

import pytest

from tests.codegen.kernels import shift_source, uncompilable
from xdn.codegen.cache import KernelCache
from xdn.codegen.loader import KernelLoader
from xdn.codegen.names import KernelName
from xdn.codegen.source import KernelSource


def test_two_sources_of_one_name_are_one_kernel():
    one, other = shift_source(1), shift_source(2)
    assert one == other
    assert len({one, other, shift_source(1, op="more")}) == 2
    assert shift_source(1, isa="avx2") != one


def test_a_body_is_made_when_the_kernel_is_compiled_and_not_before(tmp_path):
    made = []

    def make():
        made.append(1)
        return lambda descriptor, frame: None

    source = KernelSource(KernelName("nothing", "portable"), make)
    loader = KernelLoader(KernelCache(tmp_path))
    assert made == []
    loader.prepare([source, source])
    assert made == [1]
    KernelLoader(KernelCache(tmp_path)).prepare([source])
    assert made == [1]


def test_what_fails_in_the_making_is_not_kept(tmp_path):
    source = uncompilable(KernelName("broken", "portable"))
    loader = KernelLoader(KernelCache(tmp_path))
    for _ in range(2):
        with pytest.raises(AssertionError, match="broken_f32__portable is compiled again"):
            loader.prepare([source])
