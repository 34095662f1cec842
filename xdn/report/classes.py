"""Accuracy class by class, and what is taken for what, as people read them."""

from rich.box import SIMPLE_HEAD
from rich.table import Table

from xdn import settings
from xdn.evaluate.accuracy import INVALID, Accuracy, ClassAccuracy


def class_tables(accuracy: Accuracy) -> tuple[Table, Table]:
    """Return a table with a row a class, and the confusion: a matrix, or the most frequent mistakes of many classes."""
    columns = {number for row in accuracy.classes for number, _ in row.predicted}
    fits = len(columns | set(range(len(accuracy.classes)))) <= settings.MATRIX_CLASSES
    return _class_table(accuracy), _matrix(accuracy, columns) if fits else _mistakes(accuracy)


def _class_table(accuracy: Accuracy) -> Table:
    table = Table("class", box=SIMPLE_HEAD)
    for name in ("images", "correct", "accuracy", "precision"):
        table.add_column(name, justify="right")
    for number, row in enumerate(accuracy.classes):
        taken = sum(dict(each.predicted).get(number, 0) for each in accuracy.classes)
        share = "-" if row.percent is None else f"{row.percent:.2f} %"
        # Of the images that were taken for this class, those that are of it.
        precision = f"{100 * row.correct / taken:.2f} %" if taken else "-"
        table.add_row(row.name, str(row.images), str(row.correct), share, precision)
    return table


def _name(number: int, classes: tuple[ClassAccuracy, ...]) -> str:
    """Return the name of a predicted class; a net may have scores for more than the data set has classes."""
    if number == INVALID:
        return "(invalid)"
    return classes[number].name if number < len(classes) else f"({number})"


def _matrix(accuracy: Accuracy, columns: set[int]) -> Table:
    classes = accuracy.classes
    shown = sorted(columns | set(range(len(classes))))
    table = Table("label", title="rows: labels; columns: predictions", title_justify="left", box=SIMPLE_HEAD)
    for number in shown:
        table.add_column(_name(number, classes), justify="right")
    for row in classes:
        counts = dict(row.predicted)
        table.add_row(row.name, *(str(counts[number]) if number in counts else "." for number in shown))
    return table


def _mistakes(accuracy: Accuracy) -> Table:
    found = [
        (images, label, number)
        for label, row in enumerate(accuracy.classes)
        for number, images in row.predicted
        if number != label
    ]
    found.sort(key=lambda each: (-each[0], *each[1:]))
    table = Table("label", "prediction", title="most frequent mistakes", title_justify="left", box=SIMPLE_HEAD)
    table.add_column("images", justify="right")
    for images, label, number in found[: settings.LISTED_MISTAKES]:
        table.add_row(_name(label, accuracy.classes), _name(number, accuracy.classes), str(images))
    return table
