"""What is told of weights of few bits."""

import json

from tests.optimize.quantize.test_weights_only import chain
from tests.report.test_net import rows
from xdn.optimize.quantize.config import CalibrationConfig
from xdn.optimize.quantize.weights_only import with_rounded_weights
from xdn.report.rounded_weights import rounded_conclusion, rounded_document, rounded_kept_lines, rounded_table


def test_bits_and_bytes_of_layers_and_why_others_keep_f32():
    found = with_rounded_weights(chain(), 1, CalibrationConfig(keep_f32=("c",)))
    told = [row for row in rows(rounded_table(found)) if row[0] in "abcd"]
    assert told == [["a", "12", "8", "12 B"], ["b", "16", "1", "2 B"], ["d", "192", "8", "192 B"]]
    average = (12 * 8 + 16 + 192 * 8) / 220
    assert f"weights of 3 of 4 layers, {average:.3g} bits a weight" in rounded_conclusion(found)
    assert rounded_kept_lines(found) == ["round weights:", "  - c: keeps f32: it was asked for"]
    assert json.loads(json.dumps(rounded_document(found))) == {
        "bits": {"a": 8, "b": 1, "d": 8},
        "kept": {"c": "it was asked for"},
    }
    assert rounded_kept_lines(with_rounded_weights(chain(), 1, CalibrationConfig())) == []
