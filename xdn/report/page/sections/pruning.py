"""What pruning took out, group by group."""

from xdn.report.documents import PruningDocument
from xdn.report.page.blocks import Block, Cell, Column, Drawing, Grid, number, word
from xdn.report.page.charts.bars import Bar, bars
from xdn.report.page.charts.histograms import histograms
from xdn.report.page.results import Results
from xdn.report.page.section import Content, section
from xdn.report.page.words import Words
from xdn.report.pruning import group_layers
from xdn.report.quantities import count

#: Groups that are drawn, with their filters and with their importance.
_MOST, _HISTOGRAMS = 60, 24


@section("pruning", 80)
def pruning(results: Results, words: Words) -> Content:
    """Filters before and after, of each group, what they mattered, and what could not be thinned."""
    found = [each.pruning for _, each in results.optimized if each.pruning]
    blocks: list[Block] = []
    for each in found:
        blocks += _blocks(each, words)
    about = ""
    for each in found:
        costs = {f"macs_{when}": count(cost.macs) for when, cost in (("before", each.before), ("after", each.after))}
        sizes = {
            f"parameters_{w}": count(cost.parameters) for w, cost in (("before", each.before), ("after", each.after))
        }
        about = words("pruning_about", **costs, **sizes)
    return about, blocks


def _importance(pruning: PruningDocument, words: Words) -> list[Block]:
    """Return how the importance of filters is distributed, for the groups that lost most of it."""
    known = [(group, group.importance) for group in pruning.groups if group.importance]
    lost_most = sorted(known, key=lambda each: -each[1].gone)[:_HISTOGRAMS]
    drawn = [(group.group, found.counts, words("gone_share", share=f"{found.gone:.1%}")) for group, found in lost_most]
    title = words("importance")
    return [Drawing(title, histograms(title, drawn))] if drawn else []


def _blocks(pruning: PruningDocument, words: Words) -> list[Block]:
    drawn = [
        Bar(
            group.group, group.filters_after, f"{group.filters_before} -> {group.filters_after}", "own",
            group.filters_before,
        )
        for group in pruning.groups[:_MOST]
    ]  # fmt: skip
    rows = [
        (
            word(group_layers(group)),
            number(group.filters_before, str),
            number(group.filters_after, str),
            Cell(f"{group.filters_after / group.filters_before:.0%}" if group.filters_before else "-"),
            number(group.importance.gone if group.importance else None, "{:.1%}".format),
            word(group.criterion),
        )
        for group in pruning.groups
    ]
    columns = (
        Column(words("filters_of"), words=True),
        *(Column(words(name)) for name in ("before", "after", "left", "importance_gone")),
        Column(words("criterion"), words=True, first_out=1),
    )
    title = words("filters")
    blocks: list[Block] = [Drawing(title, bars(title, drawn))] if drawn else []
    blocks += _importance(pruning, words)
    blocks.append(Grid.of(words("pruning"), columns, rows, long=True))
    if pruning.locked:
        kept = [(word(f"{each.layer} ({each.type})"), word(f"{each.filters} / {each.of}"), word(each.reason))
                for each in pruning.locked]  # fmt: skip
        named = [Column(words(name), words=True) for name in ("layer", "filters", "kept_since")]
        blocks.append(Grid.of(words("locked"), named, kept))
    return blocks
