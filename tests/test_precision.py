"""A net in the numbers that are asked for: calibrated where it has to be, or the fastest of what the machine has."""

import numpy as np
import pytest

from tests.evaluate.building import Stripes, brightest_channel, weighed_channels
from tests.optimize.building import conv, data, layer, net_of
from xdn import instruments, settings
from xdn.data.random_images import RandomImages
from xdn.errors import SettingError
from xdn.evaluate.scores import Scores
from xdn.graph import Bf16, Quantized
from xdn.instruments import calibration
from xdn.optimize.quantize.calibrate import calibrate
from xdn.optimize.quantize.config import CalibrationConfig
from xdn.optimize.quantize.fastest import INT8
from xdn.precision import (
    AUTO,
    CANDIDATES,
    MIXED,
    calibrated,
    fused,
    in_precision,
    needs_images,
    reading_bf16,
    reads_integers,
)

SCORES = Scores("pool", 3)


@pytest.fixture(autouse=True)
def few_images(monkeypatch):
    """Leave images of small sets for errors."""
    monkeypatch.setattr(settings, "CALIBRATION_IMAGES", 20)


def written():
    """Return the small net with the lines that calibration writes, and what it was told."""
    return calibrated(fused(weighed_channels()), Stripes(), CalibrationConfig(images=20), None, quiet)[0].net


def quiet(text):
    return lambda done, total: None


@pytest.mark.parametrize("precision", ["f32", "fma"])
def test_what_sessions_know_they_are_told(precision):
    found = in_precision(weighed_channels(), precision, threads=1, post_fusion=False)
    assert found.session.configuration.precision == found.precision == precision
    assert len(found.session.net.layers) == 4
    assert (found.calibrated, found.verdict) == (None, None)


def test_8_bit_integers_are_chosen_as_the_optimizer_does():
    images = Stripes()
    found = in_precision(weighed_channels(), INT8, images, threads=1)
    net = fused(weighed_channels())
    config = CalibrationConfig(images=20)
    expected = calibrate(net, config, calibration(net, images, config.images)).net
    assert [each.quantized for each in found.calibrated.net.layers] == [each.quantized for each in expected.layers]
    assert found.precision == INT8
    (scores,) = found.session.run(None, {"data": images.images(0, 9).transpose(0, 3, 1, 2).astype(np.float32)})
    assert (scores.reshape(9, 3).argmax(axis=1) == images.labels[:9]).all()
    assert {str(blob.element.name) for blob in found.session.net.blobs.values()} == {"f32", "u8"}


def test_a_net_that_has_scales_needs_no_images():
    net = written()
    assert reads_integers(net)
    assert not needs_images(net, INT8)
    found = in_precision(net, INT8, threads=1)
    assert found.calibrated is None
    assert found.session.net.layer("first").quantized == net.layer("first").quantized


def test_with_a_bound_it_is_calibrated_anew_and_keeps_it():
    net = written()
    net = net.replace(
        layers=tuple(each.replace(quantized=(Quantized(1e-3),)) if each.quantized else each for each in net.layers)
    )
    assert needs_images(net, INT8, 0.0)
    found = in_precision(net, INT8, Stripes(), max_drop=0.0, threads=1)
    for name in found.calibrated.choice.layers:
        assert found.calibrated.net.layer(name).quantized != (Quantized(1e-3),)


@pytest.mark.parametrize("net", [weighed_channels(), written()], ids=["f32", "with int8 lines"])
def test_the_fastest_that_errs_little_enough_is_opened(net):
    found = in_precision(net, AUTO, Stripes(), scores=SCORES, threads=1)
    verdict = found.verdict
    assert tuple(each.name for each in verdict.candidates) == CANDIDATES
    rows = {each.name: each for each in verdict.candidates}
    assert found.precision == verdict.taken
    assert rows[verdict.taken].why == "taken"
    assert (verdict.images, verdict.labelled, verdict.max_drop) == (50, True, settings.MAX_DROP)
    # Stripes are told apart in any precision.
    assert {each.drop for each in rows.values() if each.ms is not None} == {0.0}
    assert rows[INT8].ms is not None
    assert all(each.why for each in rows.values())
    assert (found.calibrated is not None) == (verdict.taken in (INT8, MIXED) and not reads_integers(net))
    assert any(layer.integers for layer in found.session.net.layers) or verdict.taken != INT8
    if reads_integers(net):
        assert rows[MIXED].why == "the net says itself which layers read 8-bit integers"


