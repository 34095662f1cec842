"""What a search for each layer's way found."""

from xdn.report.documents import SearchDocument
from xdn.report.page.blocks import Block, Cell, Column, Grid, word
from xdn.report.page.results import Results
from xdn.report.page.section import Content, section
from xdn.report.page.sections.tuning import about, best_so_far
from xdn.report.page.words import Words


@section("operators", 55)
def operators(results: Results, words: Words) -> Content:
    """The best choice of each operator, relative to what the rules choose."""
    found = [run.operators for _, run in results.runs if run.operators]
    blocks: list[Block] = []
    for each in found:
        blocks += [_choices(each, words), *best_so_far(each.trials, words)]
    return (about(found[-1], words) if found else ""), blocks


def _choices(search: SearchDocument, words: Words) -> Grid:
    scores: dict[str, list[float]] = {}
    for trial in search.trials:
        if trial.score is not None and isinstance(name := trial.values.get("layer"), str):
            scores.setdefault(name, []).append(trial.score)
    rows = [
        (word(name), Cell(str(len(each)), len(each)), Cell(f"{min(each):.3f}", min(each)))
        for name, each in scores.items()
    ]
    columns = Column(words("operator"), words=True), Column(words("trials")), Column(words("relative_time"))
    return Grid.of(words("operators_scores"), columns, rows, long=True)
