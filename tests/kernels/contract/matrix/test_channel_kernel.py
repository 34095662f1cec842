"""The channel schedule's kernel: its name, and that its loops' order changes no bit, however threads share them."""

import numpy as np
import pytest

from tests.kernels.checks import feed_for, one_layer_net, with_cache
from tests.kernels.contract.matrix.tiled import session_of
from xdn.codegen.names import KernelName
from xdn.codegen.target import target_named
from xdn.kernels.contract.matrix.channel_kernel import channel_matrix
from xdn.kernels.contract.matrix.kernel import Contracting
from xdn.kernels.core.choice import BF16X3, BF16X6


@pytest.mark.parametrize(
    ("algorithm", "tile", "epilogue", "target", "text"),
    [
        (BF16X6, (1, 2), ("sum", "relu"), "amx", "channel_tiles_x6_f32_sum_relu_1x2__amx"),
        (BF16X3, (2, 1), (), "amx-emulated", "channel_tiles_x3_f32_2x1__amx-emulated"),
    ],
)
def test_the_name_says_what_the_code_depends_on(algorithm, tile, epilogue, target, text):
    name = channel_matrix(Contracting(algorithm), tile, epilogue, target_named(target)).name
    assert str(name) == text
    assert KernelName.parse(text) == name


def test_either_loop_may_be_the_inner_one(emulated, monkeypatch):
    net = one_layer_net("Convolution", (33, 6, 7), num_output=130, kernel_size=1)
    feed = feed_for(net, 3)
    found, inner = [], []
    for core_cache_bytes in (1 << 12, 1 << 24):
        with_cache(monkeypatch, core_cache_bytes, emulated)
        for threads in (1, 3):
            session = session_of(net, "channel", BF16X6, threads=threads, members=threads)
            found += session.run(None, feed)
        inner += [step.descriptor.panels_inner for step in session.plan().steps if "x2__" in str(step.source.name)]
    assert inner == [0, 1]
    for each in found[1:]:
        np.testing.assert_array_equal(each, found[0])
