"""The processor as a value: vector length, registers and features that kernels are made for."""

import os
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from functools import cache, cached_property

import llvmlite.binding as llvm

from xdn import settings
from xdn.codegen.rates import USUAL, Rates
from xdn.codegen.tile_probe import tiles_work
from xdn.cpus import caches
from xdn.element import BF16, REAL, Element
from xdn.errors import SettingError

#: How a target multiplies tiles, where it does: by the instructions of Intel's AMX, or by vectors, to the same bits.
AMX, EMULATED = "amx", "emulated"
#: LLVM's name of what a processor must have to multiply tiles of 8-bit integers by AMX.
TILED_INTEGERS = "amx-int8"
#: How a target multiplies 8-bit numbers, to the same bits (`xdn/codegen/dots.py`).
VNNI, MADD, SDOT, PLAIN = "vnni", "madd", "sdot", "plain"
#: How some kernels do it where `MADD` is the processor's way, with weights that are made for it.
TWOS = "twos"
#: How a target looks bytes up in a table, beside `PLAIN` (`xdn/codegen/lookup.py`).
PERMUTE, SHUFFLE = "permute", "shuffle"
#: Beside `EMULATED`: how a target multiplies pairs of bf16 and rounds to bf16, to the same bits.
NATIVE = "native"


@dataclass(frozen=True)
class Target:
    """What kernels must know of the processor that they are made for.

    Parameters
    ----------
    name : str
        Its instruction set, the last part of a kernel's name, such as ``"avx512f"``.
    vector_bytes : int
        Bytes of one vector register.
    registers : int
        Vector registers that the instruction set names.
    features : tuple of str
        LLVM's names of the features that the processor must have.
    fma : bool
        Whether multiply-add is fused (one rounding); without it the last bits may differ.
    half : bool
        Whether half precision is converted by an instruction, as on all processors with AVX2.
    tiles : str, optional
        `AMX` or `EMULATED`: how tiles of bf16 are multiplied (`xdn/codegen/tiles.py`); None for not at all.
    tiles_integers : bool
        Whether tiles of 8-bit integers are, too.
    dots : str
        `VNNI`, `MADD`, `SDOT` or `PLAIN`: how 8-bit numbers are multiplied.
    lookup : str
        `PERMUTE`, `SHUFFLE` or `PLAIN`: how bytes are looked up in a table.
    pairs : str
        `NATIVE` or `EMULATED`: how pairs of bf16 are.
    core_cache_bytes : int
        The cache that a core has for itself (level 2); machine code does not depend on it.
    rates : Rates
        How fast it is; nor on these.
    """

    name: str
    vector_bytes: int
    registers: int
    features: tuple[str, ...] = ()
    fma: bool = True
    half: bool = True
    tiles: str | None = None
    tiles_integers: bool = False
    dots: str = PLAIN
    lookup: str = PLAIN
    pairs: str = EMULATED
    core_cache_bytes: int = settings.CORE_CACHE_BYTES
    rates: Rates = USUAL

    @cached_property
    def lanes(self) -> int:
        """Values of one vector register, in what is computed."""
        return self.vector_bytes // REAL.bytes

    @property
    def multiplies_bf16(self) -> bool:
        """Whether a unit multiplies bf16, by tiles or by pairs, so that it saves time."""
        return self.tiles is not None or self.pairs == NATIVE

    def way(self, element: Element) -> str:
        """Return how products of an element of 8 or 16 bits are made: `dots` or `pairs`."""
        return self.pairs if element == BF16 else self.dots

    def tile(self) -> tuple[int, int]:
        """Return the contraction kernel's largest tile: (rows of scalars, vectors).

        Two vectors share each broadcast scalar. Of the registers that remain beside these two, one
        holds the scalar and one stays free for addresses that the compiler spills.
        """
        vectors = 2
        return (self.registers - vectors - 2) // vectors, vectors

    @cached_property
    def block_images(self) -> int:
        """Images that lie innermost in a blob: those that one tile takes, so that a tile reads whole rows."""
        return self.lanes * self.tile()[1]


#: Best first. `portable` is what LLVM makes of four-lane vectors on any processor; the last one is for tests, and only
#: taken where it is asked for.
TARGETS = (
    Target(
        AMX,
        vector_bytes=64,
        registers=32,
        features=("avx512f", "fma", "amx-tile", "amx-bf16"),
        tiles=AMX,
        tiles_integers=True,
    ),
    Target("avx512f", vector_bytes=64, registers=32, features=("avx512f", "fma")),
    Target("avx2", vector_bytes=32, registers=16, features=("avx2", "fma")),
    Target("neon", vector_bytes=16, registers=32, features=("neon",)),
    Target("portable", vector_bytes=16, registers=16, fma=False, half=False),
    Target("amx-emulated", vector_bytes=64, registers=32, tiles=EMULATED, tiles_integers=True),
)

_WIDE = ((VNNI, {"avx512vnni"}), (MADD, {"avx512bw"}))
#: By target: how it may multiply 8-bit numbers, the best first, and what the processor must have for it.
_DOTS: Mapping[str, Sequence[tuple[str, Set[str]]]] = {
    **dict.fromkeys((AMX, "avx512f", "amx-emulated"), _WIDE),
    "avx2": ((VNNI, {"avxvnni"}), (VNNI, {"avx512vnni", "avx512vl"}), (MADD, {"avx2"})),
    "neon": ((SDOT, {"dotprod"}),),
}

