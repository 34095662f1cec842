"""What a process has found out about its processor, for others that run the same net: machine code, and the machine."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from xdn.codegen.cache import generator_digest
from xdn.codegen.compiler import ObjectCode
from xdn.codegen.loader import process_loader
from xdn.kernels.machine.model import Machine
from xdn.runtime.machine import follow, this_machine

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Shipment:
    """The kernels of a process, and the machine that its rules choose for; it can be pickled.

    It holds machine code: take it only from whom you would let run programs.

    Parameters
    ----------
    digest : str
        Of all that decides machine code: `generator_digest`.
    kernels : mapping
        Name -> object code.
    machine : Machine
    """

    digest: str
    kernels: Mapping[str, ObjectCode]
    machine: Machine

    @classmethod
    def of_this_process(cls) -> "Shipment":
        """Return what this process has."""
        return cls(generator_digest(), process_loader().codes(), this_machine())

    def unpack(self) -> bool:
        """Let this process use it, before it makes sessions; return whether it can.

        Another processor, system or version has other machine code: there kernels are compiled, which the log says.
        """
        if self.digest != generator_digest():
            log.warning("kernels are compiled here: those that came are for another processor or another version")
            return False
        process_loader().receive(self.kernels)
        follow(self.machine)
        return True
