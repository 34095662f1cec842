"""Include and exclude rules, against all filter cases of Caffe's own unit tests.

The split insertion cases of the same file do not apply: a net reads one blob many times without Split layers.
"""

import json
import re

import pytest

from xdn.errors import NetError
from xdn.frontend.caffe.phase import filter_layers, net_state
from xdn.frontend.caffe.text import prototxt

CALL = re.compile(r"RunFilterNetTest\((\w+), (\w+)\)")
#: States that the C++ tests put before a text of this name in code, not in the text itself.
PREFIX = {"train": "state: { level: 4 phase: TRAIN } ", "test": "state: { level: 4 phase: TEST } "}


def cases(vectors):
    """Yield (name, text with its state, expected text) of each call in Caffe's tests."""
    for name, case in vectors.items():
        strings = case["strings"]
        for call in case["calls"]:
            given, expected = CALL.match(call).groups()
            expected = expected.removesuffix("_explicit")
            text = strings.get(given, strings["input_proto"])
            if given not in strings:
                text = PREFIX[given.rpartition("_")[2]] + text
            yield name, text, text if expected == given else strings[expected]


def test_all_filter_cases_of_caffe(material):
    vectors = json.loads(material("layers", "proto_vectors.json").read_text())["FilterNet"]
    assert len(vectors) == 20
    dropped = 0
    for name, text, expected in cases(vectors):
        net = prototxt.parse(text)
        kept = filter_layers(net, net_state(net))
        assert list(kept.layer) == list(prototxt.parse(expected).layer), name
        dropped += len(net.layer) - len(kept.layer)
    assert dropped >= 10


NET = """
layer { name: "always" }
layer { name: "train" include { phase: TRAIN } }
layer { name: "staged" include { stage: "s" min_level: 1 } }
layer { name: "unstaged" exclude { stage: "s" } }
"""


@pytest.mark.parametrize(
    ("phase", "level", "stages", "expected"),
    [
        ("TEST", 0, (), ["always", "unstaged"]),
        ("TRAIN", 0, (), ["always", "train", "unstaged"]),
        ("TEST", 1, ("s",), ["always", "staged"]),
        ("TEST", 0, ("s",), ["always"]),
    ],
)
def test_state_of_the_caller(phase, level, stages, expected):
    net = prototxt.parse(NET)
    assert [layer.name for layer in filter_layers(net, net_state(net, phase, level, stages)).layer] == expected


def test_state_of_the_file_and_of_the_caller_join():
    net = prototxt.parse('state { phase: TRAIN level: 3 stage: "a" }')
    own, asked = net_state(net), net_state(net, "TEST", 5, ("b",))
    assert (own.phase, own.level, list(own.stage)) == (0, 3, ["a"])
    assert (asked.phase, asked.level, list(asked.stage)) == (1, 5, ["a", "b"])


def test_both_kinds_of_rules_are_refused():
    net = prototxt.parse('layer { name: "x" include { phase: TEST } exclude { phase: TRAIN } }')
    with pytest.raises(NetError, match="layer 'x'"):
        filter_layers(net, net_state(net))


def test_unknown_phase():
    with pytest.raises(NetError, match="Known: TRAIN, TEST"):
        net_state(prototxt.parse(""), "VALIDATE")


def test_many_stages_and_rules_cost_little():
    stages = " ".join(f'stage: "s{number}"' for number in range(10_000))
    rules = " ".join(f'layer {{ name: "{number}" include {{ stage: "s3" }} }}' for number in range(10_000))
    net = prototxt.parse(f"state {{ {stages} }} {rules}")
    assert len(filter_layers(net, net_state(net)).layer) == 10_000
