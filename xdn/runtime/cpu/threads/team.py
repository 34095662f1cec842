"""The frames of threads that share the work of one kernel, which meets at a barrier where it has to."""

from xdn.codegen.native import address
from xdn.kernels.core.barrier import Barrier
from xdn.kernels.core.frame import Frame
from xdn.runtime.cpu.threads.helpers import waiting_looks, yield_address


class Team:
    """Frames of so many threads, by none but one kernel at a time.

    Parameters
    ----------
    members : int
    """

    def __init__(self, members: int):
        self._barrier = Barrier(give_way=yield_address(), looks=waiting_looks(members))
        place = address(self._barrier.words)
        self._frames = [Frame(member=number, members=members, barrier=place) for number in range(members)]
        #: Of the frames.
        self.addresses = [address(frame.words) for frame in self._frames]
