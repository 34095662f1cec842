"""The table of a profiled run: a row a layer."""

from collections.abc import Mapping

from xdn.report.page.blocks import Block, Cell, Column, Grid, number, word
from xdn.report.page.results import Results
from xdn.report.page.section import Content, section
from xdn.report.page.words import Words
from xdn.report.profile import kernels_of, numbers_of
from xdn.report.quantities import count, duration, shape, size
from xdn.runtime.profile import LayerProfile, Profile

#: Names of columns, whether they hold words, and which are left out first where there is little room.
COLUMNS = (
    ("layer", True, 0),
    ("type", True, 5),
    ("ms", False, 0),
    ("share", False, 0),
    ("predicted", False, 2),
    ("measured_over", False, 3),
    ("macs", False, 6),
    ("gflops", False, 9),
    ("of_peak", False, 1),
    ("precision", True, 4),
    ("kernel", True, 8),
    ("shape", True, 7),
    ("moved", False, 10),
    ("error", False, 11),
)


@section("layers", 30)
def layers(results: Results, words: Words) -> Content:
    """Time, multiplications, percent of peak, prediction, kernel, precision and error of each layer."""
    profiled = [(name, run.profile) for name, run in results.runs if run.profile]
    if not profiled:
        return "", []
    errors = {
        each.layer: each.sqnr_db
        for _, optimized in results.optimized
        if optimized.sensitivity
        for each in optimized.sensitivity.layers
    }
    blocks: list[Block] = []
    # Of many the first and the last one, which are compared.
    for name, profile in (profiled[-1], *profiled[:-1][:1]):
        title = words.titled("layers", name if len(profiled) > 1 else None)
        blocks.append(_grid(title, profile, errors, words))
    last = profiled[-1][1]
    threads = words("threads_of", number=last.workers)
    return words("layers_about", images=f"{last.images:,}", ms=duration(1e-3 * last.run_ms), threads=threads), blocks


def _grid(title: str, profile: Profile, errors: Mapping[str, float | None], words: Words) -> Grid:
    kept = COLUMNS if errors else COLUMNS[:-1]
    columns = [Column(words(name), words=is_words, first_out=out) for name, is_words, out in kept]
    most = max((layer.share for layer in profile.layers), default=0.0) or 1.0
    rows = [_row(layer, most, errors, words)[: len(kept)] for layer in profile.layers]
    total = _row(profile.total, 0.0, {}, words)[: len(kept)]
    return Grid.of(title, columns, rows, long=True, total=total)


def _row(layer: LayerProfile, most: float, errors: Mapping[str, float | None], words: Words) -> tuple[Cell, ...]:
    ratio = layer.ms / layer.predicted_ms if layer.predicted_ms else None
    error = errors.get(layer.name)
    exact = words("exact") if layer.name in errors else ""
    return (
        word(layer.name),
        word(layer.type),
        number(layer.ms, "{:.3f}".format),
        number(layer.share, "{:.1%}".format, bar=layer.share / most if most else None),
        Cell(f"{layer.predicted_ms:.3f}" if layer.predicted_ms else "", layer.predicted_ms or None),
        number(ratio, "{:.2f}".format, ""),
        Cell(count(layer.macs) if layer.macs else "", layer.macs or None),
        Cell(f"{layer.gflops:.1f}" if layer.macs else "", layer.gflops or None),
        Cell(f"{layer.peak_percent:.1f} %" if layer.macs else "", layer.peak_percent or None),
        word(numbers_of(layer)),
        word(kernels_of(layer)),
        word(", ".join(map(shape, layer.shapes))),
        Cell(size(layer.bytes) if layer.bytes else "", layer.bytes or None),
        Cell(exact if error is None else f"{error:.1f}", error),
    )
