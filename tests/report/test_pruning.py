"""Tables, line and JSON of what pruning took out, and of what it could not."""

import json

from tests.optimize.prune.nets import small_resnet
from tests.report.rendering import rendered
from xdn.optimize.prune.config import Budget, PruneConfig
from xdn.optimize.prune.pruner import prune
from xdn.report.pruning import locked_table, prune_conclusion, prune_document, prune_table


def pruned(budget):
    return prune(small_resnet(), PruneConfig(Budget.parse(budget)))


def test_a_row_a_group():
    text = rendered(prune_table(pruned("0.25")))
    assert "stem, oneb" in text
    assert "onea" in text
    assert "50 %" in text


def test_a_row_a_locked_layer_with_what_keeps_it():
    (row,) = (line for line in rendered(locked_table(pruned("0.25").locked)).splitlines() if "fc (" in line)
    assert "fc (InnerProduct)" in row
    assert "5 of 5" in row
    assert "'prob' (Softmax) divides by a sum over the channels" in row


def test_the_line_says_where_nothing_was_to_do():
    assert "met the budget as it was" in prune_conclusion(pruned("macs=1G"))
    assert "met the budget" not in prune_conclusion(pruned("macs=0.9"))


def test_the_json_holds_groups_and_locks():
    document = json.loads(json.dumps(prune_document(pruned("0.25"))))
    assert document["groups"][0]["layers"] == ["stem", "oneb"]
    assert document["locked"] == [
        {
            "layer": "fc",
            "type": "InnerProduct",
            "filters": 5,
            "of": 5,
            "by": [
                {"layer": "prob", "type": "Softmax", "why": "divides by a sum over the channels"},
            ],
        }
    ]
