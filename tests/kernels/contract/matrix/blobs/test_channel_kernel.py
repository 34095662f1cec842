"""The channel schedule's kernel: its name, the unit's instructions, that its loops' order changes no bit."""

import re

import numpy as np
import pytest

from tests.kernels.checks import with_cache
from tests.kernels.contract.matrix.blobs.tiled import inner_loop, session_of
from tests.kernels.contract.words.nets import Case
from tests.kernels.integers import random_feed
from xdn.codegen.names import KernelName
from xdn.codegen.target import AMX, target_named
from xdn.element import REAL, S8, U8
from xdn.kernels.contract.matrix.blobs.channel_kernel import contraction
from xdn.kernels.contract.words.form import Form


def test_the_name_says_what_the_code_depends_on():
    name = contraction((2, 1), 16, Form(U8, REAL, "vnni", second=S8), target_named(AMX)).name
    assert str(name) == "channel_tiles_words16_u8xs8_projections8_2x1__amx"
    assert KernelName.parse(str(name)) == name


@pytest.mark.parametrize(("x", "instruction"), [(U8, "tdpbusd"), (S8, "tdpbssd")])
def test_the_loop_of_the_real_unit(x, instruction):
    """Positions are the rows, whose sign is the first one's."""
    loop = inner_loop(contraction((2, 2), 16, Form(x, x, "vnni"), target_named(AMX)))
    operations, load = re.findall(r"\t(t\w+)\t", loop), "tileloadd"
    assert operations == [*[instruction] * 2, load, instruction, load, instruction, load, load]
    # An address may be read again from the stack, to which no tile goes.
    assert len(re.findall(r"\(%r[sb]p\)", loop)) <= 1


def test_either_loop_may_be_the_inner_one(emulated, monkeypatch, rng):
    net = Case(((66, 6, 7),)).net(num_output=130, kernel_size=1)
    feed = random_feed(net, rng, 3)
    found, inner = [], []
    for core_cache_bytes in (1 << 12, 1 << 24):
        with_cache(monkeypatch, core_cache_bytes, emulated)
        for threads in (1, 3):
            session = session_of(net, "channel", threads=threads, members=threads)
            found += session.run(None, feed)
            session.close()
        inner += [step.descriptor.panels_inner for step in session.plan().steps if "x2__" in str(step.source.name)]
    assert inner == [0, 1]
    for each in found[1:]:
        np.testing.assert_array_equal(each, found[0])
