"""The control for all other criteria."""

import zlib

import numpy as np

from xdn.graph import Array
from xdn.optimize.prune.channels import Group
from xdn.optimize.prune.criterion import CRITERIA, Criterion
from xdn.optimize.prune.evidence import Evidence


@CRITERIA.register("random")
class Random(Criterion):
    """Seeded random numbers, the control: what a criterion is worth is what it gains over this one."""

    def importance(self, group: Group, evidence: Evidence) -> Array:
        """Uniform in [0.5, 1.5), so that a global threshold thins all groups alike."""
        rng = np.random.default_rng([evidence.seed, zlib.crc32(group.name.encode())])
        return rng.uniform(0.5, 1.5, len(group.units))
