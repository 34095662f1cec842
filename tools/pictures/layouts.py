"""The two layouts of one blob: what lies next to what, and where one value is."""

from collections.abc import Sequence

from translated import Say

from pictures.drawing import ACCENT, GREY, HEAD, LIGHT, OWN, SMALL, SOFT, WIDTH, Drawing, kib
from pictures.nets import plan_of
from xdn.kernels.core.layout import BATCH, CHANNEL, BlockLayout

NET, BLOB = "lenet", "conv1"
#: The value whose place is shown: image, channel, row, column.
VALUE = (5, 3, 1, 2)
_LEFT, _RIGHT, _HEIGHT, _GAP = 8, WIDTH - 8, 24, 36


def draw(say: Say) -> Drawing:
    """Draw a blob of a plan in both schedules."""
    layouts = [plan_of(NET, schedule).layouts[BLOB] for schedule in (BATCH, CHANNEL)]
    own = layouts[0]
    shape = f"{own.channels} x {own.height} x {own.width}"
    title = say("The two layouts of a blob of {} values an image, zoomed from a block to single vectors")
    drawing = Drawing(title.format(shape), say)
    drawing.text((_LEFT, 18), say("LeNet's blob {}: {} (C x H x W) f32").format(BLOB, shape), HEAD)
    n, c, h, w = VALUE
    marked = say("red: the value of image {}, channel {}, row {}, column {}")
    drawing.text((_LEFT, 36), marked.format(n, c, h, w), fill=ACCENT)
    y = _batch(drawing, layouts[0], 62)
    _channel(drawing, layouts[1], y + 34)
    return drawing


def _batch(drawing: Drawing, layout: BlockLayout, y: float) -> float:
    n, c, _, _ = VALUE
    say = drawing.say
    heading = say("batch: [N/{}][H][W][C][{}], vectors of images")
    drawing.text((_LEFT, y), heading.format(layout.images, layout.images), HEAD)
    block = say("a block: {} images, {}").format(layout.images, kib(layout.block_bytes, say))
    y = _positions(drawing, layout, y + 20, block)
    last = layout.channels - 1
    cells = ["c0", "c1", "c2", f"c{c}", "c4", "...", f"c{last}"]
    position_bytes = layout.position_elements * layout.element.bytes
    size = say("a position: {} channels, {}").format(layout.channels, kib(position_bytes, say))
    y = _row(drawing, y, size, cells, 3)
    lanes = layout.lanes
    channel = layout.images, layout.images // lanes, lanes, layout.images * layout.element.bytes
    size = say("a channel: {} images = {} vectors of {}, {} bytes").format(*channel)
    y = _row(drawing, y, size, _numbers("n", layout.images), n, True)
    return _vectors(drawing, layout, y - _GAP, layout.images)


def _channel(drawing: Drawing, layout: BlockLayout, y: float) -> float:
    _, c, _, _ = VALUE
    padded, lanes, say = layout.position_elements, layout.lanes, drawing.say
    drawing.text((_LEFT, y), say("channel: [N][H][W][C'], C' = {}, vectors of channels").format(padded), HEAD)
    y = _positions(drawing, layout, y + 20, say("one image: {}").format(kib(layout.block_bytes, say)))
    position = layout.channels, padded - layout.channels, padded // lanes, padded * layout.element.bytes
    size = say("a position: {} channels and {} of padding = {} vectors, {} bytes").format(*position)
    cells = [*_numbers("", layout.channels), *[""] * (padded - layout.channels)]
    y = _row(drawing, y, size, cells, c, True)
    return _vectors(drawing, layout, y - _GAP, padded)


def _positions(drawing: Drawing, layout: BlockLayout, y: float, words: str) -> float:
    """Draw the positions of a block, and the zoom into that of the value; return where it ends."""
    _, _, h, w = VALUE
    last = f"{layout.height - 1},{layout.width - 1}"
    cells = ["0,0", "0,1", "...", f"{h},{w - 1}", f"{h},{w}", f"{h},{w + 1}", "...", last]
    return _row(drawing, y, drawing.say("{}; its positions (row, column)").format(words), cells, 4)


def _row(drawing: Drawing, y: float, words: str, cells: Sequence[str], marked: int, last: bool = False) -> float:
    """Draw cells that lie next to each other, one of which is marked and opened below; return where that begins."""
    drawing.text((_LEFT, y), words)
    top, width = y + 6, (_RIGHT - _LEFT) / len(cells)
    for number, cell in enumerate(cells):
        fill = GREY if not cell else ACCENT if number == marked else LIGHT if cell != "..." else "white"
        drawing.boxed((_LEFT + number * width, top), (width, _HEIGHT), cell, fill)
    bottom, left = top + _HEIGHT, _LEFT + marked * width
    if not last:
        drawing.line([(left, bottom), (_LEFT, bottom + _GAP - 16)], ACCENT)
        drawing.line([(left + width, bottom), (_RIGHT, bottom + _GAP - 16)], ACCENT)
    return bottom + _GAP


def _vectors(drawing: Drawing, layout: BlockLayout, y: float, elements: int) -> float:
    """Bracket the vectors below the last row, and say where the value is; return where it ends."""
    width = (_RIGHT - _LEFT) / elements * layout.lanes
    for number in range(elements // layout.lanes):
        left, right = _LEFT + number * width + 3, _LEFT + (number + 1) * width - 3
        drawing.line([(left, y + 3), (left, y + 7), (right, y + 7), (right, y + 3)], OWN, 1.5)
        drawing.text(((left + right) / 2, y + 19), drawing.say("a vector"), SMALL, "middle", OWN)
    n, c, h, w = VALUE
    position, inner = h * layout.width + w, c * layout.images + (n if layout.schedule is BATCH else 0)
    place = (position * layout.position_elements + inner) * layout.element.bytes
    whose = "red is byte {} of the block:" if layout.schedule is BATCH else "red is byte {} of image {}:"
    sum_ = f"(({h} x {layout.width} + {w}) x {layout.position_elements} + "
    sum_ += f"{c} x {layout.images} + {n}" if layout.schedule is BATCH else f"{c}"
    drawing.text((_LEFT, y + 37), drawing.say(whose).format(f"{place:,}", n), fill=SOFT)
    drawing.text((_LEFT, y + 52), f"{sum_}) x {layout.element.bytes}", fill=SOFT)
    return y + 55


def _numbers(before: str, count: int) -> list[str]:
    return [f"{before}{number}" for number in range(count)]
