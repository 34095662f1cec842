"""The contest's table, its waterfall and what follows from them, for a terminal and as Markdown."""

from xdn.evaluate.bars import Bar, Contest
from xdn.report.quantities import count, counted
from xdn.report.section import Section

#: Keys of the bars before the last one of a waterfall, in order; the first is where it starts.
STEPS = ("baseline", "pruned", "fused", "offline")
#: Keys of the bars after the default configuration's: another configuration, then other numbers than f32.
TUNED = "tuned"
INT8 = "int8"
NUMBERS = ("bf16", INT8)
#: Keys of the bars that other engines give.
OUTSIDE = ("caffe", "opencv")
#: Ends of the keys of one net's two rows: layer by layer, and fused.
UNFUSED, FUSED = "-1", "-2"


def contest_markdown(contest: Contest, machine: str) -> str:
    """Return all sections as Markdown, headed by what was run and where."""
    first = contest.bars[0]
    head = f"{first.images} images of {first.result.data}; median of {contest.rounds} rounds in turn; {machine}."
    return "\n".join([head, "", *(section.markdown() for section in sections(contest))])


def sections(contest: Contest) -> list[Section]:
    """Return the sections for which there are bars."""
    found = [_networks(contest)]
    if waterfall(contest):
        found += [_waterfall(contest), _outside(contest)]
    return [section for section in (*found, _figures(contest)) if section.rows]


def networks(contest: Contest) -> list[Bar]:
    """Return the bars of the table of networks, two for each; the original's come first."""
    single = {*STEPS, *OUTSIDE, TUNED, *NUMBERS}
    return [bar for bar in contest.bars if bar.key not in single]


def fused_networks(contest: Contest) -> list[Bar]:
    """Return the bars of the table of networks that are fused, one for each; the original's comes first."""
    return [bar for bar in networks(contest) if bar.key.endswith(FUSED)]


def waterfall(contest: Contest) -> list[Bar]:
    """Return the bars of the waterfall in order, the last ones of the pruned net in its final form; or none.

    The net is known by its file, which is that of the step before.
    """
    steps = [bar for bar in contest.bars if bar.key in STEPS]
    if not steps:
        return []
    last = [bar for bar in fused_networks(contest) if bar.result.net == steps[-1].result.net]
    return [*steps, *last, *(bar for bar in contest.bars if bar.key in (TUNED, *NUMBERS))]


def step_title(bar: Bar) -> str:
    """Return what a bar of the waterfall is called."""
    return bar.title if bar.key in (*STEPS, TUNED, *NUMBERS) else f"default configuration ({bar.key})"


def arithmetic(bar: Bar) -> tuple[str, str, str]:
    """Return executed MACs of an image, the least time that they take, and the bar's time as a multiple of it."""
    macs = count(bar.result.macs) if bar.result.macs else "-"
    if bar.limit_s is None:
        return macs, "-", "-"
    return macs, f"{1e3 * bar.limit_s:.0f}", f"{bar.seconds / bar.limit_s:.2f}x"


def _time(bar: Bar) -> tuple[str, str]:
    timed = bar.result.contest.images
    scaled = "" if timed == bar.images else f" (from {timed} images)"
    return f"{1e3 * bar.seconds:.0f}{scaled}", f"{bar.spread:.1%}"


def _networks(contest: Contest) -> Section:
    columns = ("", "fusion", "time, ms", "spread", "top-1, %", "top-5, %", "MACs", "MACs removed", "parameters removed")
    rows = []
    bars = networks(contest)
    for bar in bars:
        accuracy, original = bar.result.contest.counted, bars[0]
        top5 = "-" if accuracy.top5_percent is None else f"{accuracy.top5_percent:.2f}"
        removed = (f"{1 - bar.net_macs / original.net_macs:.1%}", f"{1 - bar.parameters / original.parameters:.1%}")
        fused = "yes" if bar.key.endswith(FUSED) else "no"
        rows.append((bar.key, fused, *_time(bar), f"{accuracy.percent:.2f}", top5, count(bar.net_macs), *removed))
    return Section("Networks", columns, tuple(rows))


_ARITHMETIC = ("MACs executed", "at the peak, ms", "time / that")


def _waterfall(contest: Contest) -> Section:
    columns = ("step", "time, ms", "spread", "factor", "from the start", *_ARITHMETIC, "top-1, %")
    bars = waterfall(contest)
    rows = []
    for before, bar in zip((None, *bars), bars, strict=False):
        title = _threads(step_title(bar), bar)
        factor = "" if before is None else f"{before.seconds / bar.seconds:.2f}x"
        total = "" if before is None else f"{bars[0].seconds / bar.seconds:.2f}x"
        accuracy = f"{bar.result.contest.counted.percent:.2f}"
        rows.append((title, *_time(bar), factor, total, *arithmetic(bar), accuracy))
    return Section("Waterfall", columns, tuple(rows))


def _threads(title: str, bar: Bar) -> str:
    batch = f", batch {bar.result.batch}" if bar.result.batch else ""
    return f"{title}, {counted(bar.result.threads, 'thread')}{batch}"


def _outside(contest: Contest) -> Section:
    columns = ("outside", "time, ms", "spread", "over the last step in f32", *_ARITHMETIC, "top-1, %")
    last = [bar for bar in waterfall(contest) if bar.key not in NUMBERS][-1]
    rows = []
    for bar in (bar for bar in contest.bars if bar.key in OUTSIDE):
        accuracy = f"{bar.result.contest.counted.percent:.2f}"
        factor = f"{bar.seconds / last.seconds:.1f}x"
        rows.append((_threads(bar.result.engine, bar), *_time(bar), factor, *arithmetic(bar), accuracy))
    return Section("Other engines on the original files", columns, tuple(rows))


def _figures(contest: Contest) -> Section:
    """Return, for each pruned net, what pruning cost in accuracy and gave in time; both fused."""
    bars = fused_networks(contest)
    rows = []
    for bar in bars[1:]:
        first = bars[0]
        points = bar.result.contest.counted.percent - first.result.contest.counted.percent
        macs = 1 - bar.result.macs / first.result.macs
        seconds = 1 - bar.seconds / first.seconds
        ratio = f"{seconds / macs:.2f}" if macs > 0 else "-"
        factor = f"{first.seconds / bar.seconds:.2f}x"
        rows.append((bar.key, f"{points:+.2f}", f"{macs:.1%}", f"{seconds:.1%}", ratio, factor))
    columns = ("against the original", "points", "executed MACs removed", "time removed", "time / MACs", "factor")
    return Section("Pruning", columns, tuple(rows))
