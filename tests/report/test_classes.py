"""Accuracy by class and confusion, as tables."""

from tests.report.rendering import rows
from xdn.evaluate.accuracy import INVALID, Accuracy, ClassAccuracy
from xdn.report.classes import class_tables

FEW = (
    ClassAccuracy("cat", 3, 4, ((0, 3), (1, 1))),
    ClassAccuracy("dog", 1, 3, ((INVALID, 1), (0, 1), (1, 1))),
    ClassAccuracy("cow", 0, 0, ()),
)


def test_a_class_has_its_accuracy_and_its_precision():
    table, _ = class_tables(Accuracy(4, 7, 1, None, FEW))
    assert rows(table)[2:] == [
        ["cat", "4", "3", "75.00 %", "75.00 %"],
        ["dog", "3", "1", "33.33 %", "50.00 %"],
        ["cow", "0", "0", "-", "-"],
    ]


def test_few_classes_are_a_matrix_with_every_prediction_that_occurs():
    _, matrix = class_tables(Accuracy(4, 7, 1, None, FEW))
    shown = rows(matrix)
    assert ["label", "(invalid)", "cat", "dog", "cow"] in shown
    assert ["cat", ".", "3", "1", "."] in shown
    assert ["dog", "1", "1", "1", "."] in shown
    assert ["cow", ".", ".", ".", "."] in shown


def test_of_many_classes_the_most_frequent_mistakes_are_listed():
    right = [ClassAccuracy(f"c{i}", 2, 2, ((i, 2),)) for i in range(30)]
    right[7] = ClassAccuracy("c7", 2, 10, ((3, 1), (7, 2), (40, 7)))
    right[9] = ClassAccuracy("c9", 1, 5, ((9, 1), (10, 4)))
    _, mistakes = class_tables(Accuracy(1, 2, 0, None, tuple(right)))
    assert rows(mistakes)[-3:] == [["c7", "(40)", "7"], ["c9", "c10", "4"], ["c7", "c3", "1"]]
