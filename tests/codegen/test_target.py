"""Targets: which one is chosen, whether its tile fits, and that all of them compute the same."""

from dataclasses import replace

import numpy as np
import pytest

from tests.codegen.kernels import python
from tests.codegen.targets import RUNNABLE
from tests.kernels import checks
from xdn.codegen.target import (
    TARGETS,
    cpu_features,
    cpu_name,
    host_target,
    lookups_of,
    multiplies_tiles,
    pair_ways_of,
    target_named,
    ways_of,
)
from xdn.errors import SettingError


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_tile_fits_the_registers(target):
    rows, vectors = target.tile()
    # Accumulators, the vectors of images, one broadcast scalar.
    assert rows * vectors + vectors + 1 <= target.registers
    assert (rows + 1) * vectors + vectors + 1 > target.registers - 1
    assert target_named(target.name) is target


def test_the_design_s_tile():
    assert target_named("avx512f").tile() == (14, 2)


def test_a_block_is_the_images_of_one_tile():
    found = {target.name: target.block_images for target in TARGETS}
    assert found == {"amx": 32, "avx512f": 32, "avx2": 16, "neon": 8, "portable": 8, "amx-emulated": 32}


def test_host_target_is_the_best_that_the_processor_has(monkeypatch):
    monkeypatch.delenv("XDN_TARGET", raising=False)
    features, best = cpu_features(), host_target.__wrapped__()
    assert features.issuperset(best.features)
    names = [target.name for target in TARGETS]
    for better in TARGETS[: names.index(best.name)]:
        assert better not in RUNNABLE or not features.issuperset(better.features)
    monkeypatch.setenv("XDN_TARGET", "")
    assert host_target.__wrapped__() == best


@pytest.mark.parametrize("target", RUNNABLE, ids=lambda target: target.name)
def test_the_flag_names_the_target(monkeypatch, target):
    monkeypatch.setenv("XDN_TARGET", target.name)
    told = host_target.__wrapped__()
    assert told.dots == ways_of(target, cpu_features())[0]
    assert told.lookup == lookups_of(target, cpu_features())[0]
    assert told.pairs == pair_ways_of(target, cpu_features())[0]
    own = {name: getattr(target, name) for name in ("core_cache_bytes", "dots", "lookup", "pairs")}
    assert replace(told, **own) == target


@pytest.mark.parametrize(
    ("name", "features", "ways"),
    [
        ("avx512f", {"avx512bw", "avx512vnni"}, ["vnni", "madd", "plain"]),
        # A Skylake-X; and what has AVX-512 without operations on bytes.
        ("avx512f", {"avx512bw", "avxvnni"}, ["madd", "plain"]),
        ("avx512f", set(), ["plain"]),
        ("avx2", {"avx2", "avxvnni"}, ["vnni", "madd", "plain"]),
        ("avx2", {"avx2", "avx512vnni", "avx512vl"}, ["vnni", "madd", "plain"]),
        ("avx2", {"avx2", "avx512vnni"}, ["madd", "plain"]),
        ("neon", {"neon", "dotprod"}, ["sdot", "plain"]),
        ("portable", {"avx2", "dotprod"}, ["plain"]),
    ],
)
def test_how_8_bit_numbers_are_multiplied(name, features, ways):
    assert ways_of(target_named(name), features) == ways


@pytest.mark.parametrize(
    ("name", "features", "ways"),
    [
        ("avx512f", {"avx512bw", "avx512vbmi"}, ["permute", "shuffle", "plain"]),
        ("avx512f", {"avx512bw"}, ["shuffle", "plain"]),
        ("avx512f", set(), ["plain"]),
        ("avx2", {"avx2", "avx512vbmi"}, ["shuffle", "plain"]),
        ("portable", {"avx2"}, ["plain"]),
    ],
)
def test_how_bytes_are_looked_up(name, features, ways):
    assert lookups_of(target_named(name), features) == ways


@pytest.mark.parametrize(
    ("name", "features", "ways"),
    [
        ("avx512f", {"avx512bf16"}, ["native", "emulated"]),
        ("amx", {"avx512bf16", "avx512vl"}, ["native", "emulated"]),
        ("avx512f", {"avx512vnni", "avx512vl"}, ["emulated"]),
        ("avx2", {"avx512bf16"}, ["emulated"]),
        ("avx2", {"avx512bf16", "avx512vl"}, ["native", "emulated"]),
        ("neon", {"bf16"}, ["emulated"]),
        ("portable", {"avx512bf16", "avx512vl"}, ["emulated"]),
    ],
)
def test_how_pairs_of_bf16_are_multiplied(name, features, ways):
    assert pair_ways_of(target_named(name), features) == ways


