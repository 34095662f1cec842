"""The contraction kernel's own promises: its name, its chain of fused multiply-adds, its registers."""

import itertools
import re

import numpy as np
import pytest

from tests.kernels.checks import feed_for, make_params, one_layer_net
from xdn.codegen.compiler import assembly
from xdn.codegen.names import KernelName
from xdn.codegen.target import cpu_features, host_target, target_named
from xdn.graph import Epilogue
from xdn.kernels.contract.batch_kernel import contraction
from xdn.runtime.session import Session


@pytest.mark.parametrize(
    "epilogue", [(), ("sum",), ("relu",), ("sum", "relu"), ("projection",), ("projection", "tanh")]
)
def test_name(epilogue):
    target = target_named("avx2")
    name = contraction(5, epilogue, target).name
    assert name == KernelName("contract", "avx2", epilogue, (5, 2))
    assert KernelName.parse(str(name)) == name


AVX512_CODE = pytest.mark.skipif(
    not cpu_features().issuperset(target_named("avx512f").features), reason="the processor has no AVX-512"
)


def _assembly(source):
    return assembly(source)


@AVX512_CODE
@pytest.mark.parametrize("epilogue", [(), ("sum", "relu"), ("sum", "prelu")])
def test_avx512_tile_is_fused_and_stays_in_registers(epilogue):
    target = target_named("avx512f")
    rows, vectors = target.tile()
    assembly = _assembly(contraction(rows, epilogue, target))
    fused = re.findall(r"\tvfn?madd\d+ps\t.*%zmm", assembly)
    assert len(fused) >= rows * vectors
    assert epilogue or not re.search(r"\tvmulps\t.*%zmm", assembly)
    # An accumulator that leaves the registers is stored to the stack as a whole vector.
    assert not re.search(r"\tvmovu?a?ps\t%zmm\d+, -?\d*\(%r[sb]p\)", assembly)


@AVX512_CODE
@pytest.mark.parametrize("epilogue", [("elu",), ("sum", "sigmoid"), ("tanh",)])
def test_avx512_loop_stays_in_registers_whatever_the_epilogue_needs(epilogue):
    """Exponentials may use the stack after the loop over channels, never in it."""
    target = target_named("avx512f")
    rows, vectors = target.tile()
    labelled = re.split(r"\n(\.LBB\d+_\d+):", _assembly(contraction(rows, epilogue, target)))
    loops = [
        block
        for label, block in zip(labelled[1::2], labelled[2::2], strict=True)
        if re.search(rf"\tj\w+\t{re.escape(label)}\n", block) and "%zmm" in block
    ]
    assert [len(re.findall(r"\tvfn?madd\d+ps\t", block)) for block in loops] == [rows * vectors]
    assert "(%rsp)" not in loops[0]


@pytest.mark.skipif(not host_target().fma, reason="the processor has no fused multiply-add")
def test_chain_is_bias_first_then_taps_then_channels():
    """An exact emulation in f64: a product of two f32 is exact there, and one rounding to f32 follows the sum.

    The sum itself is rounded to 53 bits first. Values of 12 bits keep products and sums below that, so that the
    emulation is exact.
    """
    net = one_layer_net("Convolution", (5, 3, 3), num_output=3, kernel_size=3, pad=1)
    _check_chain(net, [("", 1)])


@pytest.mark.skipif(not host_target().fma, reason="the processor has no fused multiply-add")
def test_chain_of_two_sources_is_the_sum_of_biases_then_own_taps_then_the_others():
    """Both sources are 3x3, the second in steps of two; see the test of one source."""
    projection = make_params("Convolution", num_output=3, kernel_size=3, pad=1, stride=2)
    images = ((5, 3, 3), (4, 6, 5))
    epilogue = Epilogue(projection=projection)
    net = one_layer_net("Convolution", *images, epilogue=epilogue, num_output=3, kernel_size=3, pad=1)
    _check_chain(net, [("", 1), ("projection.", 2)])


def _check_chain(net, sources):
    """Compare a 3x3 convolution with padding 1 and a top of 3x3; `sources` are (prefix of the weights, stride)."""
    rng = np.random.default_rng(9)
    layer = net.layer("layer")

    def coarse(shape):
        return (rng.integers(-(2**11), 2**11, shape) / 2**9).astype(np.float32)

    weights = {name: coarse(array.shape) for name, array in layer.weights.items()}
    net = net.replace(layers=(*net.layers[:-1], layer.replace(weights=weights)))
    feed = {name: coarse((2, *blob.shape[1:])) * np.float32(1 + 2**-12) for name, blob in net.inputs.items()}
    (result,) = Session(net).run(None, feed)
    bias = np.sum([weights[f"{prefix}bias"] for prefix, _ in sources], axis=0, dtype=np.float32)
    for p, q in itertools.product(range(3), range(3)):
        acc = np.broadcast_to(bias, (2, 3)).astype(np.float32)
        for x, (prefix, stride) in zip(feed.values(), sources, strict=True):
            padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1))).astype(np.float64)
            for r, s, c in itertools.product(range(3), range(3), range(x.shape[1])):
                pixel = padded[:, c, p * stride + r, q * stride + s, None]
                acc = (acc + pixel * weights[f"{prefix}weight"][None, :, c, r, s]).astype(np.float32)
        np.testing.assert_array_equal(result[:, :, p, q], acc)


def test_nan_and_infinity_pass_through_as_in_the_reference():
    net = one_layer_net("Convolution", (3, 3, 3), num_output=14, kernel_size=3, pad=1)
    feed = feed_for(net, 4)
    x = feed["x0"]
    x[0, 1, 1, 1], x[1, 0, 0, 0], x[2, 2, 2, 2] = np.nan, np.inf, -np.inf
    with np.errstate(invalid="ignore"):
        expected = net.with_batch(4).forward(feed)["y0"]
    (result,) = Session(net).run(None, feed)
    # Where a reference multiplies padding by a finite weight nothing becomes NaN, so both agree everywhere.
    np.testing.assert_array_equal(np.isnan(result), np.isnan(expected))
    np.testing.assert_array_equal(result[np.isinf(expected)], expected[np.isinf(expected)])
    np.testing.assert_allclose(result[3], expected[3], rtol=1e-4, atol=1e-5)
