import math

import numpy as np
import pytest

from xdn.data.strokes import UNITS, Draws, coverage, integer_sqrt, splitmix64, squared_distance

MASK = (1 << 64) - 1


def splitmix_oracle(seed, count):
    """SplitMix64 as its authors give it: a state that is advanced and mixed, in Python's integers."""
    state, numbers = seed, []
    for _ in range(count):
        state = (state + 0x9E3779B97F4A7C15) & MASK
        z = state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        numbers.append(z ^ (z >> 31))
    return numbers


def test_splitmix_gives_the_published_sequence():
    # The reference outputs for the seed 1234567 that implementations are commonly checked with.
    published = [6457827717110365317, 3203168211198807973, 9817491932198370423]
    assert splitmix64(1234567, np.arange(3, dtype=np.uint64)).tolist() == published


@pytest.mark.parametrize("seed", [0, 1, MASK])
def test_splitmix_agrees_with_python_integers(seed):
    assert splitmix64(seed, np.arange(100, dtype=np.uint64)).tolist() == splitmix_oracle(seed, 100)


def test_draws_of_an_image_do_not_depend_on_its_neighbours():
    together = Draws(7, np.arange(5), 64)
    alone = Draws(7, np.array([3]), 64)
    for low, high, count in [(0, 9, 1), (-50, 50, 4), (5, 5, 2)]:
        drawn = together.integers(low, high, count)
        assert drawn.dtype == np.int32
        np.testing.assert_array_equal(drawn[3:4], alone.integers(low, high, count))
    np.testing.assert_array_equal(together.octets(16)[3:4], alone.octets(16))


def test_draws_are_the_high_bits_of_the_sequence():
    drawn = Draws(7, np.array([2]), 10).integers(-3, 3, 10)[0].tolist()
    numbers = splitmix_oracle(7, 30)[20:]
    assert drawn == [((number >> 32) * 7 >> 32) - 3 for number in numbers]


def test_draws_reach_both_ends_evenly():
    counts = np.bincount(Draws(3, np.arange(2000), 8).integers(0, 4, 8).ravel(), minlength=5)
    # 16,000 draws, p = 1/5: the standard deviation is 51; six of them never happen by chance.
    assert np.abs(counts - 3200).max() < 6 * 51


def test_octets_are_the_numbers_bytes_low_first():
    octets = Draws(9, np.array([0]), 4).octets(16)
    assert octets.tobytes() == b"".join(n.to_bytes(8, "little") for n in splitmix_oracle(9, 2))


def test_more_draws_than_the_stretch_are_refused():
    draws = Draws(1, np.arange(2), 4)
    draws.raw(4)
    with pytest.raises(ValueError, match="may draw 4"):
        draws.raw(1)


def test_integer_sqrt_is_exact(rng):
    values = np.concatenate([np.arange(2000), rng.integers(0, 1 << 30, 2000), np.arange(32000, 32760) ** 2 - 1])
    assert integer_sqrt(values.astype(np.int32)).tolist() == [math.isqrt(v) for v in values.tolist()]


def distance_oracle(segments, size):
    """Return distances in units, in floating point, by projection on each segment."""
    centre = (np.arange(size) + 0.5) * UNITS
    points = np.stack(np.meshgrid(centre, centre), -1)[None]
    best = np.full((len(segments), size, size), np.inf)
    for s in range(segments.shape[1]):
        a, b = (segments[:, s, i : i + 2].astype(float)[:, None, None] for i in (0, 2))
        t = ((points - a) * (b - a)).sum(-1) / np.maximum(((b - a) ** 2).sum(-1), 1e-9)
        nearest = a + np.clip(t, 0, 1)[..., None] * (b - a)
        best = np.minimum(best, np.sqrt(((points - nearest) ** 2).sum(-1)))
    return best


def test_squared_distance_is_within_a_quarter_pixel_of_geometry(rng):
    segments = rng.integers(-100, 600, (8, 5, 4)).astype(np.int32)
    segments[0, 0] = [64, 64, 64, 64]  # a point
    found = np.sqrt(squared_distance(segments, 32, np.full(8, 1 << 20, np.int32)))
    # Rounding: one unit in the length, two in each projection, 2^-10 in the direction over at most 1000 units.
    assert np.abs(found - distance_oracle(segments, 32)).max() <= 4


def test_squared_distance_is_cut_at_the_limit():
    segments = np.array([[[0, 0, 16, 16]]], np.int32)
    found = squared_distance(segments, 32, np.array([900], np.int32))
    assert found.max() == 900
    assert found[0, 0, 0] < 16


@pytest.mark.parametrize("width", [8, 16, 40])
def test_coverage_is_full_inside_and_none_outside(width):
    segments = np.array([[[100, 256, 400, 256]]], np.int32)
    cover = coverage(segments, np.array([width], np.int32), 32)
    distance = distance_oracle(segments, 32)
    assert cover.dtype == np.int32
    assert (cover[distance > (width + UNITS) / 2 + 4] == 0).all()
    assert (cover[distance < (width - UNITS) / 2 - 4] >= 254).all()
    assert 0 < cover.max() <= 256


def test_a_wide_stroke_covers_its_own_area():
    cover = coverage(np.array([[[100, 256, 400, 256]]], np.int32), np.array([48], np.int32), 32)
    # Length x width and the two half discs of the ends, in square pixels. Fading linearly in the squared distance, the
    # edge is half covered at sqrt((32^2 + 16^2) / 2) = 25.3 units from the middle, which counts as the half width.
    width = 2 * math.sqrt((32**2 + 16**2) / 2)
    area = (300 * width + math.pi * width**2 / 4) / UNITS**2
    assert cover.sum() / 256 == pytest.approx(area, rel=0.03)