_BYTES_OF_WIDE = ((PERMUTE, {"avx512vbmi"}), (SHUFFLE, {"avx512bw"}))
#: The same of looking bytes up.
_LOOKUPS: Mapping[str, Sequence[tuple[str, Set[str]]]] = {
    **dict.fromkeys((AMX, "avx512f", "amx-emulated"), _BYTES_OF_WIDE),
    "avx2": ((SHUFFLE, {"avx2"}),),
}


def ways_of(target: Target, features: Set[str]) -> list[str]:
    """Return how a processor with some features multiplies 8-bit numbers in a target's vectors, the best way first."""
    return _able(_DOTS, target, features)


def lookups_of(target: Target, features: Set[str]) -> list[str]:
    """Return how a processor with some features looks bytes up in a target's vectors, the best way first."""
    return _able(_LOOKUPS, target, features)


def _able(known: Mapping[str, Sequence[tuple[str, Set[str]]]], target: Target, features: Set[str]) -> list[str]:
    able = [way for way, needed in known.get(target.name, ()) if features >= needed]
    return list(dict.fromkeys((*able, PLAIN)))


#: By target: what the processor must have for multiplying pairs of bf16. NEON's instruction rounds otherwise.
_PAIRS: Mapping[str, Set[str]] = {
    **dict.fromkeys((AMX, "avx512f", "amx-emulated"), frozenset({"avx512bf16"})),
    "avx2": {"avx512bf16", "avx512vl"},
}


def pair_ways_of(target: Target, features: Set[str]) -> list[str]:
    """Return how a processor with some features multiplies pairs of bf16 in a target's vectors, the best way first."""
    able = target.name in _PAIRS and features >= _PAIRS[target.name]
    return [NATIVE, EMULATED] if able else [EMULATED]


def target_named(name: str) -> Target:
    """Return the target `name`, as kernel names spell it; raise SettingError for another."""
    for target in TARGETS:
        if target.name == name:
            return target
    known = ", ".join(target.name for target in TARGETS)
    raise SettingError(f"no target is called {name!r}", where="XDN_TARGET", mend=f"Known are {known}")


#: Features of the processor models that stand in for the host when NUMBA_CPU_NAME names them.
_FEATURES = {
    "haswell": {"avx2", "fma"},
    "skylake": {"avx2", "fma"},
    "znver3": {"avx2", "fma"},
    "skylake-avx512": {"avx2", "fma", "avx512f", "avx512bw", "avx512vl"},
    "znver4": {"avx2", "fma", "avx512f", "avx512bw", "avx512vl", "avx512vnni", "avx512bf16"},
}


def cpu_name() -> str:
    """Return the processor model that code is generated for (NUMBA_CPU_NAME, else the host's)."""
    return os.environ.get("NUMBA_CPU_NAME") or llvm.get_host_cpu_name()


def cpu_features() -> frozenset[str]:
    """Return LLVM's names of the features that generated code may use."""
    if os.environ.get("NUMBA_CPU_NAME"):
        return frozenset(_FEATURES.get(cpu_name(), ()))
    return frozenset(name for name, present in llvm.get_host_cpu_features().items() if present)


def cpu_feature_string() -> str:
    """Return the features that generated code may use beside those of `cpu_name`, in LLVM's form."""
    if os.environ.get("NUMBA_CPU_NAME"):
        return os.environ.get("NUMBA_CPU_FEATURES", "")
    return str(llvm.get_host_cpu_features().flatten())


@cache
def host_target() -> Target:
    """Return this processor, with the best instruction set that it has or the one that `XDN_TARGET` names.

    LLVM makes vectors of any length run on any processor, if slowly; tiles it does not.

    Raises
    ------
    SettingError
        Where `XDN_TARGET` names no target, or one whose tile unit is not there.
    """
    asked, features = settings.asked_target(), cpu_features()
    if asked:
        found = target_named(asked)
        if found.tiles == AMX and not multiplies_tiles():
            raise SettingError(
                "the tile unit of this processor is missing, or does not work",
                where="XDN_TARGET",
                mend="amx-emulated gives the same results, slowly",
            )
    else:
        able = (target for target in TARGETS if features.issuperset(target.features))
        found = next(target for target in able if target.tiles != AMX or multiplies_tiles())
    integers = found.tiles_integers and (found.tiles != AMX or TILED_INTEGERS in features)
    dots, lookup = ways_of(found, features)[0], lookups_of(found, features)[0]
    found = replace(found, tiles_integers=integers, dots=dots, lookup=lookup, pairs=pair_ways_of(found, features)[0])
    return replace(found, core_cache_bytes=_core_cache_bytes())


def multiplies_tiles() -> bool:
    """Return whether this process may use a tile unit of the processor, and it computes what it should."""
    features = cpu_features()
    able = features.issuperset(target_named(AMX).features)
    return able and tiles_work(repr((cpu_name(), sorted(features))))


def _core_cache_bytes() -> int:
    """Return the size of the cache of level 2 as the system tells it, else a default."""
    told = [cache.bytes for cache in caches() if cache.level == 2]
    return told[0] if told else settings.CORE_CACHE_BYTES
