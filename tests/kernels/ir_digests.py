"""Digests of the LLVM IR that kernels' intrinsics emit, so that a refactoring shows which kernels it changed.

``python -m tests.kernels.ir_digests`` writes them to `FILE`, a line a kernel. What is digested is the IR before any
optimisation, emitted into a bare module and for the block of images of the kernel's own instruction set: neither the
processor nor Numba plays a part in it. The loops around it, which are Python that Numba compiles, are not digested, nor
what these do to make an address a pointer.
"""

import hashlib
import inspect
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from llvmlite import ir

from xdn.codegen.intrinsics import i64_at
from xdn.codegen.jit import Emitted
from xdn.codegen.source import KernelSource
from xdn.codegen.target import PLAIN, TARGETS, Target, pair_ways_of, ways_of
from xdn.element import BF16, REAL, S8, U8
from xdn.kernels.contract import batch_kernel as contraction
from xdn.kernels.contract import blas
from xdn.kernels.contract import channel as channel_convolution
from xdn.kernels.contract import channel_kernel as channel_contraction
from xdn.kernels.contract.words import batch_kernel as integers
from xdn.kernels.contract.words import channel_kernel as channel_integers
from xdn.kernels.contract.words.form import Form
from xdn.kernels.core import driver
from xdn.kernels.core.epilogue import ACTIVATIONS, PROJECTION, SUM
from xdn.kernels.core.layout import CHANNEL
from xdn.kernels.depthwise import batch as depthwise
from xdn.kernels.depthwise import channel as channel_depthwise
from xdn.kernels.depthwise import sliding
from xdn.kernels.depthwise.tiles import Sliding
from xdn.kernels.machine import clock, peak
from xdn.kernels.normalise import lrn, lrn_within, softmax
from xdn.kernels.pool import pooling
from xdn.kernels.strassen import batch_kernel as strassen_kernel
from xdn.kernels.strassen import channel_kernel as channel_strassen
from xdn.kernels.winograd import batch_kernel as winograd_kernel
from xdn.kernels.winograd import channel_kernel as channel_winograd

FILE = Path(__file__).with_name("ir_digests.txt")
COMMAND = "python -m tests.kernels.ir_digests"
#: Some intrinsics ask the module for its processor; the portable kernels know none.
TRIPLES = {
    "avx512f": "x86_64-unknown-linux-gnu",
    "avx2": "x86_64-unknown-linux-gnu",
    "neon": "aarch64-unknown-linux-gnu",
}

#: What processors may have for multiplying 8-bit numbers and bf16: all ways are digested.
ALL_FEATURES = ("avx2", "avx512bf16", "avx512bw", "avx512vl", "avx512vnni", "avxvnni", "dotprod")

#: Those with tiles have the vectors of another one.
VECTORS = tuple(target for target in TARGETS if target.tiles is None)

_TYPED_POINTER = re.compile(r"(?:<\d+ x \w+>|\w+)(?: \([^)]*\))?\*+")
_POINTER_CAST = re.compile(r'^\s*(%"[^"]*") = bitcast ptr (%"[^"]*") to ptr\n', re.M)


def projections() -> list[tuple[str, ...]]:
    """Return what names say of contractions with two sources: alone, with an activation."""
    return [(PROJECTION,), (PROJECTION, ACTIVATIONS["ReLU"].part)]


def epilogues() -> list[tuple[str, ...]]:
    """Return what kernel names say of every epilogue: none, a residual, each activation, and both."""
    parts = [(), *((activation.part,) for activation in ACTIVATIONS.values())]
    return [*parts, *((SUM, *part) for part in parts)]


def kinds_of_epilogue() -> list[tuple[str, ...]]:
    """Return one epilogue of each kind: none, a residual, an activation of one coefficient or of many, and both."""
    parts = [(), *((ACTIVATIONS[name].part,) for name in ("ReLU", "PReLU"))]
    return [*parts, *((SUM, *part) for part in parts)]


def sources(target: Target) -> Iterator[KernelSource]:
    """Return the kernels of an instruction set that emit IR of their own.

    All tiles without an epilogue, and every epilogue on the tile of two rows, because it is emitted alike for each row;
    two sources on the same. All kernels of a schedule end by the same code (`store_images`, `store_channels`): direct
    sums have every epilogue, the other kernels one of each kind. Winograd's products are alike for both of its
    algorithms: their tiles are digested once.
    """
    for rows in range(1, target.tile()[0] + 1):
        for epilogue in [*epilogues(), *projections()] if rows == 2 else [()]:
            yield contraction.contraction(rows, epilogue, target)
        for epilogue in kinds_of_epilogue() if rows == 2 else [()]:
            yield winograd_kernel.winograd(4, rows, epilogue, target)
    for epilogue in kinds_of_epilogue():
        yield winograd_kernel.winograd(2, 2, epilogue, target)
        yield strassen_kernel.strassen(2, epilogue, target, two_sizes=True)
        yield depthwise.depthwise(epilogue, target)
    yield softmax.softmax(target)
    yield from (lrn.across(target), lrn_within.within(target))
    yield from (pooling.pooling(op, target) for op in ("max_pool", "average_pool"))
    yield from channel_sources(target)
    for timed in (False, True):
        yield driver.driver(target, timed)
    yield clock.clock(target)
    yield peak.peak(target)
    yield from integer_sources(target)


