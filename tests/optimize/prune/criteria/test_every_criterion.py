"""What must hold of every registered criterion."""

import re
from pathlib import Path

import numpy as np
import pytest

import xdn.optimize.prune.criteria
from tests.optimize.prune.nets import gradients_for, images_for, importance, mixed_net, small_resnet
from xdn.errors import DataError, UnsupportedError
from xdn.optimize.prune.channels import Channels
from xdn.optimize.prune.criterion import CRITERIA
from xdn.optimize.prune.instruments import Instruments

NETS = {"residual": small_resnet(), "mixed": mixed_net()}
#: Groups whose channels have no Scale: BatchNorm's factor says nothing of them.
WITHOUT_SCALE = {("bn-scale", "grouped"), ("bn-scale", "side"), ("bn-scale", "hidden")}
#: Criteria that look at images, and at gradients.
ON_IMAGES, ON_GRADIENTS = ("activation", "reconstruction"), ("obd", "taylor")


def instruments_for(net):
    return Instruments(images=images_for(net, 6), gradients=gradients_for(net, 2))


def test_every_file_has_its_test():
    here = Path(__file__).parent
    sources = {path.stem for path in Path(xdn.optimize.prune.criteria.__file__).parent.glob("*.py")} - {"__init__"}
    assert sources == {path.stem.removeprefix("test_") for path in here.glob("test_*.py")} - {"every_criterion"}


@pytest.mark.parametrize("name", list(CRITERIA))
def test_documented(name):
    cls = CRITERIA[name]
    assert re.match(r"[A-Z].+[.,:]", cls.__doc__)
    assert cls.importance.__doc__


@pytest.mark.parametrize("kind", list(NETS))
@pytest.mark.parametrize("name", list(CRITERIA))
def test_every_unit_has_a_finite_importance(name, kind):
    net = NETS[kind]
    for group in Channels(net).groups:
        if (name, group.name) in WITHOUT_SCALE:
            with pytest.raises(UnsupportedError, match=f"group '{group.name}'.*Scale"):
                importance(name, net, group.name, instruments_for(net))
            continue
        found = importance(name, net, group.name, instruments_for(net))
        assert found.shape == group.units.shape
        assert np.isfinite(found).all()
        assert (found >= 0).all()
        assert found.std() > 0
        # The same evidence, the same importance.
        np.testing.assert_array_equal(importance(name, net, group.name, instruments_for(net)), found)


@pytest.mark.parametrize("name", list(CRITERIA))
def test_needs_what_it_says(name):
    net = NETS["residual"]
    everything = instruments_for(net)
    without_images = Instruments(gradients=everything.gradients)
    without_gradients = Instruments(images=everything.images)
    for needed, instruments in ((name in ON_IMAGES, without_images), (name in ON_GRADIENTS, without_gradients)):
        if needed:
            with pytest.raises(DataError, match="needs"):
                importance(name, net, "stem", instruments)
        else:
            assert importance(name, net, "stem", instruments).shape == (8,)


@pytest.mark.parametrize("name", list(CRITERIA))
def test_a_dead_filter_matters_least(name):
    """A filter without weights, whose top is a constant, can go: all but the control see it.

    Of random filters around zero it is also the one nearest to the median.
    """
    net = NETS["residual"]
    dead = {"onea": "weight", "onea_scale": "scale"}
    cleared = [_without_channel(each, dead.get(each.name), 5) for each in net.layers]
    net = net.replace(layers=tuple(cleared))
    found = importance(name, net, "onea", instruments_for(net))
    assert (found.argmin() == 5) == (name != "random")


def _without_channel(layer, weight, channel):
    if weight is None:
        return layer
    array = layer.weights[weight].copy()
    array[channel] = 0
    return layer.replace(weights={**layer.weights, weight: array})
