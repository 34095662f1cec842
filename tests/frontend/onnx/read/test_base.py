import re
from pathlib import Path

import pytest
from onnx import helper

from tests.frontend.onnx.read.onnx_models import model_of
from xdn.errors import NetError
from xdn.frontend.onnx.read.base import READERS, Node
from xdn.frontend.onnx.read.making import Making
from xdn.frontend.onnx.read.net import net_of


def test_the_operators_that_the_documentation_names():
    text = Path("docs/bring-your-own-net.md").read_text()
    section = text.split("## ONNX models", 1)[1].split("###", 1)[0]
    rows = re.findall(r"^\| .* \| (.*) \|$", section, re.MULTILINE)[1:]
    named = [each for row in rows for each in row.split(", ")]
    assert sorted(named) == sorted([*READERS, "Constant"])


def test_a_node_without_a_name_is_called_after_its_output():
    assert Node(Making(17), helper.make_node("Relu", ["x"], ["y"])).place == "node 'y' (Relu)"


def test_an_input_that_is_missing():
    with pytest.raises(NetError, match=r"node 'y' \(Add\): its input 0 is missing"):
        net_of(model_of([helper.make_node("Add", ["", "x"], ["y"])], {"x": (1, 3)}), "m")
