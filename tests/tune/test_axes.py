"""The run level: only configurations that can be run, and all that differ."""

import pytest

from tests.kernels.checks import B
from xdn.codegen.target import host_target
from xdn.kernels.core.layout import SCHEDULES
from xdn.runtime.configuration import DEFAULT, Configuration
from xdn.tune.axes import configuration_of, run_space, thread_counts


@pytest.mark.parametrize(
    ("most", "counts"), [(1, (1,)), (2, (1, 2)), (4, (1, 2, 3, 4)), (12, (1, 2, 3, 4, 5, 6, 7, 8, 12))]
)
def test_threads(most, counts):
    assert thread_counts(most) == counts


def test_many_threads_are_not_all_tried():
    assert thread_counts(96) == (1, 2, 3, 4, 5, 6, 7, 8, 16, 32, 48, 64, 96)


@pytest.mark.parametrize("call", [None, 1, 2, B, 3 * B])
@pytest.mark.parametrize("threads", [1, 2, 6])
def test_every_point_is_a_configuration_that_means_something(threads, call):
    space = run_space(threads, call)
    points = list(space)
    assert 0 < len(points) == len(set(points))
    for point in points:
        values = space.values(point)
        block = SCHEDULES[values["schedule"]].block_images(host_target())
        assert values["threads"] % values["members"] == 0
        assert values["schedule"] == "channel" or values["members"] == 1
        assert values["chunk"] % block == 0
        assert values["light"] * block <= values["chunk"]
        # A larger chunk would be filled no more than this one.
        assert call is None or values["chunk"] - block < call
        configuration_of(values, DEFAULT)


def test_single_images_have_few_points():
    assert run_space(2, 1).size == 5


def test_the_images_of_a_call_may_be_chosen():
    space = run_space(2, None, calls=(1, B))
    assert {space.values(point)["call"] for point in space} == {1, B}
    assert all(values["chunk"] <= max(values["call"], B) for values in map(space.values, space))


def test_what_the_space_does_not_choose_stays():
    base = Configuration(winograd=False, choices={"channel": {}})
    point = next(p for p in run_space(4, None) if p[2] == 2)
    made = configuration_of(run_space(4, None).values(point), base)
    assert (made.winograd, made.choices, made.members) == (False, {"channel": {}}, 2)
