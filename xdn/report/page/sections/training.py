"""The curves of a training."""

from xdn.report.page.blocks import Block, Drawing
from xdn.report.page.charts.lines import Line, Plot, plotted
from xdn.report.page.results import Results
from xdn.report.page.section import Content, section
from xdn.report.page.words import Words
from xdn.report.quantities import duration

#: Panels: the title of the axis and the curves in it.
_PANELS = (("loss", ("loss", "test_loss")), ("test_accuracy", ("test_accuracy",)), ("lr", ("lr",)))
_HEIGHT = 240


@section("training", 100)
def training(results: Results, words: Words) -> Content:
    """Loss, accuracy and learning rate over the epochs."""
    blocks: list[Block] = []
    about = ""
    for name, each in results.trainings:
        if each.data:
            told = {"percent": f"{each.test_accuracy:.2f}", "seconds": duration(each.seconds)}
            about = words("training_about", data=each.data, **told)
        for axis, curves in _PANELS:
            lines = [
                Line(words(curve) if len(curves) > 1 else "", list(zip(*each.curves[curve], strict=False)), colour)
                for curve, colour in zip(curves, ("c1", "c2"), strict=False)
                if curve in each.curves and each.curves[curve][0]
            ]
            if lines:
                title = words.titled(axis, name if len(results.trainings) > 1 else None)
                blocks.append(Drawing(title, plotted(Plot(title, words("epoch"), words(axis), lines, height=_HEIGHT))))
    return about, blocks
