"""What runs take, by their images."""

import math

import pytest

from xdn.serve.batching import joined
from xdn.serve.times import Times

#: The numbers of images that are measured as a model is loaded, by schedule.
SIZES = {"channel": (1, 2, 4, 8, 16), "batch": (8, 16)}
MOST = 16


def times_of(**known):
    """Return times with a run of each number of images, by schedule."""
    times = Times(dict.fromkeys(known, 1))
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
    times.observe("channel", 1, 40.0)
    assert times.schedule(1) == "channel"


def test_runs_that_are_disturbed_are_reckoned_with():
    times = times_of(channel={1: 1.0}, batch={1: 9.0})
    for _ in range(20):
        times.observe("channel", 1, 4.0)
    assert times.seconds(1) == pytest.approx(4.0, rel=0.1)


def test_the_schedule_is_left_that_is_disturbed_more_and_taken_again():
    times = times_of(channel={1: 1.0}, batch={1: 1.2})

    def chosen(slow, runs):
        for _ in range(runs):
            schedule = times.schedule(1)
            times.observe(schedule, 1, {"channel": slow, "batch": 1.3}[schedule])
            yield schedule

    assert [*chosen(1.0, 20)].count("channel") == 20
    assert [*chosen(2.0, 200)].count("batch") > 160
    assert [*chosen(1.0, 400)].count("channel") > 200


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
    times = Times({"only": 1})
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
    times = Times({"channel": 1})
    for images, seconds in ((1, 1.0), (2, 40.0), (4, 40.0)):
        times.measured("channel", images, seconds)
    assert times.seconds(4) == 4.0


def true_seconds(schedule, images):
    """Return what runs take in a net whose batches are computed by blocks of 8 images, in much less time."""
    return 0.02 * (images if schedule == "channel" else 0.4 * 8 * math.ceil(images / 8))


def served(times, waiting, runs):
    """Run what waits, always so many requests, so many times; return the images and schedule of each run."""
    found = []
    for _ in range(runs):
        images = joined([1] * waiting, times.seconds, MOST, 0.1, arriving=math.inf)
        found.append((images, times.schedule(images)))
        times.observe(found[-1][1], images, true_seconds(times.schedule(images), images))
    return found


@pytest.mark.parametrize("waiting", [4, 16])
@pytest.mark.parametrize(
    "disturbed",
    [
        lambda schedule, images: 1.0,
        lambda schedule, images: 1.0 if images == 1 else 1.9,
        lambda schedule, images: 1.0 if schedule == "channel" else 2.0,
        lambda schedule, images: 1.0 if schedule == "channel" else 2.4,
        lambda schedule, images: 5.0 if images == 1 else 1.0,
    ],
    ids=["nothing", "several images", "a schedule", "a schedule, much", "one image"],
)
def test_whatever_was_disturbed_the_best_is_found(disturbed, waiting):
    times = Times({"channel": 1, "batch": 8})
    for schedule, sizes in SIZES.items():
        for images in sizes:
            times.measured(schedule, images, disturbed(schedule, images) * true_seconds(schedule, images))
    served(times, waiting, 3000)
    runs = served(times, waiting, 500)
    taken = sum(true_seconds(schedule, images) for images, schedule in runs)
    best = min(true_seconds("batch", images) / images for images in range(1, waiting + 1))
    assert taken / sum(images for images, _ in runs) < 1.05 * best


def trials_of_batch(batch_s, runs):
    """Return how many runs of an image try the schedule that takes longer, as long for more images."""
    times = times_of(channel={1: 1.0}, batch={1: batch_s, 8: batch_s})
    tried = 0
    for _ in range(runs):
        schedule = times.schedule(1)
        times.observe(schedule, 1, 1.0 if schedule == "channel" else batch_s)
        tried += schedule == "batch"
    return tried


def test_a_slower_schedule_is_tried_seldom():
    assert 1 <= trials_of_batch(1.8, runs=4000) <= 8


def test_a_schedule_that_is_several_times_as_slow_is_not_tried():
    assert trials_of_batch(4.0, runs=4000) == 0


def test_images_of_a_block_take_as_long_as_all_of_it():
    times = Times({"batch": 4})
    times.measured("batch", 8, 2.0)
    times.observe("batch", 3, 1.5)
    assert [times.seconds(images) for images in (1, 4, 5, 7)] == [times.seconds(3)] * 2 + [times.seconds(8)] * 2
    assert times.seconds(3) == pytest.approx(times.seconds(8) * 1.5 / 2)


def test_a_number_that_was_tried_is_not_tried_for_what_more_images_are_believed_to_take():
    assert 1 <= trials_of_batch(1.2, runs=1000) <= 6


def test_what_is_only_believed_passes_no_limit():
    times = times_of(batch={1: 0.08, 64: 0.5})
    for _ in range(4000):
        times.observe("batch", 1, 0.08)
    assert times.seconds(64) > 0.3
