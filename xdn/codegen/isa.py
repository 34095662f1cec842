"""Instruction sets: vector length, registers and features of the processor that runs the code."""

import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import llvmlite.binding as llvm

from xdn import settings
from xdn.errors import SettingError


@dataclass(frozen=True)
class Isa:
    """What kernels must know of an instruction set.

    Parameters
    ----------
    name : str
        The last part of a kernel's name, such as ``"avx512f"``.
    lanes : int
        f32 elements of one vector register.
    registers : int
        Vector registers that the instruction set names.
    requires : tuple of str
        LLVM's names of the features that a processor must have.
    fma : bool
        Whether multiply-add is fused (one rounding); without it the last bits may differ.
    """

    name: str
    lanes: int
    registers: int
    requires: tuple[str, ...] = ()
    fma: bool = True

    def tile(self) -> tuple[int, int]:
        """Return the contraction kernel's largest tile: (rows of scalars, vectors).

        Two vectors share each broadcast scalar. Of the registers that remain beside these two, one
        holds the scalar and one stays free for addresses that the compiler spills.
        """
        vectors = 2
        return (self.registers - vectors - 2) // vectors, vectors

    @property
    def block_images(self) -> int:
        """Images that lie innermost in a blob: those that one tile takes, so that a tile reads whole rows."""
        return self.lanes * self.tile()[1]


#: Best first. `portable` is what LLVM makes of four-lane vectors on any processor.
ISAS = (
    Isa("avx512f", lanes=16, registers=32, requires=("avx512f", "fma")),
    Isa("avx2", lanes=8, registers=16, requires=("avx2", "fma")),
    Isa("neon", lanes=4, registers=32, requires=("neon",)),
    Isa("portable", lanes=4, registers=16, fma=False),
)


def isa_named(name: str) -> Isa:
    """Return the instruction set called `name`, as kernel names spell it; raise SettingError for another name."""
    for isa in ISAS:
        if isa.name == name:
            return isa
    known = ", ".join(isa.name for isa in ISAS)
    raise SettingError(f"no instruction set is called {name!r}", where="XDN_ISA", mend=f"Known are {known}")


#: Features of the processor models that stand in for the host when NUMBA_CPU_NAME names them.
_FEATURES = {
    "haswell": {"avx2", "fma"},
    "skylake": {"avx2", "fma"},
    "znver3": {"avx2", "fma"},
    "skylake-avx512": {"avx2", "fma", "avx512f"},
    "znver4": {"avx2", "fma", "avx512f"},
}


def cpu_name() -> str:
    """Return the processor model that code is generated for (NUMBA_CPU_NAME, else the host's)."""
    return os.environ.get("NUMBA_CPU_NAME") or llvm.get_host_cpu_name()


def cpu_features() -> frozenset[str]:
    """Return LLVM's names of the features that generated code may use."""
    if os.environ.get("NUMBA_CPU_NAME"):
        return frozenset(_FEATURES.get(cpu_name(), ()))
    return frozenset(name for name, present in llvm.get_host_cpu_features().items() if present)


@cache
def host_isa() -> Isa:
    """Return the best instruction set that the processor has, or the one that `XDN_ISA` names.

    LLVM makes vectors of any length run on any processor, if slowly.
    """
    asked = settings.asked_isa()
    if asked:
        return isa_named(asked)
    features = cpu_features()
    return next(isa for isa in ISAS if features.issuperset(isa.requires))


@cache
def core_cache_bytes() -> int:
    """Return the size of the cache that a core has for itself (level 2), as the system tells it, else a default."""
    for level in Path("/sys/devices/system/cpu/cpu0/cache").glob("index*"):
        try:
            if (level / "level").read_text().strip() == "2":
                return int((level / "size").read_text().strip().removesuffix("K")) << 10
        except (OSError, ValueError):
            continue
    return settings.CORE_CACHE_BYTES
