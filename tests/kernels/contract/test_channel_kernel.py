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
from xdn.kernels.contract import channel
from xdn.kernels.contract.channel import tiles_of
from xdn.kernels.contract.channel_kernel import contraction
from xdn.kernels.core.choice import DIRECT, TILES, Choice
from xdn.kernels.core.layout import SCHEDULES
from xdn.runtime.configuration import Configuration
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


@pytest.mark.parametrize("own", [False, True], ids=["panels", "tiles"])
def test_threads_share_panels_or_tiles_whatever_their_number(own, monkeypatch):
    """Five tiles of positions and some panels: threads have all of one, parts of two, or a single tile of one."""
    monkeypatch.setattr(channel, "own_tiles_pay", lambda *_: own)
    net = one_layer_net("Convolution", (5, 3, 3), num_output=48, kernel_size=1)
    choice = {"channel": {"layer": Choice(DIRECT, (2, 1), TILES)}}
    feeds = [feed_for(net, 1, seed) for seed in (1, 2)]
    for threads in (1, 2, 3, 7):
        how = Configuration(threads=threads, members=threads, schedule="channel", choices=choice)
        session = Session(net, configuration=how)
        for feed in feeds:
            found = session.run(None, feed)[0]
            np.testing.assert_allclose(found, net.with_batch(1).forward(feed)["y0"], rtol=1e-4, atol=1e-5)
        (step,) = (step for step in session.plan().steps if step.source.name.op == "channel_contract")
        assert (step.descriptor.panels_inner, step.descriptor.own_tiles) == (0, own)
        session.close()
