"""The kernels' IR is that of the recorded digests: a refactoring either changes nothing or says what it changed."""

import pytest
from llvmlite import ir

from tests.codegen.kernels import python
from tests.kernels import ir_digests
from xdn.codegen.names import KernelName
from xdn.codegen.target import host_target, target_named
from xdn.kernels.contract.batch_kernel import contraction
from xdn.kernels.contract.channel import tiles_of

#: All kernels in all their forms are emitted several times.
pytestmark = pytest.mark.slow


def test_ir_is_as_recorded():
    found, recorded = ir_digests.digests(), ir_digests.recorded()
    changed = sorted(name for name in found.keys() & recorded.keys() if found[name] != recorded[name])
    report = {
        "changed": changed,
        "new": sorted(found.keys() - recorded.keys()),
        "gone": sorted(recorded.keys() - found.keys()),
    }
    assert not any(report.values()), (
        f"the kernels' IR: {report}. Where that is meant, write the digests again: {ir_digests.COMMAND}"
    )


def test_every_instruction_set_tile_and_epilogue_is_digested():
    names = [KernelName.parse(name) for name in ir_digests.recorded()]
    for target in ir_digests.VECTORS:
        own = [name for name in names if name.isa == target.name]
        rows = {name.tile[0] for name in own if name.tile and not name.op.startswith("channel")}
        assert rows == set(range(1, target.tile()[0] + 1))
        assert {name.tile for name in own if name.op == "channel_contract"} == {*tiles_of(target), (2, 2)}
        for op in ("contract", "channel_contract"):
            known = {*ir_digests.epilogues(), *ir_digests.projections()}
            assert {n.epilogue for n in names if (n.isa, n.op) == (target.name, op)} == known
        for op in (
            "depthwise",
            "winograd2",
            "winograd4",
            "strassen_spread",
            "channel_depthwise",
            "channel_strassen_spread",
            "channel_winograd2",
            "channel_winograd4",
        ):
            known = set(ir_digests.kinds_of_epilogue())
            assert {n.epilogue for n in names if (n.isa, n.op) == (target.name, op)} == known
        for op in ("contract", "winograd4"):
            assert {n.tile[0] for n in names if (n.isa, n.op) == (target.name, op)} == rows


def test_kernels_differ():
    """No digest stands for two kernels of an instruction set, so that none was made of nothing."""
    for target in ir_digests.VECTORS:
        own = [digest for name, digest in ir_digests.recorded().items() if KernelName.parse(name).isa == target.name]
        assert len(set(own)) == len(own)


def test_digests_depend_neither_on_the_process_nor_on_the_processor():
    """Another seed of hashes, processor model, block and notation of pointers, and kernels compiled before.

    A part of the kernels shows it: emitting all takes a minute.
    """
    code = """
from tests.kernels import ir_digests
from xdn.codegen.compiler import compile_kernel
from xdn.codegen.target import host_target
from xdn.kernels.machine.clock import clock
compile_kernel(clock(host_target()))
print(ir_digests.as_text(ir_digests.digests(every=7)), end="")
"""
    flags = {"NUMBA_CPU_NAME": "generic", "PYTHONHASHSEED": "7", "LLVMLITE_ENABLE_IR_LAYER_TYPED_POINTERS": "0"}
    # Another block of images than this process's: 8, or 32 where its own is 8.
    smallest = target_named("portable")
    flags["XDN_TARGET"] = smallest.name if smallest.block_images < host_target().block_images else "avx512f"
    elsewhere = dict(line.split() for line in python(code, timeout=900, **flags).splitlines())
    recorded = ir_digests.recorded()
    assert len(elsewhere) >= len(recorded) / 8
    assert elsewhere == {name: recorded[name] for name in elsewhere}


def test_pointers_read_alike_in_both_notations():
    typed = '%".3" = bitcast float* %"x" to <16 x float>*\n%".4" = load <16 x float>, <16 x float>* %".3"\n'
    untyped = '%".3" = load <16 x float>, ptr %"x"\n'
    assert ir_digests.canonical(typed) == ir_digests.canonical(untyped) == "%0 = load <16 x float>, ptr %1\n"


def test_an_instruction_more_changes_the_digest(monkeypatch):
    """The tile adds its residual in another order: same names, same number of instructions."""
    target = target_named("avx2")
    source = contraction(2, ("sum",), target)
    before = ir_digests.digest(source, target)
    assert ir_digests.digest(source, target) == before
    add = ir.IRBuilder.fadd
    monkeypatch.setattr(ir.IRBuilder, "fadd", lambda self, a, b, name="", flags=(): add(self, b, a, name, flags))
    assert ir_digests.digest(source, target) != before
