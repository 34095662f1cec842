"""Whether to multiply in bfloat16."""

from pathlib import Path

from xdn.graph.quantized import BITS

CPUINFO = Path("/proc/cpuinfo")
#: Flags of processors that multiply bfloat16 themselves; elsewhere it is emulated, many times slower than f32.
_NATIVE = {"avx512_bf16", "amx_bf16", "avx_ne_convert", "bf16"}


def has_native_bf16(cpuinfo: Path = CPUINFO) -> bool:
    """Return whether the processor multiplies bfloat16 itself, as far as the system tells."""
    if not cpuinfo.is_file():
        return False
    words = cpuinfo.read_text(errors="replace").split()
    return not _NATIVE.isdisjoint(words)


#: Up to so many bits of filters their sums of products may be rounded to bf16 where nobody says so.
_AUTO_BITS = 4


def bf16_wanted(asked: str) -> bool:
    """Return whether to train in bfloat16: ``"ON"``, ``"OFF"``, or ``"AUTO"``, where the processor has it."""
    return asked == "ON" or (asked == "AUTO" and has_native_bf16())


def bf16_bits(asked: str) -> int:
    """Return up to how many bits of filters products of integers are made in bfloat16; 0 for none."""
    if not bf16_wanted(asked):
        return 0
    return BITS if asked == "ON" else _AUTO_BITS
