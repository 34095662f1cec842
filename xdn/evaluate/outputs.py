"""What a net gives, where that is not scores of classes."""

from dataclasses import dataclass

import numpy as np

from xdn.graph import Array


@dataclass(frozen=True)
class Output:
    """What one output of a net was in a call.

    Parameters
    ----------
    name : str
    shape : tuple of int
    least, most : float or None
        Of its finite values; None where it has none.
    invalid : int
        Values that are not finite numbers.
    """

    name: str
    shape: tuple[int, ...]
    least: float | None
    most: float | None
    invalid: int = 0

    @staticmethod
    def of(name: str, values: Array) -> "Output":
        """Return what `values` are."""
        finite = values[np.isfinite(values)]
        least, most = (float(finite.min()), float(finite.max())) if finite.size else (None, None)
        return Output(name, values.shape, least, most, values.size - finite.size)
