"""How much memory a layer's packed weights and tables take: told before they are made."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Footprint:
    """Memory of a lowered layer.

    Parameters
    ----------
    kept : int
        Bytes of packed weights and tables, about.
    making : int
        Bytes that are taken beside them while they are made.
    """

    kept: int = 0
    making: int = 0

    def __add__(self, other: "Footprint") -> "Footprint":
        return Footprint(self.kept + other.kept, self.making + other.making)

    def __mul__(self, times: int) -> "Footprint":
        return Footprint(self.kept * times, self.making * times)
