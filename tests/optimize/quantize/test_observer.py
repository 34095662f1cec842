"""What all observers share: signs, levels, what has no scale, and the independence of chunks."""

import re
from pathlib import Path

import numpy as np
import pytest

import xdn.optimize.quantize.observers
from xdn.errors import DataError, ShapeError
from xdn.optimize.quantize.observer import OBSERVERS

EVERY = pytest.mark.parametrize("name", list(OBSERVERS))


def observed(name, *chunks):
    """Return what an observer makes of chunks of images."""
    observer = OBSERVERS[name]()
    for chunk in chunks:
        observer.update(np.asarray(chunk, np.float32))
    return observer


def test_every_file_has_its_test():
    here = Path(__file__).parent / "observers"
    sources = {path.stem for path in Path(xdn.optimize.quantize.observers.__file__).parent.glob("*.py")} - {"__init__"}
    assert sources == {path.stem.removeprefix("test_") for path in here.glob("test_*.py")}


@EVERY
def test_documented(name):
    assert re.match(r"[A-Z].+[.,:]", OBSERVERS[name].__doc__)


@EVERY
def test_negative_values_make_it_signed(name, rng):
    values = np.abs(rng.standard_normal((20, 50)))
    values[0, 0] = 4.0
    positive, both = observed(name, values).quantized(), observed(name, -values).quantized()
    assert (positive.signed, both.signed) == (False, True)
    # Nothing passes the largest magnitude.
    assert positive.scale * 255 <= 4.0001
    assert both.scale * 127 <= 4.0001


@EVERY
def test_chunks_change_nothing(name, rng):
    values = (rng.standard_normal((48, 6, 5)) * rng.uniform(0.1, 8, (48, 1, 1))).astype(np.float32)
    whole = observed(name, values).quantized()
    for cuts in ([1], [16, 32], range(1, 48)):
        assert observed(name, *np.split(values, list(cuts))).quantized() == whole
    assert observed(name, values[:0], values).quantized() == whole


@EVERY
def test_most_values_are_kept(name, rng):
    """Of values without outliers no observer clips more than a few."""
    values = rng.uniform(0, 1, (64, 500))
    assert 0.97 < observed(name, values).quantized().scale * 255 <= 1


@EVERY
def test_a_single_value_is_the_largest_integer(name):
    assert observed(name, [[0, 0, 2.0]]).quantized().scale == pytest.approx(2 / 255, rel=0.02)


@EVERY
def test_values_that_the_histogram_leaves_out_still_have_a_range(name):
    """Of an image so large only some values are sampled: not these two."""
    image = np.zeros((1, 1 << 18), np.float32)
    image[0, 1], image[0, 2] = 1.0, -2.0
    assert observed(name, image).quantized().scale == pytest.approx(2 / 127)


@EVERY
def test_what_has_no_scale_is_told(name):
    with pytest.raises(DataError, match="0"):
        observed(name, np.zeros((2, 3))).quantized()
    with pytest.raises(ShapeError):
        observed(name, np.full((2, 3), 1e-37)).quantized()


@EVERY
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_told(name, value):
    with pytest.raises(DataError, match="finite"):
        observed(name, [[1.0, 2.0]], [[value, 1.0]])
