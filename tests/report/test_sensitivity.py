"""Tables and JSON of what layers lose."""

import json

import numpy as np

from tests.report.rendering import rendered, rows
from xdn.optimize.quantize.histogram import Histogram
from xdn.optimize.quantize.sensitivity import LayerSensitivity, Sensitivity
from xdn.report.sensitivity import BARS, histogram_table, sensitivity_document, sensitivity_table


def found(values, **scores):
    histogram = Histogram()
    histogram.update(np.asarray([values], np.float32))
    layers = (
        LayerSensitivity("conv1", 41.26, 0.9999876, 0.9125, 0.9),
        LayerSensitivity("fc", None, 1.0),
    )
    return Sensitivity(layers, {"data": histogram}, **scores)


def test_a_row_a_layer():
    table = rows(sensitivity_table(found([1.0], f32=0.9175, quantized=0.91)))
    assert table[0] == ["accuracy: 91.75 in f32, 91.00 quantized"]
    assert ["conv1", "41.3", "0.999988", "91.25", "90.00"] in table
    assert ["fc", "exact", "1.000000", "-", "-"] in table


def test_bars_are_as_high_as_what_they_count():
    values = [0.0] * 100 + [0.01] * 90 + [1.0] * 9 + [0.5]
    text = rendered(histogram_table(found(values)))
    (row,) = (line for line in text.splitlines() if "data" in line)
    drawn = row.split("data")[1][2 : 2 + BARS + 1].strip("\n")
    assert drawn.lstrip()[0] == "█"
    assert "50.0" in row
    assert [bar for bar in drawn.strip() if bar != " "][1:] == ["▂", "▅"]


def test_the_json_holds_all():
    document = json.loads(json.dumps(sensitivity_document(found([0.0, 1.0, 1.0, 0.25], f32=0.5, quantized=0.25))))
    assert document["f32"] == 0.5
    assert document["layers"][0]["sqnr_db"] == 41.26
    assert document["layers"][1] == {"layer": "fc", "sqnr_db": None, "cosine": 1.0, "alone": None, "others": None}
    histogram = document["histograms"]["data"]
    assert (histogram["zeros"], sum(histogram["counts"]), histogram["counts"][-1]) == (1, 3, 2)
    assert abs(histogram["bar"] * BARS - 1) < 0.001


def test_a_blob_of_zeros_has_no_bars():
    assert "100.0" in rendered(histogram_table(found([0.0, 0.0])))
