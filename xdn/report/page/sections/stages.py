"""What the optimizer's stages did."""

from xdn.report.documents import OptimizeDocument
from xdn.report.page.blocks import Block, Cell, Column, Drawing, Grid, number, word
from xdn.report.page.charts.bars import Bar, bars
from xdn.report.page.results import Results
from xdn.report.page.section import Content, section
from xdn.report.page.words import Words
from xdn.report.quantities import count, difference


@section("stages", 70)
def stages(results: Results, words: Words) -> Content:
    """Multiplications and parameters after each stage, and what was changed."""
    found = [(name, each) for name, each in results.optimized if each.stages]
    blocks: list[Block] = []
    for name, each in found:
        blocks += _blocks(each, words("stages") if len(found) == 1 else name, words)
    return (words("stages_about", difference=difference(found[-1][1].difference)) if found else ""), blocks


def _blocks(optimized: OptimizeDocument, title: str, words: Words) -> list[Block]:
    first = optimized.cost_before
    rows: list[tuple[Cell, ...]] = [
        (word(words("as_read")), Cell(""), Cell(""), *_costs(first.macs, first.parameters), Cell(""))
    ]
    for report in optimized.stages:
        numbers = [Cell(str(len(notes)), len(notes)) for notes in (report.changes, report.refusals)]
        moved = number(report.difference, difference)
        rows.append((word(report.stage), *numbers, *_costs(report.cost.macs, report.cost.parameters), moved))
    names = ("changes", "refused", "macs", "parameters", "moved_by")
    columns = Column(words("stage"), words=True), *(Column(words(name)) for name in names)
    steps = [(words("as_read"), first.macs), *((report.stage, report.cost.macs) for report in optimized.stages)]
    # Stages that leave the multiplications as they are say nothing in a drawing.
    told = [step for at, step in enumerate(steps) if at == 0 or step[1] != steps[at - 1][1]]
    drawn = [Bar(name, macs, count(macs)) for name, macs in told]
    charts = [Drawing(words("macs"), bars(title, drawn))] if len(drawn) > 1 else []
    return [*charts, Grid.of(title, columns, rows)]


def _costs(macs: int, parameters: int) -> tuple[Cell, Cell]:
    return number(macs, count), number(parameters, count)
