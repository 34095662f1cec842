"""Machines for the tests of rules, stored as `xdn-inspect --machine --json` writes them.

`zen4` was measured; the others have rounded figures of such processors: `zen2` multiplies vectors of AVX2, two in a
cycle; `zen5` those of AVX-512, two in a cycle; `emerald_rapids` shares its cores with others, so that its loop with
loads is far from the registers' peak, and its memory is slow; `laptop` is a small one with AVX2 and small caches.
"""

import json
from dataclasses import replace
from pathlib import Path

from xdn.codegen.target import target_named
from xdn.kernels.machine.model import Machine, Rate

FOLDER = Path(__file__).parent
MACHINES = {path.stem: Machine.of(json.loads(path.read_text())) for path in sorted(FOLDER.glob("*.json"))}
ZEN4 = MACHINES["zen4"]


def rate(one, together=None, sure=True):
    """Return a rate; of all threads together it is that of one times 2 where nothing else is said."""
    return Rate(one, 2.0 * one if together is None else together, sure)


def target_of(machine):
    """Return the processor of a machine, as rules see it."""
    target = target_named(machine.instruction_set)
    (core,) = (level.bytes for level in machine.levels if level.name == "L2")
    return replace(target, core_cache_bytes=core, rates=machine.rates(target.lanes))
