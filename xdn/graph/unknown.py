"""A layer of a type that XDN does not have: a net with it can be looked at (`xdn.graph.summary`), but not run."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from xdn.errors import UnsupportedError
from xdn.graph.blob import Array, Blob
from xdn.graph.channels import ChannelRule
from xdn.graph.params import LayerParams, Weights


@dataclass(frozen=True)
class UnknownParams(LayerParams):
    """Stand in the place of the parameters of a type that is not registered.

    Parameters
    ----------
    type : str
        As the file spells it.
    """

    channel_rule: ClassVar = ChannelRule.FIXED

    type: str  # type: ignore[misc]  # of other layers it is the class that has a type

    def infer(self, bottoms: Sequence[Blob], n_tops: int) -> tuple[Blob, ...]:
        """Raise UnsupportedError: nothing tells the shapes."""
        raise self._unsupported()

    def reference(self, bottoms: Sequence[Array], weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """Raise UnsupportedError: nothing tells what the layer computes."""
        raise self._unsupported()

    def _unsupported(self) -> UnsupportedError:
        return UnsupportedError(f"XDN cannot run layers of the type {self.type!r}")
