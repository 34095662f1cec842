"""Which part of a step is one thread's, where several share the step."""

from xdn.codegen.jit import jitable


@jitable
def portion(frame, units):
    """Return the first unit of work that is the thread's, and the one after its last, of `units` in all."""
    member, members = frame.member, frame.members
    return units * member // members, units * (member + 1) // members
