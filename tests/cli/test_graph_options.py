"""xdn-inspect --graph: a net before and after, coloured by times."""

import json

import pytest

from tests.cli.caffe_files import PROTOTXT
from tests.report.page.samples import layer, run, training
from xdn.cli.inspect import main


@pytest.fixture
def small(tmp_path, monkeypatch):
    """Return the file of a small net, and work in its folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.prototxt").write_text(PROTOTXT)
    return tmp_path / "small.prototxt"


def test_a_net_before_and_after(small, capsys):
    assert main([str(small), "--graph", "net.svg"]) == 0
    assert capsys.readouterr().out == "written: net.svg\n"
    text = (small.parent / "net.svg").read_text()
    assert "As it is read: " in text
    assert "As it runs, optimized and fused: " in text
    assert "Convolution + " in text


def test_coloured_by_times(small):
    (small.parent / "run.json").write_text(json.dumps(run(1.0, [layer("conv2", 2.0)])))
    assert main([str(small), "--graph", "net.html", "--times", "run.json", "--lang", "zh"]) == 0
    assert 'class="t8"' in (small.parent / "net.html").read_text()


def test_a_net_of_unknown_layers_is_drawn_as_it_is_read(small, capsys):
    small.write_text(PROTOTXT.replace('type: "Eltwise"', 'type: "Warped"'))
    assert main([str(small), "--graph", "net.svg"]) == 0
    assert "only the net as it is read is drawn: Warped is not known" in capsys.readouterr().err
    assert "As it runs" not in (small.parent / "net.svg").read_text()


@pytest.mark.parametrize(
    ("args", "said"),
    [(["--graph", "net.png"], "not a kind of drawing"), (["--graph", "n.svg", "--times", "t.json"], "no profile")],
)
def test_what_is_refused(small, capsys, args, said):
    (small.parent / "t.json").write_text(json.dumps(training()))
    assert main([str(small), *args]) == 1
    assert said in capsys.readouterr().err
