"""Table, line and JSON of what codebooks weights became."""

import json

from tests.optimize.building import conv, data, net_of
from tests.report.rendering import rows
from xdn.optimize.codebooks.coding import with_codebooks
from xdn.optimize.codebooks.config import CodebookConfig
from xdn.report.codebooks import codebook_conclusion, codebook_document, codebook_table, uncoded_lines


def coded():
    net = net_of(data(1, 3, 8, 8), conv("a", "data", 16), conv("b", "a", 64, 3), conv("c", "b", 3))
    return with_codebooks(net, CodebookConfig("large", centroids=16, iterations=2, swaps=0, keep_f32=("c",)))


def test_a_row_a_layer():
    found = coded()
    assert ["b", "18", "512", "16", "1.06 KiB", f"{found.layers['b'].error:.2%}"] in rows(codebook_table(found))


def test_the_line_says_what_is_saved():
    expected = "1 of 3 weights are codebooks, which take 1.06 KiB of 36 KiB; 0 groups of channels ordered for them"
    assert codebook_conclusion(coded()) == expected


def test_the_reasons_of_other_weights():
    assert uncoded_lines(coded()) == [
        "codebooks:",
        "  - a: keeps its weight: it is the first that multiplies with weights",
        "  - c: keeps its weight: it was asked for",
    ]


def test_the_document_holds_everything_but_the_net():
    found = coded()
    document = json.loads(json.dumps(codebook_document(found)))
    assert (document["config"]["blocks"], document["groups"], set(document["kept"])) == ("large", 0, {"a", "c"})
    assert document["layers"]["b"] == {
        "length": 18, "channels": 2, "centroids": 16, "count": 512, "bytes": 1088, "error": found.layers["b"].error
    }  # fmt: skip
