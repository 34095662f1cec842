"""Table, line and JSON of what calibration chose."""

import json
from dataclasses import replace

from tests.optimize.quantize.calibrating import instruments_for, residual_net
from tests.report.rendering import rows
from xdn.graph import Bf16
from xdn.optimize.quantize.calibrate import calibrate
from xdn.optimize.quantize.config import CalibrationConfig
from xdn.report.quantization import calibration_conclusion, calibration_document, calibration_table, kept_lines


def calibrated(**options):
    net = residual_net()
    return calibrate(net, CalibrationConfig("min-max", correct_bias=False, **options), instruments_for(net))


def test_a_row_a_reading():
    found = calibrated()
    table = rows(calibration_table(found))
    seen = found.ranges["pool"]
    scale = f"{seen.quantized.scale:.4g}"
    assert ["b", "pool", "0", f"{seen.largest:.4g}", "u8", scale] in table
    assert ["a", "pool", "0", f"{seen.largest:.4g}", "u8", scale] in table


def test_the_line_says_how_much_is_computed_with_integers():
    assert calibration_conclusion(calibrated()) == (
        "calibrated (min-max, 32 images): 5 of 6 layers read 8-bit integers, 100% of the MACs"
    )
    assert "2 of 6 layers read 8-bit integers, 29% of" in calibration_conclusion(calibrated(keep_f32=("stem", "b")))


def test_the_reasons_of_layers_in_f32():
    first, *lines = kept_lines(calibrated(keep_f32=("a",)))
    assert first == "calibrate:"
    assert "  - a: stays in f32: it was asked for" in lines
    assert any(line.startswith("  - prob: ") for line in lines)


def test_what_layers_save_is_told_where_times_decided():
    found = calibrated(keep_f32=("a",))
    layers = (each.replace(quantized=(Bf16(),)) if each.name == "a" else each for each in found.net.layers)
    found = replace(found, net=found.net.replace(layers=tuple(layers)), saved={"a": 1.25e-6, "b": -2e-6})
    assert kept_lines(found)[1:4] == [
        "  + a: reads bf16: 1.25 us an image less than in f32",
        "  + b: reads 8-bit integers: 2 us an image more than in f32",
        "  - a: stays in bf16: it was asked for",
    ]
    assert calibration_document(found)["saved_seconds"] == {"a": 1.25e-6, "b": -2e-6}


def test_the_json_holds_ranges_and_reasons():
    found = calibrated()
    document = json.loads(json.dumps(calibration_document(found)))
    assert document["images"] == 32
    assert document["layers"]["b"][1] == {
        "blob": "pool",
        "smallest": 0.0,
        "largest": found.ranges["pool"].largest,
        "quantized": {"scale": found.ranges["pool"].quantized.scale, "signed": False, "bits": 8, "weight_bits": 8},
    }
    assert document["kept"].keys() == {"prob"}


def test_readings_of_fewer_bits_are_told_as_such():
    found = calibrated(bits=(2, 4))
    a = found.net.layer("a").integers[0]
    (told,) = calibration_document(found)["layers"]["a"]
    assert told["quantized"] == {"scale": a.scale, "signed": False, "bits": 4, "weight_bits": 2}
    assert ["u4", f"{a.scale:.4g}"] in [row[-2:] for row in rows(calibration_table(found))]
