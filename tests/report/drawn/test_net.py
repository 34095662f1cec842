"""A net as a drawing: boxes, colours, and names as text."""

from xml.etree import ElementTree

import pytest

from tests.optimize.building import conv, data, layer, net_of
from xdn.errors import SettingError
from xdn.graph.summary import summarize
from xdn.optimize.fuse.activation import FuseActivation
from xdn.report.drawn.files import drawn
from xdn.report.drawn.net import edges_of, sheet
from xdn.report.page.words import Words

HOSTILE = "<script>alert(1)</script>&\x1b"


def small():
    """Return a convolution, with a name that is not to be taken for markup, its activation, and a sum."""
    return net_of(
        data(4, 3, 5, 5),
        conv(HOSTILE, "data", 3, 3, pad=1),
        layer("ReLU", "relu", [HOSTILE]),
        layer("Eltwise", "sum", ["relu", "data"]),
    )


def boxes(body):
    """Return the class and the lines of text of each box."""
    root = ElementTree.fromstring(f"<svg>{body}</svg>")
    found = [each for each in root.iter("g") if each.get("class") == "box"]
    return [(each.find("rect").get("class"), [line.text or "" for line in each.iter("text")]) for each in found]


def test_a_box_a_layer():
    found = boxes(sheet(summarize(small()), {}, "").body)
    assert [(colour, lines[1:]) for colour, lines in found] == [
        ("other", ["Input", "3x5x5"]),
        ("multiplies", ["Convolution", "3x5x5"]),
        ("other", ["ReLU", "3x5x5"]),
        ("other", ["Eltwise", "3x5x5"]),
    ]
    assert found[1][1][0].startswith("<script>")


def test_what_is_fused_is_one_box():
    fused = FuseActivation().apply(small()).net
    assert [lines[1] for _, lines in boxes(sheet(summarize(fused), {}, "").body)] == [
        "Input",
        "Convolution + ReLU",
        "Eltwise",
    ]


def test_times_are_colours():
    found = boxes(sheet(summarize(small()), {HOSTILE: 2.0, "sum": 0.5}, "").body)
    assert [colour for colour, _ in found] == ["cold", "t8", "cold", "t2"]
    assert found[3][1][2] == "3x5x5 · 500 µs"


def test_edges_are_blobs():
    assert edges_of(summarize(small()).layers) == [(0, 1), (1, 2), (2, 3), (0, 3)]


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("suffix", [".svg", ".html"])
def test_files(suffix, language):
    nets = [("net_before", summarize(small())), ("net_after", summarize(small()))]
    text = drawn(nets, {"sum": 1.0}, Words(language), suffix)
    assert "<script>" not in text
    assert "\x1b" not in text
    assert text.count('class="box"') >= 8
    if suffix == ".svg":
        ElementTree.fromstring(text)


def test_the_library_is_named_where_it_is_missing(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "grandalf.graphs", None)
    with pytest.raises(SettingError, match=r"xdn\[graph\]"):
        sheet(summarize(small()), {}, "")
