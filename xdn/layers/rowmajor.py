"""Where channels lie once the same values, in the same order, have another shape: Reshape and Flatten."""

from math import prod

import numpy as np

from xdn.graph import Move, Shape


def reshaped(bottom: Shape, top: Shape, axis: int) -> Move | None:
    """Return along which axis of `top` the channels lie that lie along `axis` of `bottom`; None for none.

    With s elements in a row of a channel, element f belongs to channel (f // s) % C. An axis of the top whose entries
    have t elements each, t a divisor of s, holds q = extent * t / s channels one after the other: all of them where C
    divides q, their remainders by q where q divides C. Of several axes the first of those with most of them is taken.
    """
    channels, after = bottom[axis], prod(bottom[axis + 1 :])
    found: Move | None = None
    most = 1
    for number in range(1, len(top)):
        extent, elements = top[number], prod(top[number + 1 :])
        if after % elements or extent * elements % after:
            continue
        run, held = after // elements, extent * elements // after
        if held % channels and channels % held:
            continue
        labels = min(held, channels)
        if labels > most:
            most = labels
            found = Move(number, np.arange(extent) // run % labels, np.arange(channels) % labels)
    return found
