"""How the rows of a block pass through consecutive steps in bands: the calls of one stretch, in order."""

from translated import Say

from pictures.drawing import ACCENT, GREY, HEAD, OWN, SMALL, SOFT, WIDTH, Drawing
from pictures.nets import plan_of
from xdn.kernels.core.layout import BATCH

NET, TITLE = "resnet20", "ResNet-20"
_COLOURS = (OWN, "#8fb3d9", ACCENT, "#e5a29a", GREY)
_LEFT, _RIGHT, _TOP, _UNIT = 34, WIDTH - 8, 96, 7


def draw(say: Say) -> Drawing:
    """Draw the first stretch of a net's plan that goes by bands."""
    plan = plan_of(NET, BATCH)
    stretch = next(each for segment in plan.segments for each in segment.stretches if each.calls)
    steps, layer_of = (
        range(stretch.first, stretch.end),
        {n: i.layer.name for i in plan.layers for n in range(i.first, i.end)},
    )
    layers = list(dict.fromkeys(layer_of[step] for step in steps))
    colours = dict(zip(layers, _COLOURS, strict=False))
    title = say("The calls of steps {} to {} of {}: each layer some rows ahead of the next")
    drawing = Drawing(title.format(steps[0], steps[-1], TITLE), say)
    heading = say("{}, steps {} to {}: {} calls a block")
    drawing.text((8, 18), heading.format(TITLE, steps[0], steps[-1], len(stretch.calls)), HEAD)
    for number, layer in enumerate(layers):
        own = [step for step in steps if layer_of[step] == layer]
        kernels = f" {say('and')} ".join(
            "{} {}x{}".format(n.op, *n.tile) for n in (plan.steps[s].source.name for s in own)
        )
        drawing.box((8, 28 + 15 * number), (10, 10), colours[layer])
        drawing.text((23, 37 + 15 * number), f"{layer}: {kernels}", SMALL)
    height = max(rows.height for rows in (plan.steps[step].rows for step in steps) if rows)
    axes = say("calls in order, to the right; rows of the maps, downwards")
    drawing.text((_LEFT, _TOP - 8), axes, SMALL, fill=SOFT)
    for row in range(0, height + 1, 8):
        y = _TOP + row * _UNIT
        drawing.line([(_LEFT, y), (_RIGHT, y)], "#dddddd")
        drawing.text((_LEFT - 5, y + 3), str(row), SMALL, "end", SOFT)
    width = (_RIGHT - _LEFT) / len(stretch.calls)
    for place, call in enumerate(stretch.calls):
        rows = plan.steps[call.step].rows
        assert rows is not None
        first, end = call.first * rows.unit, min((call.first + call.units) * rows.unit, rows.height)
        at = (_LEFT + place * width, _TOP + first * _UNIT)
        drawing.box(at, (width, (end - first) * _UNIT), colours[layer_of[call.step]])
        drawing.text(
            (at[0] + width / 2, at[1] + (end - first) * _UNIT / 2 + 3), str(call.step), SMALL, "middle", "white"
        )
    return drawing
