"""A heat map: a cell for each pair of a row and a column, paler where it costs less."""

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from xdn.report.page.charts.svg import drawing, element, text, text_width, tip

_CELL_WIDTH, _CELL_HEIGHT = 58, 28
#: Steps of colour, classes h0 (best) to h8.
STEPS = 9


def heat_map(
    title: str, cells: Mapping[tuple[str, str], float], rows: Sequence[str], columns: Sequence[str], column_title: str
) -> Markup:
    """Return a drawing of cells by (row, column); what was not measured stays empty."""
    left = max(map(text_width, rows)) + 16
    least, most = min(cells.values()), max(cells.values())
    parts = []
    for at, row in enumerate(rows):
        parts.append(text(left - 8, at * _CELL_HEIGHT + 19, row, "end"))
        for place, column in enumerate(columns):
            if (value := cells.get((row, column))) is not None:
                step = step_of(value - least, (most - least) or 1.0)
                parts.append(_cell(left + place * _CELL_WIDTH, at * _CELL_HEIGHT, value, step, f"{row}, {column}"))
    bottom = len(rows) * _CELL_HEIGHT
    for place, column in enumerate(columns):
        parts.append(text(left + (place + 0.5) * _CELL_WIDTH, bottom + 16, column, "middle", "tick"))
    width = left + len(columns) * _CELL_WIDTH
    parts.append(text((left + width) / 2, bottom + 34, column_title, "middle", "label"))
    return drawing(width + 8, bottom + 42, title, *parts)


def step_of(part: float, whole: float) -> int:
    """Return the step of colour of a part of a whole, the last one where it is all of it."""
    return min(STEPS - 1, int(STEPS * part / whole))


def _cell(x: float, y: float, value: float, step: int, said: str) -> Markup:
    box = element(
        "rect", tip(f"{said}: {value:.3f}"), x=x + 1, y=y + 1, width=_CELL_WIDTH - 2, height=_CELL_HEIGHT - 2,
        class_=f"h{step}",
    )  # fmt: skip
    return box + text(x + _CELL_WIDTH / 2, y + 19, f"{value:.2f}", "middle", f"on-h{step}")
