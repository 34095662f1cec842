"""What calibration needs from the rest of XDN, passed in: images, and something that runs a net on them."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

import numpy as np

from xdn.graph import Array, Net
from xdn.optimize.check import Arrays, reference, run

#: Told how far something is: (done, in all), in images, layers or nets.
Progress = Callable[[int, int], None]


class Runner(Protocol):
    """Runs a net over batches."""

    def __call__(self, net: Net, blobs: Sequence[str], batches: Iterable[Arrays], /) -> Iterator[Arrays]:
        """Yield for each batch, inputs by name, the `blobs` by name."""
        ...


def referenced(net: Net, blobs: Sequence[str], batches: Iterable[Arrays]) -> Iterator[Arrays]:
    """Run a net by the NumPy references."""
    for batch in batches:
        found = run(reference, net, batch)
        yield {name: found[name] for name in blobs}


@dataclass(frozen=True, eq=False)
class Instruments:
    """What calibration may use.

    Parameters
    ----------
    batches : callable
        Gives the calibration images, a batch after another, as inputs of the net by name; the same at every call.
    runner : Runner
        What runs a net; by default the NumPy references.
    accuracy : callable, optional
        Gives the share of labelled images, none of those of `batches`, that a net says right.
    seconds : callable, optional
        Gives for each of several nets layer's name -> what the layer takes for an image on this machine.
    whole_batches : bool
        The net takes no other batches than those: where fewer images are asked for, it is one of them.
    scored : int
        How many images `accuracy` looks at.
    """

    batches: Callable[[], Iterable[Arrays]]
    runner: Runner = referenced
    accuracy: Callable[[Net], float] | None = None
    seconds: Callable[[Sequence[Net]], Sequence[Mapping[str, float]]] | None = None
    whole_batches: bool = False
    scored: int = 0

    def passes(self, net: Net, blobs: Sequence[str]) -> Iterator[Arrays]:
        """Run `net` over the calibration images; yield the `blobs` of one batch after another."""
        return self.runner(net, blobs, self.batches())

    def head(self, images: int) -> Iterator[Arrays]:
        """Yield the batches of so many of the first calibration images, of all where there are fewer."""
        if self.whole_batches:
            yield from islice(self.batches(), 1)
            return
        for batch in self.batches():
            taken = {name: array[:images] for name, array in batch.items()}
            yield taken
            images -= len(next(iter(taken.values())))
            if images <= 0:
                return

    def first(self, images: int) -> dict[str, Array]:
        """Return so many of the first calibration images, all where there are fewer, by input."""
        batches = list(self.head(images))
        return {name: np.concatenate([each[name] for each in batches]) for name in batches[0]}
