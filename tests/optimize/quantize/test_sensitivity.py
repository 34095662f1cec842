"""Sensitivity: errors of layers by hand, accuracies of the right nets, histograms of all images."""

from dataclasses import replace

import numpy as np
import pytest

from tests.optimize.quantize.calibrating import batches_of, instruments_for, residual_net
from xdn.optimize.quantize.calibrate import calibrate
from xdn.optimize.quantize.config import CalibrationConfig
from xdn.optimize.quantize.histogram import Histogram
from xdn.optimize.quantize.sensitivity import sensitivity

CONFIG = CalibrationConfig("min-max", keep_f32=("a",))


def read_by(net):
    """Return the names of the layers that read integers."""
    return tuple(each.name for each in net.layers if each.quantized)


@pytest.fixture(scope="module")
def calibrated():
    net = residual_net()
    return net, calibrate(net, CONFIG, instruments_for(net))


@pytest.mark.parametrize("at_once", [32, 5])
def test_errors_are_those_of_all_images(calibrated, at_once):
    net, quantized = calibrated
    found = sensitivity(quantized, instruments_for(net, at_once=at_once))
    (batch,) = batches_of(net, at_once=32)()
    exact, other = (each.with_batch(32).forward(batch) for each in (net, quantized.net))
    assert tuple(each.layer for each in found.layers) == read_by(quantized.net) == ("stem", "b", "average", "fc")
    for each in found.layers:
        top = net.layer(each.layer).tops[0]
        x, y = exact[top].astype(np.float64), other[top].astype(np.float64)
        assert each.sqnr_db == pytest.approx(10 * np.log10((x**2).sum() / ((x - y) ** 2).sum()), rel=1e-4)
        assert each.cosine == pytest.approx((x * y).sum() / np.sqrt((x**2).sum() * (y**2).sum()))
        assert (each.alone, each.others) == (None, None)
    for blob, histogram in found.histograms.items():
        whole = Histogram()
        whole.update(exact[blob])
        np.testing.assert_array_equal(histogram.counts, whole.counts)
    assert found.histograms.keys() == quantized.ranges.keys()


def test_accuracies_are_those_of_the_right_nets(calibrated):
    """The score tells the nets apart: the sum of the numbers of their quantized layers, as powers of two."""
    net, quantized = calibrated
    names = read_by(quantized.net)
    told = []

    def accuracy(scored):
        return float(sum(1 << names.index(name) for name in read_by(scored)))

    instruments = replace(instruments_for(net), accuracy=accuracy)
    found = sensitivity(quantized, instruments, lambda *each: told.append(each))
    assert (found.f32, found.quantized) == (0, 15)
    assert [each.alone for each in found.layers] == [1, 2, 4, 8]
    assert [each.others for each in found.layers] == [14, 13, 11, 7]
    assert told == [(done, 10) for done in range(1, 11)]


def test_nothing_lost_is_exact(calibrated):
    """Of a net compared with itself."""
    net, quantized = calibrated
    found = sensitivity(replace(quantized, net=net), instruments_for(net))
    assert {(each.sqnr_db, round(each.cosine, 12)) for each in found.layers} == {(None, 1.0)}