def test_tiles_bring_candidates(emulated):
    found = in_precision(weighed_channels(), AUTO, Stripes(40), scores=SCORES, threads=1)
    assert all(each.ms is not None for each in found.verdict.candidates if each.name != MIXED)


@pytest.fixture
def clock(monkeypatch):
    """Return a function: seconds a layer, by what it reads, are all that clocks tell from now on."""

    def told(**seconds):
        monkeypatch.setattr(instruments, "_layer_seconds", lambda nets: [taken_in(net, seconds) for net in nets])

    return told


def taken_in(net, seconds):
    """Return what the layers of a net take."""
    kind = {each.name: "bf16" if each.reads_bf16 else "int8" if each.integers else "f32" for each in net.layers}
    return {name: seconds.get(f"{name}_{numbers}", 0.0) for name, numbers in kind.items()}


def test_each_layer_reads_what_is_fastest(clock):
    """A pool between layers of bf16 can read that, too; none of them takes anything."""
    clock(first_f32=3.0, first_bf16=1.0, first_int8=2.0, second_f32=3.0, second_bf16=2.0, second_int8=1.0)
    found = in_precision(weighed_channels(), MIXED, Stripes(), threads=1)
    assert found.precision == MIXED
    read = {each.name: each.quantized for each in found.calibrated.net.layers}
    assert read["first"] == (Bf16(),)
    assert read["second"][0].element.name == "u8"
    assert found.calibrated.saved == {"first": 2.0, "second": 2.0}


def test_where_nothing_is_faster_than_integers_they_are_not_mixed(clock):
    clock(first_f32=3.0, first_bf16=2.0, second_f32=3.0, second_bf16=2.0, pool_f32=3.0, pool_bf16=2.0)
    found = in_precision(weighed_channels(), AUTO, Stripes(), scores=SCORES, threads=1)
    assert found.verdict.candidates[-1].why == "every layer that can is fastest in int8"


def test_a_layer_reads_bf16_with_its_activation():
    """Which is fused to it again, and so has no line of its own."""
    net = net_of(data(1, 3, 4, 4), conv("a", "data", 4), layer("Swish", "s", ["a"]), conv("b", "s", 4))
    found = reading_bf16(net)
    assert {each.name for each in found.layers if each.reads_bf16} == {"a", "b"}
    assert fused(found).layer("a").epilogue.activation.type == "Swish"


def test_random_images_have_labels_that_are_equal_or_not():
    found = in_precision(weighed_channels(), AUTO, RandomImages(30, (4, 5, 3)), scores=SCORES, threads=1)
    assert (found.verdict.images, found.verdict.labelled) == (10, False)


def test_where_all_images_are_calibrated_on_errors_are_measured_on_them():
    found = in_precision(weighed_channels(), AUTO, Stripes(15), scores=SCORES, threads=1)
    assert found.verdict.images == 15


def test_a_net_without_anything_to_quantize_says_so():
    found = in_precision(brightest_channel(), AUTO, Stripes(), scores=SCORES, threads=1)
    (integers,) = (each for each in found.verdict.candidates if each.name == INT8)
    assert (integers.ms, integers.why) == (None, "no layer can read 8-bit integers")


@pytest.mark.parametrize(
    ("precision", "max_drop", "message"),
    [(INT8, None, "int8 needs images"), (AUTO, 1.0, "auto needs images"), ("f32", 1.0, "how much accuracy drops")],
)
def test_what_is_missing_is_named(precision, max_drop, message):
    with pytest.raises(SettingError, match=message):
        in_precision(weighed_channels(), precision, max_drop=max_drop)