def integer_sources(target: Target) -> Iterator[KernelSource]:
    """Return kernels of integers and bf16 in both schedules: in every way to multiply, and every kind of end."""
    forms = [Form(x, REAL, way) for x in (U8, S8) for way in ways_of(target, frozenset(ALL_FEATURES))]
    added = [{"residual": element} for element in (REAL, U8, S8)] + [{"second": S8}]
    forms += [Form(U8, top, PLAIN, **each) for top in (REAL, U8, S8) for each in added]
    forms += [Form(U8, S8, PLAIN, activation=word) for word in ("relu", "relu6", "prelu")]
    for form in forms:
        yield integers.contraction(4, form, target)
        yield channel_integers.contraction((2, 2), form, target)
    for way in pair_ways_of(target, frozenset(ALL_FEATURES)):
        own = replace(target, pairs=way)
        for form in (Form(BF16, REAL, way, second=BF16), Form(BF16, BF16, way, residual=BF16, activation="relu")):
            yield integers.contraction(4, form, own)
            yield channel_integers.contraction((2, 2), form, own)


def channel_sources(target: Target) -> Iterator[KernelSource]:
    """Return the kernels of the channel schedule: epilogues on one tile, every number of vectors without one.

    As in the other one, direct sums have every epilogue. BLAS's sums have all that it knows: it ends by its own code.
    """
    for tile in channel_convolution.tiles_of(target):
        yield channel_contraction.contraction(tile, (), target)
    for epilogue in [*epilogues()[1:], *projections()]:
        yield channel_contraction.contraction((2, 2), epilogue, target)
    for epilogue in kinds_of_epilogue():
        yield channel_strassen.strassen((2, 2), epilogue, target, two_sizes=True)
        for outputs in (2, 4):
            yield channel_winograd.winograd(outputs, (2, 2), epilogue, target)
        yield channel_depthwise.depthwise(epilogue, target)
        yield sliding.sliding(Sliding((3, 3), 1, (2, 2)), epilogue, target)
    for epilogue in epilogues():
        # Its ReLU has a coefficient for each channel, too: PReLU is the same.
        if ACTIVATIONS["PReLU"].part not in epilogue:
            yield blas.blas(epilogue, target)
    yield sliding.sliding(Sliding((3, 2), 2, (1, 3)), (), target)
    yield lrn.across(target, CHANNEL)
    yield lrn_within.within(target, CHANNEL)
    yield from (pooling.pooling(op, target, CHANNEL) for op in ("max_pool", "average_pool"))


def emitted_functions(function, seen: set[int] | None = None) -> dict[str, Emitted]:
    """Return name -> emitted function of all that a kernel's body and the functions that it calls name."""
    seen = set() if seen is None else seen
    found = {}
    names = inspect.getclosurevars(function)
    for name, value in (names.nonlocals | names.globals).items():
        if isinstance(value, Emitted) and value is not i64_at:
            found[name] = value
        elif inspect.isfunction(value) and id(value) not in seen:
            seen.add(id(value))
            found |= emitted_functions(value, seen)
    return found


def emitted(function: Emitted, target: Target) -> str:
    """Return the IR of a function whose parameters are the emitted one's and whose body it emits."""
    module = ir.Module("kernel")
    module.triple = TRIPLES.get(target.name, module.triple)
    parameters = [kind.llvm for kind in function.parameters]
    made = ir.Function(module, ir.FunctionType(ir.VoidType(), parameters), "kernel")
    irbuilder = ir.IRBuilder(made.append_basic_block("entry"))
    function.emit(irbuilder, *made.args)
    irbuilder.ret_void()
    return canonical(str(module))


def canonical(text: str) -> str:
    """Return IR with untyped pointers and values numbered in order, alike from all versions of llvmlite."""
    text = _TYPED_POINTER.sub("ptr", text)
    casts, numbers = dict(_POINTER_CAST.findall(text)), {}

    def number(found: re.Match) -> str:
        name = found[0]
        while name in casts:
            name = casts[name]
        return numbers.setdefault(name, f"%{len(numbers)}")

    return re.sub(r'%"[^"]*"', number, _POINTER_CAST.sub("", text))


def digest(source: KernelSource, target: Target) -> str:
    """Return the digest of what all intrinsics of a kernel emit."""
    parts = [f"{name}\n{emitted(each, target)}" for name, each in sorted(emitted_functions(source.make()).items())]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def digests(every: int = 1) -> dict[str, str]:
    """Return kernel name -> digest for all instruction sets; of `every` so many kernels the first."""
    chosen = [(source, target) for target in VECTORS for source in sources(target)][::every]
    return {str(source.name): digest(source, target) for source, target in chosen}


def as_text(found: dict[str, str]) -> str:
    """Return the content of `FILE`."""
    return "".join(f"{name} {value}\n" for name, value in sorted(found.items()))


def recorded() -> dict[str, str]:
    """Return the digests of `FILE`."""
    return dict(line.split() for line in FILE.read_text().splitlines())


if __name__ == "__main__":
    FILE.write_text(as_text(digests()))
