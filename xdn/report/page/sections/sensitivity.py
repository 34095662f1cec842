"""What each layer loses by reading 8-bit integers."""

from xdn.report.documents import SensitivityDocument
from xdn.report.page.blocks import Block, Cell, Column, Drawing, Grid, number, word
from xdn.report.page.charts.bars import Bar, bars
from xdn.report.page.charts.histograms import histograms
from xdn.report.page.results import Results
from xdn.report.page.section import Content, section
from xdn.report.page.words import Words

#: Layers, and blobs, that are drawn: those that lose most, and the first ones.
_BARS, _HISTOGRAMS = 40, 24
#: Decibels at which a bar is coloured as one that loses much: a hundredth of the signal's power.
_MUCH_DB = 20.0


@section("sensitivity", 90)
def sensitivity(results: Results, words: Words) -> Content:
    """Signal over noise of each layer, accuracies of nets that differ in it, and histograms of what is read."""
    blocks: list[Block] = []
    about = ""
    for _, each in results.optimized:
        if each.sensitivity:
            found = each.sensitivity
            shares = {"f32": _percent(found.f32), "quantized": _percent(found.quantized)}
            about = words("sensitivity_about", **shares, images=f"{found.scored_images:,}")
            blocks += _blocks(found, words)
        if each.calibration and each.calibration.kept:
            rows = [(word(name), word(why)) for name, why in each.calibration.kept.items()]
            columns = [Column(words(name), words=True) for name in ("layer", "kept_since")]
            blocks.append(Grid.of(words("kept_f32"), columns, rows))
    return about, blocks


def _blocks(found: SensitivityDocument, words: Words) -> list[Block]:
    noisy = [(each.layer, each.sqnr_db) for each in found.layers if each.sqnr_db is not None]
    worst = sorted(noisy, key=lambda each: each[1])[:_BARS]
    drawn = [Bar(name, max(db, 0.0), f"{db:.1f} dB", "worse" if db < _MUCH_DB else "own") for name, db in worst]
    rows = [
        (
            word(each.layer),
            Cell(words("exact") if each.sqnr_db is None else f"{each.sqnr_db:.1f}", each.sqnr_db),
            number(each.cosine, "{:.6f}".format),
            Cell(_percent(each.alone), each.alone),
            Cell(_percent(each.others), each.others),
        )
        for each in found.layers
    ]
    columns = Column(words("layer"), words=True), *(Column(words(n)) for n in ("error", "cosine", "alone", "others"))
    blocks: list[Block] = [Drawing(words("sqnr_bars"), bars(words("sqnr_bars"), drawn))] if drawn else []
    blocks.append(Grid.of(words("sensitivity"), columns, rows, long=True))
    small = [
        (blob, each.counts, words("up_to", most=f"{each.bar * len(each.counts):.3g}"))
        for blob, each in list(found.histograms.items())[:_HISTOGRAMS]
    ]
    if small:
        blocks.append(Drawing(words("histograms"), histograms(words("histograms"), small)))
    return blocks


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.2f} %"