@pytest.mark.skipif(multiplies_tiles(), reason="the processor has a tile unit")
def test_a_tile_unit_that_is_missing_is_refused(monkeypatch):
    monkeypatch.setenv("XDN_TARGET", "amx")
    with pytest.raises(SettingError, match=r"XDN_TARGET: the tile unit .* is missing.*amx-emulated gives the same"):
        host_target.__wrapped__()


@pytest.mark.parametrize("name", ["sse9", "AVX2", "avx2 "])
def test_an_unknown_target_is_refused_with_the_known(monkeypatch, name):
    monkeypatch.setenv("XDN_TARGET", name)
    with pytest.raises(SettingError) as refused:
        host_target.__wrapped__()
    known = "Known are amx, avx512f, avx2, neon, portable, amx-emulated"
    assert str(refused.value) == f"XDN_TARGET: no target is called {name!r}. {known}"


@pytest.mark.parametrize(
    ("model", "name"),
    [("haswell", "avx2"), ("znver3", "avx2"), ("skylake-avx512", "avx512f"), ("nehalem", "portable")],
)
def test_a_named_processor_stands_in_for_the_host(monkeypatch, model, name):
    monkeypatch.delenv("XDN_TARGET", raising=False)
    monkeypatch.setenv("NUMBA_CPU_NAME", model)
    assert cpu_name() == model
    assert host_target.__wrapped__().name == name


@pytest.fixture(scope="module")
def host_outputs():
    """Return the outputs of all layer cases on this processor."""
    return checks.outputs_of_cases()


#: Of all layer cases the part (the first, and of how many it is one) that another instruction set computes: each case
#: has one of them. Other tests run the kernels on all that the processor can run (`tests/kernels/test_isa_matrix.py`).
AVX2, NEON, PORTABLE = ((0, 1), (0, 1), (0, 1)) if checks.FULL_MATRIX else ((0, 2), (1, 4), (3, 4))


def _outputs_with(folder, part, **environment):
    """Return the instruction set and the outputs of a part of the cases of a process with these variables."""
    path = folder / "outputs.npz"
    code = f"import sys; from tests.kernels.checks import main; main(sys.argv[1], *{part})"
    python(code, path, timeout=600, **{"XDN_TARGET": ""} | environment)
    with np.load(path) as found:
        return dict(found)


def _has(*features):
    return cpu_features().issuperset(features)


@pytest.mark.skipif(not _has("avx2", "fma"), reason="the processor cannot run AVX2 code")
def test_avx2_gives_the_bits_of_the_host(tmp_path, host_outputs):
    found = _outputs_with(tmp_path, AVX2, NUMBA_CPU_NAME="haswell")
    assert found.pop("isa") == "avx2"
    assert {int(key.partition("/")[0]) for key in found} == checks.part_of_cases(*AVX2).keys()
    if not host_target().fma:
        pytest.skip("the host's own kernels do not fuse")
    _assert_same_bits(found, host_outputs)


def _assert_same_bits(found, outputs):
    assert found.keys() <= outputs.keys()
    for key, array in found.items():
        np.testing.assert_array_equal(array, outputs[key], err_msg=key)


# A processor without fused multiply-adds, below, has the portable one.
@pytest.mark.parametrize("name", ["avx512f", "neon", "portable"] if checks.FULL_MATRIX else ["neon"])
def test_an_instruction_set_that_is_asked_for_gives_the_bits_of_the_host(tmp_path, host_outputs, name):
    """On its own block of images: LLVM makes vectors of any length run on every processor, NEON's tile included."""
    found = _outputs_with(tmp_path, NEON, XDN_TARGET=name)
    assert found.pop("isa") == name
    if host_target().fma and target_named(name).fma:
        _assert_same_bits(found, host_outputs)
    _compare_cases(found, NEON)


@pytest.mark.skipif(not _has("sse4.2"), reason="the processor is no x86 with SSE 4.2")
def test_processor_without_fused_multiply_add(tmp_path):
    found = _outputs_with(tmp_path, PORTABLE, NUMBA_CPU_NAME="nehalem")
    assert found.pop("isa") == "portable"
    _compare_cases(found, PORTABLE)


def _compare_cases(found, part):
    """Compare outputs with the references, within each case's own bound."""
    for i, case in checks.part_of_cases(*part).items():
        net = case.net()
        feed = checks.feed_for(net, checks.COMMON_BATCH)
        expected = net.with_batch(checks.COMMON_BATCH).forward(feed)
        for name in net.outputs:
            allowed = case.allowed(net, feed, expected[name])
            checks.assert_within(found[f"{i}/{name}"], expected[name], allowed)
