"""The batch schedule's kernel: its name, and that its loops' order changes no bit."""

import numpy as np
import pytest

from tests.kernels.checks import feed_for, one_layer_net, with_cache
from tests.kernels.contract.matrix.tiled import session_of
from xdn.codegen.names import KernelName
from xdn.codegen.target import target_named
from xdn.kernels.contract.matrix.batch_kernel import batch_matrix
from xdn.kernels.contract.matrix.kernel import Contracting
from xdn.kernels.core.choice import BF16X3, BF16X6


@pytest.mark.parametrize(
    ("algorithm", "registers", "epilogue", "target", "text"),
    [
        (BF16X6, 1, ("sum", "relu"), "amx", "tiles_x6_f32_sum_relu_1x2__amx"),
        (BF16X3, 2, ("projection",), "amx-emulated", "tiles_x3_f32_projection_2x2__amx-emulated"),
    ],
)
def test_the_name_says_what_the_code_depends_on(algorithm, registers, epilogue, target, text):
    name = batch_matrix(Contracting(algorithm), registers, epilogue, target_named(target)).name
    assert str(name) == text
    assert KernelName.parse(text) == name


def test_tiles_by_groups_give_the_bits_of_all_at_once(emulated, monkeypatch):
    net = one_layer_net("Convolution", (33, 3, 2), num_output=130, kernel_size=1)
    feed = feed_for(net, 40)
    found, groups = [], []
    for core_cache_bytes in (1 << 12, 1 << 16, 1 << 24):
        with_cache(monkeypatch, core_cache_bytes, emulated)
        session = session_of(net, "batch", BF16X6)
        found += session.run(None, feed)
        groups += [step.descriptor.tile_group for step in session.plan().steps if "2x2" in str(step.source.name)]
    assert groups == [1, 1, 4]
    for each in found[1:]:
        np.testing.assert_array_equal(each, found[0])
