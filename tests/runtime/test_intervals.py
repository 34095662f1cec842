"""When each thread did what: every step of every chunk, each thread one after the other."""

from itertools import pairwise

import numpy as np
import pytest

from tests.kernels.checks import B, feed_for, input_layer, make_params, random_weights
from tests.runtime.cpu.test_executor import residual_net
from xdn import settings
from xdn.errors import SettingError
from xdn.graph import Layer, Net
from xdn.runtime.configuration import Configuration
from xdn.runtime.profile import INPUT, OUTPUT
from xdn.runtime.session import Session

CHUNKED = Configuration(threads=2, schedule="batch", chunk_blocks=1)
#: A team of two threads, two images a round.
TEAMS = Configuration(threads=2, members=2, schedule="channel", chunk_blocks=2)
BOTH = pytest.mark.parametrize(
    ("configuration", "images"), [(CHUNKED, 3 * B + 4), (TEAMS, 5)], ids=["chunks", "rounds"]
)


@pytest.fixture(scope="module")
def net():
    """Return a residual block with pooling, LRN and softmax."""
    return residual_net()


def measured(net, images, configuration):
    """Return a session after a run over so many images."""
    session = Session(net, configuration=configuration, profile=True)
    session.run(None, feed_for(net, images))
    return session


@BOTH
def test_each_layer_sees_every_image(net, configuration, images):
    session = measured(net, images, configuration)
    found, members = session.timeline(), configuration.members or 1
    assert (found.threads, found.lost) == (configuration.threads, 0)
    seen = {}
    for each in found.intervals:
        own = range(each.first_image, each.first_image + each.images)
        seen.setdefault((each.layer, each.kernel), []).extend(own)
    assert {layer for layer, _ in seen} == {row.name for row in session.profile(1.0).layers if row.kernels}
    for (layer, _), own in seen.items():
        # Both outputs are converted by the same kernel.
        assert sorted(own) == sorted([*range(images)] * members * (2 if layer == OUTPUT else 1))


@BOTH
def test_no_thread_does_two_things_at_once(net, configuration, images):
    found = measured(net, images, configuration).timeline()
    begins = [each.begin_us for each in found.intervals]
    assert begins == sorted(begins)
    assert begins[0] == 0
    assert found.intervals[0].layer == INPUT
    for thread in range(found.threads):
        own = [each for each in found.intervals if each.thread == thread]
        assert all(before.us >= 0 and before.begin_us + before.us <= after.begin_us for before, after in pairwise(own))


def test_the_profile_is_the_sum(net):
    session = measured(net, 3 * B, CHUNKED)
    found, profile = session.timeline(), session.profile(1.0)
    for row in profile.layers[:-2]:
        own = sum(each.us for each in found.intervals if each.layer == row.name)
        # A slice ends before the step's sum does, and the system may take the processor between the two. The counter's
        # rate was measured twice.
        assert 0 < own < 1e3 * sum(row.worker_ms) * 1.01


def test_the_first_ones_are_kept(net, monkeypatch):
    whole = len(measured(net, 3 * B, CHUNKED).timeline().intervals)
    monkeypatch.setattr(settings, "SLICES_KEPT", 4)
    found = measured(net, 3 * B, CHUNKED).timeline()
    assert len(found.intervals) + found.lost == whole
    assert 2 <= len(found.intervals) <= 4


def test_layers_on_whole_batches_are_there():
    conv = Layer("conv", make_params("Convolution", num_output=2, kernel_size=1), ("x",), ("conv",))
    norm = Layer("norm", make_params("BatchNorm", use_global_stats=False), ("conv",), ("norm",))
    net = random_weights(Net("parts", (input_layer("x", 3, 2, 2), conv, norm)), np.random.default_rng(0))
    found = measured(net, 5, CHUNKED).timeline()
    assert [each.layer for each in found.intervals] == [INPUT, "conv", OUTPUT, "norm"]
    whole = found.intervals[-1]
    assert (whole.kernel, whole.thread, whole.first_image, whole.images) == ("", 0, 0, 5)
    assert whole.us > 0


def test_without_measuring_there_is_none(net):
    with pytest.raises(SettingError, match="profile=True"):
        Session(net).timeline()
