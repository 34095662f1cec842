"""The batch schedule's kernel: its name, the unit's instructions, that its loops' order changes no bit."""

import re

import numpy as np
import pytest

from tests.kernels.checks import with_cache
from tests.kernels.contract.matrix.blobs.tiled import inner_loop, session_of
from tests.kernels.contract.words.nets import Case
from tests.kernels.integers import random_feed
from xdn.codegen.names import KernelName
from xdn.codegen.target import AMX, target_named
from xdn.element import S8, U8
from xdn.kernels.contract.matrix.blobs.batch_kernel import contraction
from xdn.kernels.contract.words.form import Form


@pytest.mark.parametrize(
    ("form", "registers", "depth", "target", "text"),
    [
        (Form(U8, U8, "vnni"), 2, 16, "amx", "tiles_words16_u8xs8_tou8_2x2__amx"),
        (Form(S8, S8, "plain", U8), 1, 5, "amx-emulated", "tiles_words5_s8xs8_sumu8_tos8_1x2__amx-emulated"),
    ],
)
def test_the_name_says_what_the_code_depends_on(form, registers, depth, target, text):
    name = contraction(registers, depth, form, target_named(target)).name
    assert str(name) == text
    assert KernelName.parse(text) == name


@pytest.mark.parametrize(("x", "instruction"), [(U8, "tdpbsud"), (S8, "tdpbssd")])
@pytest.mark.parametrize("registers", [1, 2])
def test_the_loop_of_the_real_unit(x, instruction, registers):
    """A load for each operand and step, right after its register's last use; nothing goes to the stack."""
    loop = inner_loop(contraction(registers, 16, Form(x, x, "vnni"), target_named(AMX)))
    operations = re.findall(r"\t(t\w+)\t", loop)
    assert operations.count(instruction) == 2 * registers
    assert operations.count("tileloadd") == 2 + registers
    if registers == 2:
        load = "tileloadd"
        assert operations == [*[instruction] * 2, load, instruction, load, instruction, load, load]
    assert not re.search(r"\(%r[sb]p\)", loop)
    # Two words of the table, where they lie, and the loop itself.
    assert len(re.findall(r"\n\t[a-su-z]\w+", loop)) <= 16


def test_tiles_by_groups_give_the_bits_of_all_at_once(emulated, monkeypatch, rng):
    net = Case(((66, 3, 2),)).net(num_output=130, kernel_size=1)
    feed = random_feed(net, rng, 40)
    found, groups = [], []
    for core_cache_bytes in (1 << 12, 1 << 16, 1 << 24):
        with_cache(monkeypatch, core_cache_bytes, emulated)
        session = session_of(net, "batch")
        found += session.run(None, feed)
        groups += [step.descriptor.tile_group for step in session.plan().steps if "2x2" in str(step.source.name)]
    assert groups == [1, 4, 4]
    for each in found[1:]:
        np.testing.assert_array_equal(each, found[0])
