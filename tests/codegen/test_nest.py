"""Nests: what kernels have in common is compiled once, and nothing else is taken for it."""

import numba
import numpy as np
import pytest
from llvmlite import ir
from numba.core import config

from tests.codegen.kernels import call
from xdn.codegen import nest
from xdn.codegen.cache import KernelCache
from xdn.codegen.jit import I64, VOID, WORDS, emitted, jitable
from xdn.codegen.loader import KernelLoader
from xdn.codegen.names import KernelName
from xdn.codegen.nest import nest_of
from xdn.codegen.source import KernelSource

SCALE = 3


def _adds(amount):
    @emitted(VOID, WORDS, I64)
    def put(builder, words, value):
        builder.store(builder.add(value, ir.Constant(ir.IntType(64), amount)), words)

    return put


def kernel(amount, op="add", *, factor=1, through=False):
    """Return a kernel that writes factor * descriptor[0] + amount, by way of a function that kernels call or not."""

    def make():
        put = _adds(amount)

        @jitable
        def put_scaled(frame, value):
            put(frame, factor * value)

        def direct(desc, frame):
            put(frame, factor * desc[0])

        def indirect(desc, frame):
            put_scaled(frame, desc[0])

        return indirect if through else direct

    return KernelSource(KernelName(op, "portable"), make)


@pytest.fixture
def run(tmp_path):
    loader = KernelLoader(KernelCache(tmp_path))

    def run(source):
        frame = np.zeros(1, np.int64)
        call(loader.address(source), np.int64([20]), frame)
        return frame[0]

    return run


@pytest.mark.parametrize("through", [False, True])
def test_kernels_that_differ_in_what_is_emitted_share_a_nest(run, through):
    first, second = kernel(1, "one", through=through), kernel(2, "two", through=through)
    assert nest_of(first)[0] is nest_of(second)[0]
    assert (run(first), run(second)) == (21, 22)


def test_kernels_that_differ_in_a_number_do_not(run):
    assert (run(kernel(1, "once")), run(kernel(1, "twice", factor=2)), run(kernel(1, "half", factor=0.5))) == (
        21,
        41,
        11,
    )


def test_kernels_that_differ_in_a_function_that_they_call_do_not(run):
    def made(op, more):
        def make():
            put = _adds(0)

            @jitable
            def changed(value):
                return value + 1 if more else value - 1

            def body(desc, frame):
                put(frame, changed(desc[0]))

            return body

        return KernelSource(KernelName(op, "portable"), make)

    assert (run(made("more", True)), run(made("less", False))) == (21, 19)


def test_kernels_that_differ_in_what_their_module_says_do_not(monkeypatch, run):
    def made(op):
        def make():
            put = _adds(0)

            def body(desc, frame):
                put(frame, SCALE * desc[0])

            return body

        return KernelSource(KernelName(op, "portable"), make)

    assert run(made("thrice")) == 60
    monkeypatch.setitem(globals(), "SCALE", 4)
    assert run(made("fourfold")) == 80


def test_kernels_that_differ_in_their_words_do_not():
    def words(*names):
        slots = {name: slot for slot, name in enumerate(names)}
        return type("Named", (), {"kinds": dict.fromkeys(names, I64), "slots": slots})

    def made(declared):
        def body(desc, frame):
            frame[0] = desc.a

        return KernelSource(KernelName("named", "portable"), lambda: body, (declared, None))

    first, second = (nest_of(made(words(*names)))[0] for names in (("a", "b"), ("b", "a")))
    assert first is not second


def test_what_a_known_nest_declares_is_forgotten():
    nest_of(kernel(1))
    before = len(nest.undeclared)
    nest_of(kernel(5))
    assert len(nest.undeclared) == before


def test_numba_optimizes_as_before_afterwards():
    before = config.OPT
    with pytest.raises(numba.TypingError):
        nest_of(KernelSource(KernelName("wrong", "portable"), lambda: lambda desc, frame: desc.nothing))
    assert config.OPT is before
