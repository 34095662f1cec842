"""The roofline: what each layer reaches, under what the machine was measured to give."""

from collections.abc import Sequence
from math import sqrt

from xdn.element import REAL
from xdn.kernels.machine.model import Machine
from xdn.report.page.blocks import Drawing
from xdn.report.page.charts.lines import Line, Plot, Point, plotted
from xdn.report.page.results import Results
from xdn.report.page.section import Content, section
from xdn.report.page.words import Words
from xdn.report.quantities import significant
from xdn.runtime.profile import LayerProfile, Profile

#: Layers that are drawn, and those of them that are named: those that take longest.
_MOST, _NAMED = 300, 3
#: The radius of a point that stands for all of the time, in pixels.
_RADIUS = 34.0


@section("roofline", 40)
def roofline(results: Results, words: Words) -> Content:
    """A point a layer over arithmetic intensity, and the machine's ceilings."""
    profiled = [run for _, run in results.runs if run.profile and any(layer.macs for layer in run.profile.layers)]
    machine = results.machine
    if not profiled or machine is None or not _is_sound(machine):
        return "", []
    profile = profiled[-1].profile
    assert profile is not None
    layers, about = _placed(profile), words("roofline_about")
    if len(layers) > _MOST:
        about += " " + words("roofline_longest", shown=_MOST)
    plot = _plot(profile, layers[:_MOST], machine, words)
    return about, [Drawing(words("roofline"), plotted(plot))]


def _placed(profile: Profile) -> list[LayerProfile]:
    """Return the layers that have a place on logarithmic axes, those that take longest first."""
    found = [each for each in profile.layers if each.macs and each.bytes and each.gflops > 0 and each.gbytes > 0]
    return sorted(found, key=lambda each: -each.share)


def _is_sound(machine: Machine) -> bool:
    """Return whether all ceilings are positive, so that they have a place on logarithmic axes."""
    rates = (*machine.macs.values(), *(level.gbytes for level in machine.levels))
    return bool(machine.levels) and REAL.name in machine.macs and all(min(rate.one, rate.all) > 0 for rate in rates)


def _plot(profile: Profile, layers: Sequence[LayerProfile], machine: Machine, words: Words) -> Plot:
    whole = profile.workers > 1
    flops = {name: 2 * (rate.all if whole else rate.one) for name, rate in machine.macs.items()}
    reads = [(level.name, level.gbytes.all if whole else level.gbytes.one) for level in machine.levels]
    points = [
        Point(
            layer.gflops / layer.gbytes, layer.gflops,
            f"{layer.name}: {layer.gflops:.0f} GFLOP/s, {layer.share:.1%}",
            max(3.0, _RADIUS * sqrt(max(layer.share, 0.0))), "point", layer.name if number < _NAMED else "",
        )
        for number, layer in enumerate(layers)
    ]  # fmt: skip
    peaks = [value for name, value in flops.items() if name == REAL.name or _multiplies(profile, name)]
    x = _decades([*(point.x for point in points), *(peak / rate for peak in peaks for _, rate in reads)])
    y = _decades([*(point.y for point in points), *peaks])
    lines = []
    for number, (name, rate) in enumerate(reads):
        end = min(x[1], max(peaks) / rate)
        start = max(x[0], y[0] / rate)
        if start < end:
            said = words("bandwidth_of", name=words("memory") if name == "memory" else name, gbytes=significant(rate))
            lines.append(Line(said, ((start, start * rate), (end, end * rate)), f"c{2 + number % 4}"))
    for name, peak in flops.items():
        if peak in peaks:
            said = words(
                "peak_of", element=name, threads=words("threads_of", number=profile.workers), gflops=f"{peak:.0f}"
            )
            lines.append(
                Line(
                    said,
                    ((min(peak / max(rate for _, rate in reads), x[1]), peak), (x[1], peak)),
                    "c1" if name == REAL.name else "c1 dashed",
                )
            )
    return Plot(words("roofline"), words("intensity"), words("gflops"), lines, points, True, True, x, y, 420)


def _multiplies(profile: Profile, element: str) -> bool:
    """Return whether a kernel of the profile has an element in its name."""
    return any(f"_{element}" in kernel for layer in profile.layers for kernel in layer.kernels)


def _decades(values: list[float]) -> tuple[float, float]:
    """Return the ends of an axis that holds all values, with room."""
    return min(values) / 2, max(values) * 2
