"""Accuracy class by class."""

from xdn.evaluate.accuracy import Accuracy
from xdn.report.classes import class_name
from xdn.report.page.blocks import Block, Column, Grid, number, word
from xdn.report.page.results import Results
from xdn.report.page.section import Content, section
from xdn.report.page.words import Words


@section("classes", 110)
def classes(results: Results, words: Words) -> Content:
    """Each class's accuracy, and what its images are most often taken for."""
    counted = [run.contest.accuracy for _, run in results.runs if run.contest.accuracy]
    blocks: list[Block] = [_grid(counted[-1], words)] if counted and counted[-1].classes else []
    return "", blocks


def _grid(accuracy: Accuracy, words: Words) -> Grid:
    rows = []
    for label, each in enumerate(accuracy.classes):
        wrong = [(images, other) for other, images in each.predicted if other != label]
        images, other = max(wrong, default=(0, label))
        percent = each.percent
        rows.append(
            (
                word(each.name),
                number(each.images, str),
                number(each.correct, str),
                number(percent, "{:.2f} %".format, bar=None if percent is None else percent / 100),
                word(f"{class_name(other, accuracy.classes)} ({images})" if images else ""),
            )
        )
    columns = (
        Column(words("class"), words=True),
        *(Column(words(name)) for name in ("images", "correct", "top1")),
        Column(words("taken_for"), words=True),
    )
    return Grid.of(words("classes"), columns, rows, long=True)
