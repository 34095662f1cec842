"""Machines for the tests of rules; figures are those of real ones, rounded."""

from xdn.kernels.machine.model import Level, Machine, Rate


def rate(one, together=None, sure=True):
    """Return a rate; of all threads together it is that of one times 2 where nothing else is said."""
    return Rate(one, 2.0 * one if together is None else together, sure)


#: An EPYC of 2023, two of its cores.
ZEN4 = Machine(
    processor="znver4",
    instruction_set="avx512f",
    threads=2,
    ghz=3.65,
    ghz_wide=3.65,
    macs={"f32": rate(58.5), "bf16": rate(117.0), "s8": rate(234.0)},
    tile_macs=rate(58.5),
    levels=(
        Level("L1", 32 << 10, 1, rate(204.0)),
        Level("L2", 1 << 20, 1, rate(108.0)),
        Level("L3", 32 << 20, 2, rate(88.0, 150.0)),
        Level("memory", 0, 2, rate(31.0, 53.0)),
    ),
    barrier_ns=200.0,
)
