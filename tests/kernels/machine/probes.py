"""What the tests of probes share."""

import numpy as np

from tests.codegen.kernels import call
from xdn.codegen.loader import process_loader
from xdn.kernels.core.aligned import aligned_vectors
from xdn.kernels.core.frame import Frame
from xdn.kernels.machine.probe import Probe


def run_probe(source, values, steps, around=1):
    """Run a probe and return the number that it leaves."""
    total = np.full(1, np.nan, np.float32)
    told = Probe(values=aligned_vectors(values), steps=steps, around=around, total=total)
    call(process_loader().address(source), told.words, Frame().words)
    return float(total[0])
