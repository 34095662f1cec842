"""What runs take, by their images."""

import pytest

from xdn.serve.times import Times


def times_of(**known):
    """Return times with a run of each number of images, by schedule."""
    times = Times(known)
    for schedule, runs in known.items():
        for images, seconds in runs.items():
            times.observe(schedule, images, seconds)
    times.observe(schedule, images, seconds)
    return times


def test_the_faster_schedule_is_chosen_by_the_number_of_images():
    times = times_of(channel={1: 1.0, 8: 8.0}, batch={64: 32.0})
    assert [times.schedule(images) for images in (1, 4, 31, 33, 64, 200)] == [*["channel"] * 3, *["batch"] * 3]


def test_numbers_between_are_interpolated():
    times = times_of(batch={2: 2.0, 4: 3.0})
    assert [times.schedule(images) for images in (1, 3)] == ["batch", "batch"]
    ratio = times.seconds(2) / 2.0
    assert times.seconds(3) == pytest.approx(2.5 * ratio)
    assert times.seconds(8) == pytest.approx(6.0 * ratio)
    assert times.seconds(1) == pytest.approx(2.0 * ratio)


def test_a_disturbed_run_changes_no_choice():
    times = times_of(channel={1: 1.0}, batch={1: 1.5})
    for _ in range(20):
        times.observe("channel", 1, 4.0)
    assert times.schedule(1) == "channel"
    assert times.seconds(1) == pytest.approx(4.0, rel=0.1)


def test_a_quicker_run_is_believed():
    times = times_of(channel={1: 1.0}, batch={1: 1.5})
    times.observe("batch", 1, 0.5)
    assert times.schedule(1) == "batch"


def test_a_number_of_images_that_ran_has_its_own_time():
    times = times_of(batch={1: 1.0, 64: 1.0})
    assert times.schedule(32) == "batch"
    times.observe("batch", 32, 0.25)
    assert times.seconds(32) < times.seconds(33)


def test_nothing_known_is_no_time():
    times = Times(["only"])
    assert (times.seconds(3), times.schedule(3)) == (0.0, "only")


def test_a_schedule_can_be_left_out():
    times = times_of(channel={1: 1.0}, batch={1: 0.5})
    times.forget("batch")
    assert times.schedule(1) == "channel"


def test_what_was_not_run_for_long_is_tried_again():
    times = times_of(channel={1: 1.0, 2: 2.2})
    for _ in range(200):
        times.observe("channel", 1, 1.0)
    assert times.seconds(2) / 2 < times.seconds(1)
    assert times.seconds(2) > 0.7 * 2.2
    times.observe("channel", 2, 2.2)
    assert times.seconds(2) / 2 == pytest.approx(times.seconds(1))


def test_fewer_images_take_no_longer_than_more():
    times = times_of(channel={1: 9.0, 2: 1.0, 4: 2.0}, batch={1: 3.0})
    assert times.schedule(1) == "channel"
    assert times.seconds(1) == times.seconds(2)


def test_more_images_take_no_longer_than_one_after_the_other():
    times = Times(["channel"])
    for images, seconds in ((1, 1.0), (2, 40.0), (4, 40.0)):
        times.measured("channel", images, seconds)
    assert times.seconds(4) == 4.0
