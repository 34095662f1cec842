"""The machine, the versions, and what the machine was measured to give."""

from xdn.evaluate.origin import LIBRARIES
from xdn.kernels.machine.model import Machine, Rate
from xdn.report.documents import Document, Host
from xdn.report.machine import marked
from xdn.report.page.blocks import Block, Cell, Column, Grid, number, word
from xdn.report.page.results import Results
from xdn.report.page.section import Content, section
from xdn.report.page.words import Words


@section("machine", 130)
def machine(results: Results, words: Words) -> Content:
    """Processor, system and versions of each result, and the machine's ceilings."""
    blocks: list[Block] = []
    told = [(name, document) for name, document in results.named if document.machine]
    if told:
        same: dict[tuple[str, ...], list[str]] = {}
        for name, document in told:
            same.setdefault(_facts(document), []).append(name)
        columns = Column(words("what"), words=True), *(Column(", ".join(names), words=True) for names in same.values())
        titles = (words("processor"), words("cpus"), words("system"), "Python", "XDN", *LIBRARIES)
        blocks.append(
            Grid.of(words("machine"), columns, [tuple(map(word, row)) for row in zip(titles, *same, strict=True)])
        )
    if results.machine:
        blocks.append(_ceilings(results.machine, words))
    sure = results.machine is None or results.machine.sure
    return ("" if sure else words("ceilings_unsure")), blocks


def _facts(document: Document) -> tuple[str, ...]:
    """Return what a result says of its machine and its versions."""
    host = document.machine or Host("")
    versions = (document.versions.get(name, "-") for name in LIBRARIES)
    return (host.processor or host.cpu, str(host.cpus or "-"), host.system, host.python, document.xdn, *versions)


def _ceilings(machine: Machine, words: Words) -> Grid:
    rows = [_rate(words("multiplies", element=name), rate, words("gmacs")) for name, rate in machine.macs.items()]
    for level in machine.levels:
        name = words("memory") if level.name == "memory" else level.name
        rows.append(_rate(words("reads_from", name=name), level.gbytes, words("gbytes")))
    rows.append((word(words("ghz")), number(machine.ghz, "{:.2f}".format), Cell(""), word("GHz")))
    columns = (
        Column(words("what"), words=True), Column(words("one_thread")),
        Column(words("all_threads", threads=machine.threads)), Column(words("unit"), words=True),
    )  # fmt: skip
    return Grid.of(words("ceilings"), columns, rows)


def _rate(title: str, rate: Rate, unit: str) -> tuple[Cell, ...]:
    one, together = marked(rate)
    return word(title), Cell(one, rate.one), Cell(together, rate.all), word(unit)
