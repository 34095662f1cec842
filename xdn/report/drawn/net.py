"""A net as SVG: a box a layer, what is fused with it in the same box; coloured by time where a profile tells it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup

from xdn.graph.summary import LayerSummary, NetSummary
from xdn.report.drawn.layout import BOX_HEIGHT, BOX_WIDTH, Place, Way, laid_out
from xdn.report.page.blocks import shortened
from xdn.report.page.charts.heat import step_of
from xdn.report.page.charts.svg import element, text, tip
from xdn.report.quantities import count, duration, shape

#: Letters of a name, and of what stands below it, that fit into a box.
_NAME_LETTERS, _KIND_LETTERS = 26, 34

#: Layer -> milliseconds.
Times = Mapping[str, float]


@dataclass(frozen=True)
class Sheet:
    """A net as it is drawn: its title, its extents in pixels, and its elements."""

    title: str
    width: float
    height: float
    body: Markup


def sheet(summary: NetSummary, times: Times, title: str) -> Sheet:
    """Return a net as it is drawn; `times` are of its layers, empty where they are not known.

    Raises
    ------
    SettingError
        Where the library that lays graphs out is not installed.
    """
    layout = laid_out(len(summary.layers), edges_of(summary.layers))
    lines = [_line(way) for way in layout.ways]
    found = [times.get(layer.name) for layer in summary.layers]
    most = max((ms for ms in found if ms is not None), default=0.0)
    boxes = [
        _box(layer, centre, _colour(layer, ms, most), ms)
        for layer, centre, ms in zip(summary.layers, layout.centres, found, strict=True)
    ]
    boxes += [_box(summary.layers[number], centre, "again") for number, centre in layout.again]
    return Sheet(title, layout.width, layout.height, Markup("").join((*lines, *boxes)))


def edges_of(layers: Sequence[LayerSummary]) -> list[tuple[int, int]]:
    """Return (number of the layer that gives a blob, number of one that reads it), each pair once."""
    giver: dict[str, int] = {}
    found: dict[tuple[int, int], None] = {}
    for number, layer in enumerate(layers):
        for bottom in layer.bottoms:
            if bottom in giver:
                found[giver[bottom], number] = None
        giver.update(dict.fromkeys(layer.tops, number))
    return list(found)


def _line(way: Way) -> Markup:
    """Return a line that leaves and meets boxes upright."""
    (x, y) = way.points[0]
    curves = [
        f"C{a[0]:.1f} {(a[1] + b[1]) / 2:.1f} {b[0]:.1f} {(a[1] + b[1]) / 2:.1f} {b[0]:.1f} {b[1]:.1f}"
        for a, b in pairwise(way.points)
    ]
    return element("path", d=f"M{x:.1f} {y:.1f}{''.join(curves)}", class_="edge")


def _box(layer: LayerSummary, centre: Place, colour: str, ms: float | None = None) -> Markup:
    """Return a box with name, type and shape, and the time where it is known."""
    left, top = centre[0] - BOX_WIDTH / 2, centre[1] - BOX_HEIGHT / 2
    kind = " + ".join((layer.type, *layer.epilogue))
    extents = ", ".join("?" if each is None else shape(each[1:]) for each in layer.shapes)
    macs = f", {count(layer.cost.macs)} MACs" if layer.cost and layer.cost.macs else ""
    time = "" if ms is None else f" · {duration(1e-3 * ms)}"
    lines = (
        (layer.name, _NAME_LETTERS, "name"),
        (kind, _KIND_LETTERS, "kind"),
        (extents + time, _KIND_LETTERS, "kind"),
    )
    return element(
        "g", tip(f"{layer.name}: {kind}, {extents}{macs}{time}"),
        element("rect", x=left, y=top, width=BOX_WIDTH, height=BOX_HEIGHT, rx=6.0, class_=colour),
        *(
            text(centre[0], top + 17 + 15 * number, shortened(said, letters), "middle", class_)
            for number, (said, letters, class_) in enumerate(lines)
        ),
        class_="box",
    )  # fmt: skip


def _colour(layer: LayerSummary, ms: float | None, most: float) -> str:
    """Return the class of a box: a step of heat by its time, else whether it multiplies, has no arithmetic, or else."""
    if most > 0:
        return "cold" if ms is None else f"t{step_of(ms, most)}"
    if not layer.known:
        return "unknown"
    return "multiplies" if layer.cost and layer.cost.macs else "other"
