"""Nets in parts: what each part took, joined into one profile."""

import numpy as np
import pytest

from tests.kernels.checks import input_layer
from tests.runtime.test_parts import conv, layer, net_of
from xdn import memory
from xdn.errors import InputError, SettingError
from xdn.runtime.profile import INPUT, OUTPUT
from xdn.runtime.session import Session


def joining_net():
    """Return a net in three parts: the images of two branches are joined, and go on as a batch of twice the size."""
    return net_of(
        input_layer("x", 3, 4, 4),
        conv("a", "x", 4),
        layer("Concat", "join", ["a", "a"], axis=0),
        conv("b", "join", 5),
    )


def images(count=3):
    return {"x": np.random.default_rng(1).standard_normal((count, 3, 4, 4)).astype(np.float32)}


@pytest.mark.parametrize("threads", [1, 2])
def test_the_parts_are_profiled_in_order(threads):
    session = Session(joining_net(), threads=threads, profile=True)
    assert len(session.parts) == 3
    session.run(None, images())
    profile = session.profile(100.0)
    assert [row.name for row in profile.layers] == [INPUT, "a", OUTPUT, "join", INPUT, "b", OUTPUT]
    assert [row.type for row in profile.layers if row.type] == ["Convolution", "Concat", "Convolution"]
    assert profile.images == 3
    assert all(row.ms > 0 for row in profile.layers)
    assert sum(row.share for row in profile.layers) == pytest.approx(1)
    assert sum(row.ms for row in profile.layers) == pytest.approx(profile.total.ms)
    assert profile.run_ms > 0
    rows = {row.name: row for row in profile.layers if row.type}
    assert rows["join"].kernels == ()
    assert rows["join"].shapes == ((4, 4, 4),)
    # Of one image: of the joined ones there are two for each.
    assert rows["a"].macs == 4 * 4 * 3 * 4
    assert rows["b"].macs == 2 * 4 * 4 * 4 * 5
    assert profile.total.macs == rows["a"].macs + rows["b"].macs
    flops = 2e-6 * 3 * profile.total.macs
    assert profile.total.gflops == pytest.approx(flops / profile.total.ms)
    assert profile.total.peak_percent == pytest.approx(profile.total.gflops)


def test_measuring_changes_no_result():
    net, feed = joining_net(), images(40)
    (measured,) = Session(net, threads=2, profile=True).run(None, feed)
    (plain,) = Session(net, threads=2).run(None, feed)
    np.testing.assert_array_equal(measured, plain)


def test_the_latest_run_is_profiled():
    session = Session(joining_net(), threads=1, profile=True)
    for count in (7, 2):
        session.run(None, images(count))
        assert session.profile(100.0).images == count
    session.run(["a"], images(5))
    # What nothing asks for is not computed.
    assert [row.name for row in session.profile(100.0).layers if row.type] == ["a", "join"]


def test_without_a_run_there_is_no_profile():
    session = Session(joining_net(), threads=1, profile=True)
    with pytest.raises(SettingError, match="no run has ended yet"):
        session.profile()
    with pytest.raises(InputError):
        session.run(None, {"y": images()["x"]})
    with pytest.raises(SettingError, match="no run has ended yet"):
        session.profile()
    with pytest.raises(SettingError, match="profile=True"):
        Session(joining_net()).profile()


def test_the_peak_is_measured_where_none_is_given():
    session = Session(joining_net(), threads=1, profile=True)
    session.run(None, images())
    profile = session.profile()
    assert profile.peak_gflops > 0
    assert profile.total.peak_percent == pytest.approx(100 * profile.total.gflops / profile.peak_gflops)


def test_progress_counts_parts():
    seen = []
    Session(joining_net(), threads=1).run(None, images(), lambda done, total: seen.append((done, total)))
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_the_same_shapes_are_looked_at_once(monkeypatch):
    """What the blobs' shapes are, and whether memory is there, is asked again for other images or outputs only."""
    asked = []
    monkeypatch.setattr(memory, "require", lambda needs, *words: asked.append(list(needs)))
    session, latest = Session(joining_net(), threads=1), None
    for outputs, count in ((None, 3), (None, 3), (["a"], 3), (["a"], 3), (["a"], 4)):
        asked.clear()
        session.run(outputs, images(count))
        # Runners ask for what their own programs need.
        of_parts = [needs for needs in asked if any("'join'" in str(need) for need in needs)]
        assert len(of_parts) == ((outputs, count) != latest)
        latest = outputs, count
