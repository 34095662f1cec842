"""The channel schedule's contraction: its name, its registers, and that it sums as the batch schedule does."""

import re

import numpy as np
import pytest

from tests.kernels.checks import feed_for, make_params, one_layer_net
from xdn.codegen.compiler import assembly
from xdn.codegen.names import KernelName
from xdn.codegen.target import cpu_features, target_named
from xdn.element import BF16
from xdn.graph import Epilogue
from xdn.kernels.contract.channel import tiles_of
from xdn.kernels.contract.channel_kernel import contraction
from xdn.kernels.core.layout import SCHEDULES
from xdn.runtime.session import Session


@pytest.mark.parametrize("epilogue", [(), ("sum",), ("relu",), ("sum", "relu"), ("projection", "tanh")])
def test_name(epilogue):
    name = contraction((4, 2), epilogue, target_named("avx2")).name
    assert name == KernelName("channel_contract", "avx2", epilogue, (4, 2))
    assert KernelName.parse(str(name)) == name
    assert str(contraction((4, 2), epilogue, target_named("avx2"), BF16).name) != str(name)


@pytest.mark.skipif(
    not cpu_features().issuperset(target_named("avx512f").features), reason="the processor has no AVX-512"
)
@pytest.mark.parametrize("epilogue", [(), ("sum", "relu")])
def test_the_loop_over_channels_of_every_tile_stays_in_registers(epilogue):
    """As many fused multiply-adds a channel as the tile has accumulators, none of which is stored on the stack."""
    target = target_named("avx512f")
    for rows, vectors in tiles_of(target):
        labelled = re.split(r"\n(\.LBB\d+_\d+):", assembly(contraction((rows, vectors), epilogue, target)))
        loops = [
            block
            for label, block in zip(labelled[1::2], labelled[2::2], strict=True)
            if re.search(rf"\tj\w+\t{re.escape(label)}\n", block) and "vfmadd" in block
        ]
        # LLVM may take several channels at once.
        counts = [len(re.findall(r"\tvfmadd\d+ps\t.*%zmm", block)) % (rows * vectors) for block in loops]
        assert loops
        assert not any(counts), (rows, vectors)
        assert not any(re.search(r"%zmm\d+, -?\d*\(%r[sb]p\)", block) for block in loops), (rows, vectors)


@pytest.mark.parametrize(
    ("images", "params", "epilogue"),
    [
        (((5, 7, 6),), {"num_output": 19, "kernel_size": 3, "pad": 1}, None),
        (((5, 7, 6),), {"num_output": 19, "kernel_size": 3, "stride": 2}, Epilogue(activation=make_params("ReLU"))),
        (
            ((6, 4, 4), (3, 8, 8)),
            {"num_output": 8, "kernel_size": 1},
            Epilogue(projection=make_params("Convolution", num_output=8, kernel_size=1, stride=2)),
        ),
    ],
    ids=["plain", "activated", "projection"],
)
def test_both_schedules_agree_to_the_bit(images, params, epilogue):
    net = one_layer_net("Convolution", *images, epilogue=epilogue, **params)
    feed = feed_for(net, 3)
    found = [Session(net, schedule=schedule, winograd=False, threads=1).run(None, feed)[0] for schedule in SCHEDULES]
    assert len(found) == 2
    np.testing.assert_array_equal(*found)
    np.testing.assert_allclose(found[0], net.with_batch(3).forward(feed)["y0"], rtol=1e-4, atol=1e-5)
