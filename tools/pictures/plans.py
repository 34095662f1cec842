"""A plan: its steps downwards, in segments and bands, and beside them what lies where in the arena, and when."""

from translated import Say

from pictures.drawing import ACCENT, GREY, HEAD, LIGHT, OWN, PALE, SMALL, SOFT, WIDTH, Drawing, kib, wide
from pictures.nets import plan_of
from xdn.kernels.core.layout import BATCH
from xdn.runtime.cpu.arena import Interval
from xdn.runtime.cpu.buffers import intervals, touches
from xdn.runtime.cpu.plan import Plan
from xdn.runtime.cpu.schedule import Segment

#: File of the picture -> folder of the net, and its name.
NETS = {"lenet": ("lenet", "LeNet"), "resnet20": ("resnet20", "ResNet-20")}
#: Where the columns begin: number, layer, kernel, bands, arena.
_NUMBER, _LAYER, _KERNEL, _BANDS, _ARENA, _END = 20, 25, 96, 182, 200, WIDTH - 6
_TOP, _ROW = 82, 16


def draw(name: str, say: Say) -> Drawing:
    """Draw the plan of a net, batch schedule."""
    folder, title = NETS[name]
    plan = plan_of(folder, BATCH)
    shown = say("The plan of {}: its steps in order, segments, bands, and the arena with what lies in it")
    drawing = Drawing(shown.format(title), say)
    drawing.text((8, 18), say("The plan of {}, {}, batch").format(title, plan.target.name), HEAD)
    chunk = plan.chunk_blocks, plan.block_images, kib(plan.target.core_cache_bytes, say)
    drawing.text((8, 35), say("a chunk: {} blocks of {} images; the cache of a core: {}").format(*chunk), SMALL)
    drawing.text((8, 49), say("right, the arena: blue is a blob, dark where a step reads or writes it,"), SMALL)
    drawing.text((8, 63), say("grey a step's scratch"), SMALL)
    drawing.line([(_ARENA, _TOP + 4), (_ARENA, _TOP), (_END, _TOP), (_END, _TOP + 4)])
    drawing.text((_ARENA, _TOP - 4), say("byte {}").format(0), SMALL, fill=SOFT)
    drawing.text((_END, _TOP - 4), kib(plan.arena.size, say), SMALL, "end", SOFT)
    rows = _Rows(plan)
    for segment in plan.segments:
        _segment(drawing, plan, segment, rows)
    for interval in sorted(_intervals(plan), key=lambda each: (each.first, plan.arena.offsets[each.name])):
        _buffer(drawing, plan, interval, rows)
    return drawing


class _Rows:
    """Where each step's row is: one below the other, with a line for each segment's heading before its first."""

    def __init__(self, plan: Plan):
        heads = [segment.first for segment in plan.segments]
        before = [sum(first <= step for first in heads) for step in range(len(plan.steps))]
        self._tops = [_TOP + (step + headings) * _ROW for step, headings in enumerate(before)]

    def top(self, step: int) -> float:
        """Return where the row of a step begins."""
        return self._tops[step]

    def end(self, step: int) -> float:
        """Return where the row of a step ends."""
        return self._tops[step] + _ROW


def _segment(drawing: Drawing, plan: Plan, segment: Segment, rows: _Rows) -> None:
    """Write a segment's heading and its steps, and mark those that go by bands."""
    head = rows.top(segment.first) - _ROW
    drawing.box((4, head + 1), (_BANDS + 12, _ROW - 2), PALE)
    say = drawing.say
    taken = "segment: 1 block at a time" if segment.blocks == 1 else "segment: {} blocks at a time"
    drawing.text((8, head + 12), say(taken).format(segment.blocks), SMALL)
    layer_of = {step: item.layer.name for item in plan.layers for step in range(item.first, item.end)}
    for step in range(segment.first, segment.end):
        name, base = plan.steps[step].source.name, rows.top(step) + 12
        drawing.text((_NUMBER, base), str(step), SMALL, "end", SOFT)
        drawing.text((_LAYER, base), layer_of.get(step, say("input" if step == 0 else "output")), SMALL)
        tile = " {}x{}".format(*name.tile) if name.tile else ""
        drawing.text((_KERNEL, base), f"{name.op}{tile}", SMALL, fill=OWN)
    for stretch in segment.stretches:
        if stretch.calls:
            top, end = rows.top(stretch.first) + 2, rows.end(stretch.end - 1) - 2
            drawing.line([(_BANDS, top), (_BANDS + 4, top), (_BANDS + 4, end), (_BANDS, end)], ACCENT, 2)
            drawing.upwards((_BANDS + 15, (top + end) / 2), say("bands"), ACCENT)


def _intervals(plan: Plan) -> list[Interval]:
    return intervals(plan.layouts, plan.steps, plan.owners, plan.segments, plan.chunk_blocks)


def _buffer(drawing: Drawing, plan: Plan, interval: Interval, rows: _Rows) -> None:
    """Draw how long a buffer is kept, as high as it is long, and the steps that touch it."""
    scale = (_END - _ARENA) / plan.arena.size
    left, width = _ARENA + plan.arena.offsets[interval.name] * scale, max(interval.size * scale, 3)
    top, end = rows.top(interval.first), rows.end(interval.last)
    touched = touches(plan.steps, plan.owners).get(interval.name)
    drawing.box((left, top), (width, end - top), LIGHT if touched else GREY)
    if touched is None:
        return
    for step in set(touched):
        drawing.box((left, rows.top(step)), (width, _ROW), OWN, OWN)
    drawing.box((left, top), (width, end - top), "none")
    names = _written(plan, interval.name)
    for step, blob in names.items():
        words = next((each for each in (blob, blob.split("/")[-1]) if wide(each, SMALL) < width), "")
        drawing.text((left + width / 2, rows.top(step) + 12), words, SMALL, "middle", "white")
        height = rows.end(max(touched)) - rows.top(step)
        if not words and len(names) == 1 and width > SMALL and wide(blob, SMALL) < height:
            drawing.upwards((left + width / 2 + SMALL / 3, rows.top(step) + height / 2), blob, "white")


def _written(plan: Plan, buffer: str) -> dict[int, str]:
    """Return the first step that touches each blob of a buffer -> the blob."""
    found: dict[str, int] = {}
    for number, step in enumerate(plan.steps):
        for blob in step.blobs.values():
            if plan.owners[blob] == buffer:
                found.setdefault(blob, number)
    return {number: blob for blob, number in found.items()}
