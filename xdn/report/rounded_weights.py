"""Which weights were rounded to few bits, as a table, a line and JSON."""

from typing import TYPE_CHECKING, Any

from rich.table import Table

from xdn.frontend.caffe.weights.packed import packed_bytes
from xdn.graph import Layer
from xdn.graph.epilogue import PROJECTION_PREFIX
from xdn.report.quantities import count, size
from xdn.report.section import table

if TYPE_CHECKING:
    from xdn.optimize.quantize.weights_only import RoundedWeights


def rounded_table(rounded: "RoundedWeights") -> Table:
    """Return a table with a row for each layer with rounded weights: how many, of how many bits, in how many bytes."""
    rows = []
    for layer in map(rounded.net.layer, rounded.choice.layers):
        weights, bits = _weights(layer), layer.integer_weights[0].weight_bits
        rows.append((layer.name, count(weights), str(bits), size(packed_bytes(weights, bits))))
    return table(("layer", "weights", "bits", "packed"), rows, words=1)


def rounded_conclusion(rounded: "RoundedWeights") -> str:
    """Return one line: how many layers have rounded weights, and of how many bits a weight is on average."""
    layers = [rounded.net.layer(name) for name in rounded.choice.layers]
    weights = sum(map(_weights, layers))
    bits = sum(_weights(layer) * layer.integer_weights[0].weight_bits for layer in layers)
    of = len(layers) + len(rounded.choice.kept)
    average = f", {bits / weights:.3g} bits a weight on average" if weights else ""
    return f"rounded: the weights of {len(layers)} of {of} layers{average}; all is computed in f32"


def rounded_kept_lines(rounded: "RoundedWeights") -> list[str]:
    """Return why each layer with filters whose weights are not rounded keeps f32, one a line."""
    lines = [f"  - {name}: keeps f32: {why}" for name, why in rounded.choice.kept.items()]
    return ["round weights:", *lines] if lines else []


def rounded_document(rounded: "RoundedWeights") -> dict[str, Any]:
    """Return everything but the net as JSON values."""
    bits = {name: rounded.net.layer(name).integer_weights[0].weight_bits for name in rounded.choice.layers}
    return {"bits": bits, "kept": dict(rounded.choice.kept)}


def _weights(layer: Layer) -> int:
    """Return how many weights the filters of a layer have, those of a fused projection among them."""
    names = ("weight", f"{PROJECTION_PREFIX}weight")
    return sum(int(layer.weights[name].size) for name in names if name in layer.weights)
