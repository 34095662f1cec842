"""What a net should give, and how far f32 may lie from it: the oracle's values, and those of a net disturbed a little.

A kernel of f32 differs from f64 by its rounding, and what comes after it may enlarge the difference: a deviation of
almost 0 that is divided by, for one. How much a net enlarges is measured: in some trials every layer reads values that
are moved by up to `READ` of themselves, so that sums which cancel show, and gives values that are moved by up to
`GIVEN` of the blob's largest one. The largest change of a blob, times `FACTOR`, is what it may differ by. `READ` is 16
roundings of f32 (6e-8), `GIVEN` 160: more than sums of the some hundred terms that nets of this size have lose, and
Winograd's transforms. Axes that are confused move values by a tenth and more.

Indices do not change little by little. Where two candidates of an ArgMax lie nearer to each other than they may differ,
its top and what follows from it are not compared; but they are where these are equal by construction: inputs, moved.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from tools.fuzz.oracle import RULES, arg_max_rows
from xdn.graph import Layer, Net

Array = np.ndarray
READ, GIVEN, TRIALS, FACTOR = 1e-6, 1e-5, 3, 8.0
#: Every value may differ by so much of its blob's largest one.
LEAST = 2e-6
#: Layers that give values as they take them.
_MOVES = ("Concat", "Slice", "Reshape", "Flatten", "Permute", "Tile")


def compute(net: Net, feed: Mapping[str, Array], disturbed: np.random.Generator | None = None) -> dict[str, Array]:
    """Return all blobs in f64; `disturbed` moves what every layer that computes something reads and gives."""
    blobs = {name: array.astype(np.float64) for name, array in feed.items()}
    for layer in net.layers:
        if layer.params.is_input:
            continue
        moves = disturbed is not None and layer.type not in (*_MOVES, "ArgMax")
        bottoms = [blobs[name] for name in layer.bottoms]
        if moves:
            bottoms = [x + READ * _noise(x, disturbed) * np.abs(x) for x in bottoms]
        weights = {name: array.astype(np.float64) for name, array in layer.weights.items()}
        tops = RULES[layer.type](layer.params, bottoms, weights, len(layer.tops))
        if moves:
            tops = [y + GIVEN * _noise(y, disturbed) * np.abs(y).max() for y in tops]
        blobs |= dict(zip(layer.tops, tops, strict=True))
    return blobs


def _noise(like: Array, rng: np.random.Generator | None) -> Array:
    return np.asarray((rng or np.random.default_rng()).uniform(-1, 1, like.shape))


@dataclass
class Expected:
    """All blobs of a net, and how far each may lie from them.

    Parameters
    ----------
    values : mapping
        Blob -> f64.
    tolerances : mapping
        Blob -> the largest difference.
    fragile : set of str
        Blobs that cannot be compared.
    """

    values: dict[str, Array]
    tolerances: dict[str, float]
    fragile: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, net: Net, feed: Mapping[str, Array]) -> "Expected":
        """Compute a net, sized for the feed, and try how it reacts to disturbances."""
        values = compute(net, feed)
        most = {name: LEAST * float(np.abs(value).max()) for name, value in values.items()}
        for trial in range(TRIALS):
            for name, moved in compute(net, feed, np.random.default_rng(trial)).items():
                most[name] = max(most[name], FACTOR * float(np.abs(moved - values[name]).max()))
        made = cls(values, most)
        made._find_fragile(net)
        return made

    def _find_fragile(self, net: Net) -> None:
        exact = set(net.inputs)
        for layer in net.layers:
            if layer.type in _MOVES and exact.issuperset(layer.bottoms):
                exact.update(layer.tops)
            if not self.fragile.isdisjoint(layer.bottoms) or self._near(layer, exact):
                self.fragile.update(layer.tops)

    def _near(self, layer: Layer, exact: set[str]) -> bool:
        """Return whether the layer is an ArgMax, and rounding may change the indices that it gives."""
        if layer.type != "ArgMax":
            return False
        params, name = layer.params, layer.bottoms[0]
        rows, orders = arg_max_rows(params, self.values[name])
        among = np.take_along_axis(rows, np.array(orders), 1)[:, : params.top_k + 1]  # type: ignore[attr-defined]
        gaps = -np.diff(among, axis=1)
        tied = gaps == 0
        if name in exact:
            gaps = gaps[~tied]
        return bool((gaps <= 2 * self.tolerances[name]).any())

    def difference(self, name: str, found: Array) -> str | None:
        """Return what is wrong with a blob that was computed, None where it is what it should be."""
        value = self.values[name]
        if found.shape != value.shape:
            return f"blob {name!r} has the shape {found.shape} instead of {value.shape}"
        if name in self.fragile:
            return None
        away = np.abs(found - value)
        if (away <= self.tolerances[name]).all():
            return None
        at = np.unravel_index(np.nanargmax(np.where(np.isnan(away), np.inf, away)), away.shape)
        allowed = f"{self.tolerances[name]:.2g} is allowed"
        return f"blob {name!r} is {found[at]:.7g} instead of {value[at]:.7g} at {tuple(map(int, at))}; {allowed}"
