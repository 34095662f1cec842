"""What all strategies have in common, and what each is better at, on surfaces whose best point is known."""

from math import inf
from statistics import mean

import pytest

from tests.tune.surfaces import BEST, SMALL, SPACE, driven, surface
from xdn.tune.search import SEARCHES, Hints
from xdn.tune.search.halving import MOST
from xdn.tune.space import Axis, Space

ALL = list(SEARCHES)


def found(made):
    """Return the true score of the point that a search would give: the best of those measured longest."""
    most = max(share for _, share, _ in made)
    return surface(min((m for m in made if m[1] == most), key=lambda m: m[2])[0])


def test_the_strategies():
    assert ALL == ["genetic", "grid", "halving", "policy-gradient", "random"]
    assert all(line.endswith(".") for _, line in SEARCHES.describe())


@pytest.mark.parametrize("strategy", ALL)
def test_only_legal_points_and_shares(strategy):
    for point, share, _ in driven(strategy):
        assert point in SPACE
        assert 0 < share <= 1


@pytest.mark.parametrize("strategy", ALL)
def test_a_small_space_is_searched_to_its_end(strategy):
    made = driven(strategy, SMALL, trials=10_000, score=lambda point: 2.0 - point[0] / 10 + (point[2] == "a"))
    assert min(made, key=lambda m: m[2])[0][::2] == (4, "b")
    assert {point for point, _, _ in made} <= set(SMALL)


@pytest.mark.parametrize("strategy", ALL)
def test_the_same_seed_and_scores_give_the_same_search(strategy):
    assert driven(strategy, noise=0.1) == driven(strategy, noise=0.1)


@pytest.mark.parametrize("strategy", sorted(set(ALL) - {"grid"}))
def test_another_seed_gives_another_search(strategy):
    assert driven(strategy, seed=1) != driven(strategy, seed=2)


@pytest.mark.parametrize("strategy", ALL)
def test_points_that_fail_do_not_end_a_search(strategy):
    made = driven(strategy, score=lambda point: inf if point[0] % 2 == 0 else surface(point), trials=400)
    good = [score for _, _, score in made if score < inf]
    # The best of the points that do not fail is BEST itself.
    assert min(good) < 1.2


@pytest.mark.parametrize("strategy", ALL)
def test_all_points_failing_is_survived(strategy):
    assert all(score == inf for _, _, score in driven(strategy, score=lambda point: inf, trials=60))


def test_the_grid_is_in_order():
    assert [point for point, _, _ in driven("grid", trials=10**6)] == list(SPACE)


@pytest.mark.parametrize("strategy", ["genetic", "policy-gradient"])
def test_learning_beats_luck(strategy):
    """Over ten seeds: what was found in 120 of 1680 points, without noise."""
    learned, lucky = (
        mean(found(driven(name, trials=120, seed=seed)) for seed in range(10)) for name in (strategy, "random")
    )
    assert learned < lucky
    assert learned < 1.06


def test_halving_spends_its_time_on_the_better_ones():
    made = driven("halving", trials=10**6, noise=0.02)
    shares = sorted({share for _, share, _ in made})
    assert shares == [1 / 9, 1 / 3, 1.0]
    counts = [sum(share == each for _, share, _ in made) for each in shares]
    assert counts == [MOST, MOST // 3, MOST // 9]
    means = [mean(surface(p) for p, share, _ in made if share == each) for each in shares]
    assert means == sorted(means, reverse=True)


def test_halving_takes_what_the_budget_bears():
    """As many measurements in full, in all, as the budget has."""
    made = driven("halving", trials=10**6, hints=Hints(capacity=30))
    assert sum(share for _, share, _ in made) <= 30
    assert len({point for point, _, _ in made}) == 60


def test_halving_begins_around_what_is_known_to_be_good():
    start = (2, 5, 1, 4)
    made = driven("halving", trials=10**6, hints=Hints(capacity=16, start=start))
    near = set(SPACE.neighbours(start))
    assert len({point for point, _, _ in made} & near) >= 16
    assert found(made) == 1.0


def test_halving_tries_every_axis_first():
    start = (2, 3, 1, 4)
    made = driven("halving", trials=10**6, hints=Hints(capacity=4, start=start))
    tried = [[own != other for own, other in zip(start, point, strict=True)] for point, *_ in made[:8]]
    alone = [changed.index(True) for changed in tried if sum(changed) == 1]
    assert set(alone) == {0, 1, 2, 3}


def test_halving_of_a_whole_grid_finds_its_best():
    fixed = tuple(Axis(axis.name, (best,)) for axis, best in zip(SPACE.axes[2:], BEST[2:], strict=True))
    plane = Space((*SPACE.axes[:2], *fixed))
    assert all(found(driven("halving", plane, trials=10**6, seed=seed)) == 1.0 for seed in range(5))
