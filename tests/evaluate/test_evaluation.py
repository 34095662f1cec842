"""What came of a net and a data set: its JSON form, and what follows from it."""

import json

import pytest

from xdn.errors import DataError
from xdn.evaluate.evaluation import SCHEMA, Evaluation
from xdn.record import Reader


def test_the_document_is_plain_json_and_can_be_read_again(ran):
    _, contest, result = ran
    document = json.loads(json.dumps(result.document(), allow_nan=False))
    accuracy = document["contest"]["accuracy"]
    assert {key: accuracy[key] for key in ("correct", "images", "invalid", "top5")} == {
        "correct": 70, "images": 70, "invalid": 0, "top5": None,
    }  # fmt: skip
    assert [row["name"] for row in accuracy["classes"]] == ["red", "green", "blue"]
    assert document["accuracy_percent"] == 100.0
    assert document["images_per_s"] == contest.images_per_s
    assert len(document["contest"]["runs_s"]) == 3
    assert document["machine"]["cpu"]
    assert document["profile"] is None
    assert document["schema"] == SCHEMA
    assert Reader(DataError, whole=True).read(Evaluation, document) == result


def test_the_limit_is_the_arithmetic_at_the_peak(ran):
    result = ran[2]
    assert result.macs == 0
    assert result.limit_s is None
    fields = {name: getattr(result, name) for name in result.__dataclass_fields__}
    assert Evaluation(**fields | {"macs": 10**9}).limit_s == pytest.approx(70 * 2 / 200)
    assert Evaluation(**fields | {"macs": 10**9, "peak_gflops": None}).limit_s is None
