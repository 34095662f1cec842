"""Which part of a step is one thread's, where several share the step."""

from xdn.codegen.jit import jitable
from xdn.kernels.core.layout import MEMBER, MEMBERS


@jitable
def portion(frame, units):
    """Return the first unit of work that is the thread's, and the one behind its last, of `units` in all."""
    return units * frame[MEMBER] // frame[MEMBERS], units * (frame[MEMBER] + 1) // frame[MEMBERS]
