"""The schema of results: what it is made of, and that the file in the package is that."""

import json

import pytest
from jsonschema import ValidationError

from tests.report.results import closed_validator
from xdn.evaluate.origin import origin
from xdn.report.documents import KINDS
from xdn.report.schema import PATH, result_schema


def test_the_file_in_the_package_is_that_of_the_classes():
    assert json.loads(PATH.read_text()) == result_schema(), "run tools/make_result_schema.py"


def test_every_field_is_described():
    """Of an obvious field the name says it."""
    for name, schema in result_schema()["$defs"].items():
        assert schema["description"], name
    run = result_schema()["$defs"]["RunDocument"]["properties"]
    assert run["load_s"]["description"].startswith("Seconds to read")
    assert run["ceilings"]["description"] == "What the machine gives, where layers were profiled."


def test_a_kind_has_its_own_fields():
    plot = origin("plot", "xdn-train", ["--plot"])
    closed_validator().validate(plot | {"files": ["a.png"]})
    for wrong in ({}, {"files": [1]}, {"files": [], "further": 1}, {"files": [], "format": "xdn.result/2"}):
        with pytest.raises(ValidationError):
            closed_validator().validate(plot | wrong)


def test_kinds_say_what_they_are():
    assert all(text.endswith((".", "it is.")) for _, text in KINDS.describe())
