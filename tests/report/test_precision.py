"""What was measured of precisions, as a table and JSON."""

import json

from tests.report.rendering import rendered
from xdn.report.precision import precision_document, precision_table
from xdn.tune.verdict import Verdict, Weighed

ROWS = (
    Weighed("f32", 10.0, 1.0, 0.0, "not faster than int8"),
    Weighed("bf16x3", why="no tile unit"),
    Weighed("int8", 4.0, 2.5, -0.1, "taken"),
)


def test_a_table_says_what_is_taken_and_why():
    lines = rendered(precision_table(Verdict("int8", ROWS, 0.5, 1000, True, 64)))
    assert "int8: the fastest that loses at most 0.5 points of the correct labels" in lines
    for said in ("ms for 64 images", "drop on 1000 images", "no tile unit", "2.50x", "-0.10", "4.000"):
        assert said in lines


def test_where_no_labels_are_known_they_are_those_of_f32():
    assert "of the labels equal to those of f32" in rendered(precision_table(Verdict("int8", ROWS, 1.0, 9, False, 1)))


def test_a_document_holds_everything():
    document = json.loads(json.dumps(precision_document(Verdict("int8", ROWS, 0.5, 1000, True, 64))))
    assert (document["taken"], document["max_drop"], document["images"]) == ("int8", 0.5, 1000)
    assert document["candidates"][1] == {
        "name": "bf16x3",
        "ms": None,
        "factor": None,
        "drop": None,
        "why": "no tile unit",
    }
