"""What the optimizer did, as tables and lines."""

from tests.optimize.building import conv, data, layer, net_of
from tests.report.rendering import rows
from xdn.optimize.execution import Execution
from xdn.optimize.pipeline import optimize
from xdn.report.stages import conclusion, execution_line, explanation, stage_table


def net(**kwargs):
    return net_of(
        data(1, 3, 8, 8),
        conv("c", "data", 4, bias_term=False),
        layer("BatchNorm", "bn", ["c"]),
        layer("Dropout", "d", ["bn"]),
        layer("Scale", "s", ["c"]) if kwargs.pop("blocked", False) else layer("ReLU", "r", ["d"]),
        **kwargs,
    )


STAGES = ("eliminate-dropout", "fuse-batch-norm")


def test_a_row_a_stage():
    table = rows(stage_table(optimize(net(), STAGES)))
    assert table[0] == ["stage", "changes", "refused", "MACs/image", "parameters", "difference"]
    assert table[2] == ["(as read)", "768", "21"]
    assert table[3] == ["eliminate-dropout", "1", "0", "768", "21", "0"]
    assert table[4][:5] == ["fuse-batch-norm", "1", "0", "768", "16"]
    assert float(table[4][5]) < 1e-6


def test_conclusion():
    assert conclusion(optimize(net(), STAGES)).startswith("2 changes, 3 layers are left; the outputs moved by")
    assert conclusion(optimize(net(), STAGES[:1])).startswith("1 change, ")
    assert "were not compared" in conclusion(optimize(net(weights=False), STAGES))


def test_how_sessions_agree_or_why_none_ran():
    line = execution_line(Execution({"batch": 3e-7, "channel": 0.0}))
    assert line.startswith("run by sessions: they differ from the references by ")
    assert line.endswith(" by 3.0e-07 in the batch schedule, 0 in the channel schedule")
    assert execution_line(Execution(skipped="too large")) == "not run by sessions: too large"


def test_explanation_gives_changes_and_reasons():
    lines = explanation(optimize(net(blocked=True), STAGES).reports)
    assert lines[:2] == ["eliminate-dropout:", "  + d: removed: Dropout does nothing in the TEST phase"]
    assert lines[2] == "fuse-batch-norm:"
    assert lines[3].startswith("  - bn: stays after 'c' (Convolution): its bottom 'c' is read 2 times, by 'bn', 's'")
    assert explanation(optimize(net(), ["eliminate-split"]).reports)[1] == "  nothing to do"
