"""How the channels of a layer's tops, bottoms and weights belong together: what pruning must know."""

from dataclasses import dataclass
from enum import Enum

import numpy as np

from xdn.graph.blob import Array


class ChannelRule(Enum):
    """How a layer's top channels relate to its bottom channels (what pruning must know)."""

    #: The top's channels are the layer's own filters; each may read every bottom channel (of its group).
    FILTERS = "filters"
    #: Top channel t carries channel `channel_map(bottom)[t]` of each bottom; removing one removes the other. Where a
    #: layer cuts its bottom in parts, each top carries its part of them.
    CARRIED = "carried"
    #: Channels can be neither removed nor moved without changing what the layer means.
    FIXED = "fixed"


class Side(Enum):
    """Whose channels an axis of a weight runs over."""

    TOP = "top"
    BOTTOM = "bottom"


@dataclass(frozen=True)
class ChannelAxis:
    """An axis of a weight that runs over channels.

    Parameters
    ----------
    side : Side
        Of the layer's top, or of its only bottom.
    count : int
        Channels.
    each : int
        Entries of each channel, one after another.
    """

    side: Side
    count: int
    each: int = 1

    @property
    def extent(self) -> int:
        """Entries along the axis."""
        return self.count * self.each

    @property
    def channels(self) -> Array:
        """The channel (extent,) that each entry belongs to."""
        return np.repeat(np.arange(self.count), self.each)


#: The axes of a weight: an extent stands for one that does not run over channels.
WeightAxes = tuple[ChannelAxis | int, ...]


@dataclass(frozen=True, eq=False)
class Move:
    """Where the channels of a layer's only bottom lie in its only top, along whatever axis of each.

    Parameters
    ----------
    axis : int
        Of the top.
    channels : (extent,) int
        The label of each entry along it.
    labels : (C,) int
        The labels, from 0 on, of the bottom's channels; those of one label go together only.
    """

    axis: int
    channels: Array
    labels: Array
