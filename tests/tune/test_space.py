"""Spaces: every legal point once, no other, in the grid and at random."""

import itertools

import numpy as np
import pytest

from xdn.tune.space import Axis, Space


def divisors(values):
    """Threads are divided among members without rest."""
    return "members" not in values or values["threads"] % values["members"] == 0


SPACE = Space((Axis("threads", (1, 2, 3, 4)), Axis("members", (1, 2, 3)), Axis("chunk", ("a", "b"))), divisors)
LEGAL = [p for p in itertools.product((1, 2, 3, 4), (1, 2, 3), ("a", "b")) if p[0] % p[1] == 0]


def test_the_grid_is_every_legal_point_in_order():
    assert list(SPACE) == LEGAL
    assert (SPACE.size, SPACE.combinations) == (len(LEGAL), 24)


def test_what_begins_illegally_is_never_finished():
    seen = []

    def legal(values):
        seen.append(dict(values))
        return divisors(values)

    assert list(Space(SPACE.axes, legal)) == LEGAL
    assert not [v for v in seen if len(v) == 3 and v["threads"] % v["members"]]


def test_membership():
    assert all(point in SPACE for point in LEGAL)
    for point in ((3, 2, "a"), (5, 1, "a"), (1, 1), [1, 1, "a"], None):
        assert point not in SPACE


def test_random_points_are_legal_and_reach_everything():
    rng = np.random.default_rng(0)
    assert {SPACE.random(rng) for _ in range(500)} == set(LEGAL)


def test_a_space_with_few_legal_points_still_gives_one():
    wanted = (7, 7, 7)
    axes = tuple(Axis(name, tuple(range(60))) for name in "abc")
    space = Space(axes, lambda values: tuple(values.values()) == wanted[: len(values)])
    assert space.random(np.random.default_rng(0)) == wanted


@pytest.mark.parametrize("point", list(itertools.product((1, 2, 3, 4), (1, 2, 3), ("a", "b"))))
def test_repaired_points_are_legal_and_keep_what_is(point):
    repaired = SPACE.repaired(point, np.random.default_rng(1))
    assert repaired in SPACE
    assert (repaired == point) == (point in SPACE)
    assert (repaired[0], repaired[2]) == (point[0], point[2])


def test_values_and_points():
    assert SPACE.values((4, 2, "b")) == {"threads": 4, "members": 2, "chunk": "b"}
    assert SPACE.point({"chunk": "b", "members": 2, "threads": 4}) == (4, 2, "b")


def test_neighbours_differ_in_one_axis():
    near = list(SPACE.neighbours((4, 2, "a")))
    assert set(near) == {(2, 2, "a"), (4, 1, "a"), (4, 2, "b")}
    assert len(near) == len(set(near))
