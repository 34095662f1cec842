"""One convolution's walk in each schedule: taps of a position, tiles of filters and positions, one register tile."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from translated import Say

from pictures.drawing import ACCENT, HEAD, LIGHT, OWN, PALE, SMALL, WIDTH, Drawing
from pictures.nets import plan_of
from xdn.codegen.target import Target
from xdn.kernels.contract.tiles import class_tiles, position_classes
from xdn.kernels.core.family import Step
from xdn.kernels.core.layout import BATCH, CHANNEL, BlockLayout, Schedule
from xdn.kernels.core.taps import TapLists, tap_lists

NET, TITLE, LAYER = "resnet20", "ResNet-20", "conv1"
#: Colours of a list's runs.
_RUNS = (OWN, "#7ba3cc", "#b9d0e8")
_LEFT, _RIGHT = 8, WIDTH - 8


@dataclass(frozen=True)
class Walk:
    """A convolution in a plan: its steps, layouts of what it reads and writes, tables of taps."""

    target: Target
    steps: Sequence[Step]
    bottom: BlockLayout
    top: BlockLayout
    lists: TapLists
    positions: np.ndarray
    runs: np.ndarray

    @staticmethod
    def of(schedule: Schedule) -> "Walk":
        """Return that of the layer which is drawn."""
        plan = plan_of(NET, schedule)
        item = next(item for item in plan.layers if item.layer.name == LAYER)
        names = item.layer.bottoms[0], item.layer.tops[0]
        bottom, top = (plan.blobs[name] for name in names)
        lists = tap_lists(bottom.shape[2:], top.shape[2:], item.layer.params.window_over(bottom))
        layouts = [plan.layouts[name] for name in names]
        tables = lists.in_runs(*layouts, layouts[0].channels)
        return Walk(plan.target, plan.steps[item.first : item.end], *layouts, lists, *tables)

    def met(self, position: int) -> list[tuple[int, int]]:
        """Return the places (row, column) of the bottom that an output position reads."""
        origin, first, end, _ = self.lists.positions[position]
        return [divmod(int(place), self.bottom.width) for place in origin + self.lists.taps[first:end, 0]]


def batch(say: Say) -> Drawing:
    """Draw the walk of the batch schedule."""
    walk = Walk.of(BATCH)
    drawing, y = _begin(walk, BATCH, say)
    drawing.text((_LEFT, y), say("Tiles: filters, spread evenly"), HEAD)
    tiles = [step.source.name.tile[0] for step in walk.steps for _ in range(_tiles_of(walk, step))]
    cell, first = (_RIGHT - _LEFT) / sum(tiles), 0
    for number, rows in enumerate(tiles):
        for row in range(first, first + rows):
            drawing.boxed((_LEFT + row * cell, y + 8), (cell, 20), f"f{row}", LIGHT if number else OWN)
        words = say("a tile of {}").format(rows)
        _bracket(drawing, _LEFT + first * cell, _LEFT + (first + rows) * cell, y + 30, words)
        first += rows
    passes = say("{} steps, one for each size; each passes over all {} positions.")
    drawing.text((_LEFT, y + 66), passes.format(len(walk.steps), f"{walk.top.positions:,}"), SMALL)
    rows, vectors = walk.steps[0].source.name.tile
    lanes = walk.top.lanes
    images = [say("images {}-{}").format(v * lanes, (v + 1) * lanes - 1) for v in range(vectors)]
    y = _register_tile(drawing, y + 90, ("w", "x"), [f"f{row}" for row in range(rows)], images)
    _sums(drawing, walk, y, (rows, vectors), ("w", "x"))
    return drawing


def channel(say: Say) -> Drawing:
    """Draw the walk of the channel schedule."""
    walk = Walk.of(CHANNEL)
    drawing, y = _begin(walk, CHANNEL, say)
    (step,) = walk.steps
    rows, vectors = step.source.name.tile
    classes = position_classes([walk.positions])
    # The last columns of a row of the table: where the tile's positions write.
    tiles = class_tiles([walk.positions], classes, rows)[:, 2 + rows :] // walk.top.position_elements
    drawing.text((_LEFT, y), say("Tiles: {} positions with equal taps").format(rows), HEAD)
    own = _positions(drawing, walk, y + 8, tiles)
    y += 8 + 4 * 18 + 16
    corner = say("The map's corner: {} lists of taps, {} tiles. Where a list has").format(len(classes), len(tiles))
    again = say("fewer positions than {}, one is computed again (t0: {} times).").format(rows, rows)
    drawing.text((_LEFT, y), corner, SMALL)
    drawing.text((_LEFT, y + 13), again, SMALL)
    lanes = walk.top.lanes
    filters = [f"f{v * lanes}-f{(v + 1) * lanes - 1}" for v in range(vectors)]
    places = ["{},{}".format(*divmod(int(place), walk.top.width)) for place in own]
    y = _register_tile(drawing, y + 40, ("x", "w"), places, filters)
    _sums(drawing, walk, y, (rows, vectors), ("x", "w"))
    return drawing


#: File of a picture -> what draws it.
WALKS = {"batch": batch, "channel": channel}


def _tiles_of(walk: Walk, step: Step) -> int:
    """Return how many tiles a step of the batch schedule has at each position."""
    return step.macs // (walk.lists.multiplications * walk.bottom.channels * step.source.name.tile[0])


def _begin(walk: Walk, schedule: Schedule, say: Say) -> tuple[Drawing, float]:
    """Return a drawing with its heading and the taps of two positions, and where the next thing may begin."""
    title = say("{}'s {}, {}, {}").format(TITLE, LAYER, walk.target.name, schedule.name)
    shown = say("The walk of {}: taps of a position, tiles, and what one register tile reads and writes")
    drawing = Drawing(shown.format(title), say)
    drawing.text((_LEFT, 18), title, HEAD)
    sizes = f"{walk.bottom.channels} x {walk.bottom.height} x {walk.bottom.width}"
    drawing.text((_LEFT, 34), f"{sizes} -> {walk.top.channels} x {walk.top.height} x {walk.top.width}", SMALL)
    drawing.text((_LEFT, 58), say("Taps: only those that meet data, in runs"), HEAD)
    for number, position in enumerate((0, walk.top.width + 1)):
        _taps(drawing, walk, (_LEFT + number * 200, 66), position)
    return drawing, 198


def _taps(drawing: Drawing, walk: Walk, at: tuple[float, float], position: int) -> None:
    """Draw the corner of the bottom, with one of padding around it, and what a position reads there."""
    width, height = 44, 18
    met = walk.met(position)
    for row in range(-1, 3):
        for column in range(-1, 3):
            inside = min(row, column) >= 0
            run = row - met[0][0] if (row, column) in met else None
            fill = "white" if not inside else PALE if run is None else _RUNS[run]
            place = at[0] + (column + 1) * width, at[1] + (row + 1) * height
            drawing.boxed(place, (width, height), f"{row},{column}" if inside else drawing.say("pad"), fill)
    _, first, end, _ = walk.positions[position]
    lengths = walk.runs[first:end, 2].tolist()
    row, column = divmod(position, walk.top.width)
    below = at[1] + 4 * height + 14
    output = drawing.say("output {},{}: {} taps in {} runs").format(row, column, len(met), end - first)
    values = drawing.say("of {} values (x {} channels)").format(lengths[0], walk.bottom.channels)
    drawing.text((at[0], below), output, SMALL)
    drawing.text((at[0], below + 13), values, SMALL)


def _positions(drawing: Drawing, walk: Walk, y: float, tiles: np.ndarray) -> np.ndarray:
    """Draw which tiles compute the corner of the top; return the positions of the one that is drawn below."""
    own = next(number for number, places in enumerate(tiles) if walk.top.width + 1 in places)
    width, height = (_RIGHT - _LEFT) / 14, 18
    for row in range(4):
        for column in range(14):
            number = next(n for n, places in enumerate(tiles) if row * walk.top.width + column in places)
            fill = OWN if number == own else (LIGHT, PALE)[number % 2]
            drawing.boxed((_LEFT + column * width, y + row * height), (width, height), f"t{number}", fill)
    return tiles[own]


def _register_tile(
    drawing: Drawing, y: float, reads: tuple[str, str], scalars: Sequence[str], vectors: Sequence[str]
) -> float:
    """Draw the sums that stay in registers, what is multiplied above and beside them; return where that ends.

    Parameters
    ----------
    drawing : Drawing
    y : float
    reads : (str, str)
        What the scalars are of, and the vectors.
    scalars, vectors : sequence of str
        What each row and each column of the sums belongs to.
    """
    height, left, beside = 20, 84, 70
    width = (_RIGHT - left) / len(vectors)
    heading = drawing.say("One register tile: {} x {} sums")
    drawing.text((_LEFT, y), heading.format(len(scalars), len(vectors)), HEAD)
    y += 10
    for column, words in enumerate(vectors):
        drawing.boxed((left + column * width, y), (width, height), f"{reads[1]}: {words}", LIGHT)
    for row, words in enumerate(scalars):
        top = y + (row + 1) * height + 4
        drawing.boxed((_LEFT, top), (beside, height), f"{reads[0]}: {words}", ACCENT)
        for column, of in enumerate(vectors):
            drawing.boxed(
                (left + column * width, top), (width, height), drawing.say("sum of {}, {}").format(words, of), OWN
            )
    return y + (len(scalars) + 1) * height + 20


def _sums(drawing: Drawing, walk: Walk, y: float, tile: tuple[int, int], reads: tuple[str, str]) -> None:
    """Say what a register tile reads, computes and writes."""
    rows, vectors = tile
    scalar, vector = walk.top.element.bytes, walk.target.vector_bytes
    say, used, taps = drawing.say, rows * vectors + vectors + 1, len(walk.lists.used)
    sums = say("{} of {} registers: the sums, {} vectors (light), 1 scalar (red) at a time.")
    depth = say("The sums begin with the biases. For each of {} values ({} taps x {} channels)")
    read = say("{} x {} bytes of {} and {} x {} bytes of {} are read, and {} times {}")
    store = say("products are added. Then {}, and one store: {} x {} x {} bytes.")
    lines = [
        sums.format(used, walk.target.registers, vectors),
        depth.format(taps * walk.bottom.channels, taps, walk.bottom.channels),
        read.format(vectors, vector, reads[1], rows, scalar, reads[0], rows * vectors, walk.top.lanes),
        store.format(_after(walk, say), rows, vectors, vector),
    ]
    drawing.lines((_LEFT, y), lines)


def _after(walk: Walk, say: Say) -> str:
    """Return the epilogue in words."""
    return f" {say('and')} ".join(walk.steps[0].source.name.epilogue) or say("nothing")


def _bracket(drawing: Drawing, left: float, right: float, y: float, words: str) -> None:
    drawing.line([(left + 3, y), (left + 3, y + 4), (right - 3, y + 4), (right - 3, y)], OWN, 1.5)
    drawing.text(((left + right) / 2, y + 16), words, SMALL, "middle", OWN)
