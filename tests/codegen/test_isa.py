"""Instruction sets: which one is chosen, whether its tile fits, and that all of them compute the same."""

import numpy as np
import pytest

from tests.codegen.kernels import python
from tests.kernels import checks
from xdn.codegen import isa as isa_module
from xdn.codegen.isa import ISAS, cpu_features, cpu_name, host_isa, isa_named
from xdn.runtime import plan, program


@pytest.mark.parametrize("isa", ISAS, ids=lambda isa: isa.name)
def test_tile_fits_the_registers(isa):
    rows, vectors = isa.tile()
    # Accumulators, the vectors of images, one broadcast scalar.
    assert rows * vectors + vectors + 1 <= isa.registers
    assert (rows + 1) * vectors + vectors + 1 > isa.registers - 1
    assert isa_named(isa.name) is isa


def test_the_design_s_tile():
    assert isa_named("avx512f").tile() == (14, 2)


def test_host_isa_is_the_best_that_the_processor_has():
    features = cpu_features()
    assert features.issuperset(host_isa().requires)
    for better in ISAS[: ISAS.index(host_isa())]:
        assert not features.issuperset(better.requires)


@pytest.mark.parametrize(
    ("model", "name"),
    [("haswell", "avx2"), ("znver3", "avx2"), ("skylake-avx512", "avx512f"), ("nehalem", "portable")],
)
def test_a_named_processor_stands_in_for_the_host(monkeypatch, model, name):
    monkeypatch.setenv("NUMBA_CPU_NAME", model)
    assert cpu_name() == model
    assert isa_module.host_isa.__wrapped__().name == name


@pytest.fixture(scope="module")
def host_outputs():
    """Return the outputs of all layer cases on this processor."""
    return checks.outputs_of_cases()


def _outputs_on(model, folder):
    path = folder / f"{model}.npz"
    python("import sys; from tests.kernels.checks import main; main(sys.argv[1])", path, NUMBA_CPU_NAME=model)
    with np.load(path) as found:
        return dict(found)


def _has(*features):
    return cpu_features().issuperset(features)


@pytest.mark.skipif(not _has("avx2", "fma"), reason="the processor cannot run AVX2 code")
def test_avx2_gives_the_bits_of_the_host(tmp_path, host_outputs):
    found = _outputs_on("haswell", tmp_path)
    assert found.pop("isa") == "avx2"
    assert found.keys() == host_outputs.keys()
    if not host_isa().fma:
        pytest.skip("the host's own kernels do not fuse")
    for key, array in found.items():
        np.testing.assert_array_equal(array, host_outputs[key], err_msg=key)


@pytest.mark.skipif(not _has("sse4.2"), reason="the processor is no x86 with SSE 4.2")
def test_processor_without_fused_multiply_add(tmp_path, host_outputs):
    found = _outputs_on("nehalem", tmp_path)
    assert found.pop("isa") == "portable"
    _compare_cases(found)


def _compare_cases(found, cases=checks.LAYER_CASES):
    """Compare outputs with the references, within each case's own bound."""
    for i, case in enumerate(cases):
        net = case.net()
        feed = checks.feed_for(net)
        expected = net.with_batch(checks.BATCH).forward(feed)
        for name in net.outputs:
            allowed = case.allowed(net, feed, expected[name])
            checks.assert_within(found[f"{i}/{name}"], expected[name], allowed)


@pytest.mark.parametrize("name", ["portable", "neon"])
def test_four_lanes_on_any_processor(monkeypatch, name):
    """LLVM makes the four-lane kernels, NEON's tile included, run on every processor.

    Only these layers' kernels are built from vectors; the others depend on the processor alone.
    """
    for module in (plan, program):
        monkeypatch.setattr(module, "host_isa", lambda: isa_named(name))
    cases = [case for case in checks.LAYER_CASES if case.type in ("Convolution", "InnerProduct")]
    _compare_cases(checks.outputs_of_cases(cases), cases)
