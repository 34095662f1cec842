"""Accuracy class by class, and what is taken for what, as people read them."""

from rich.table import Table

from xdn import settings
from xdn.evaluate.accuracy import INVALID, Accuracy, ClassAccuracy
from xdn.report.section import table


def class_tables(accuracy: Accuracy) -> tuple[Table, Table]:
    """Return a table with a row a class, and the confusion: a matrix, or the most frequent mistakes of many classes."""
    columns = {number for row in accuracy.classes for number, _ in row.predicted}
    fits = len(columns | set(range(len(accuracy.classes)))) <= settings.MATRIX_CLASSES
    return _class_table(accuracy), _matrix(accuracy, columns) if fits else _mistakes(accuracy)


def _class_table(accuracy: Accuracy) -> Table:
    rows = []
    for number, row in enumerate(accuracy.classes):
        taken = sum(dict(each.predicted).get(number, 0) for each in accuracy.classes)
        share = "-" if row.percent is None else f"{row.percent:.2f} %"
        # Of the images that were taken for this class, those that are of it.
        precision = f"{100 * row.correct / taken:.2f} %" if taken else "-"
        rows.append((row.name, str(row.images), str(row.correct), share, precision))
    return table(("class", "images", "correct", "accuracy", "precision"), rows, words=1)


def class_name(number: int, classes: tuple[ClassAccuracy, ...]) -> str:
    """Return the name of a predicted class; a net may have scores for more than the data set has classes."""
    if number == INVALID:
        return "(invalid)"
    return classes[number].name if number < len(classes) else f"({number})"


def _matrix(accuracy: Accuracy, columns: set[int]) -> Table:
    classes = accuracy.classes
    shown = sorted(columns | set(range(len(classes))))
    rows = []
    for row in classes:
        counts = dict(row.predicted)
        rows.append((row.name, *(str(counts.get(number, ".")) for number in shown)))
    names = ("label", *(class_name(number, classes) for number in shown))
    return table(names, rows, "rows: labels; columns: predictions", words=1)


def _mistakes(accuracy: Accuracy) -> Table:
    found = [
        (images, label, number)
        for label, row in enumerate(accuracy.classes)
        for number, images in row.predicted
        if number != label
    ]
    found.sort(key=lambda each: (-each[0], *each[1:]))
    rows = [
        (class_name(label, accuracy.classes), class_name(number, accuracy.classes), str(images))
        for images, label, number in found[: settings.LISTED_MISTAKES]
    ]
    return table(("label", "prediction", "images"), rows, "most frequent mistakes", words=2)
