"""What only the data tells a solver."""

import pytest

from xdn.errors import SettingError
from xdn.frontend.solver import Recipe, Solver
from xdn.train.schedule import completed


def test_epochs_become_iterations():
    done = completed(Solver(xdn=Recipe(epochs=3)), 391, 128)
    assert (done.max_iter, done.display, done.test_interval, done.snapshot) == (1173, 39, 391, 391)
    assert done.xdn.batch_size == 128


def test_what_the_solver_says_stays():
    done = completed(Solver(max_iter=7, display=2, test_interval=3, snapshot=4), 391, 128)
    assert (done.max_iter, done.display, done.test_interval, done.snapshot) == (7, 2, 3, 4)


def test_an_iteration_of_several_batches():
    assert completed(Solver(iter_size=4, xdn=Recipe(epochs=2)), 10, 8).max_iter == 4
    assert completed(Solver(iter_size=40, xdn=Recipe(epochs=2)), 10, 8).max_iter == 2


@pytest.mark.parametrize(
    ("solver", "found"),
    [(Solver(), "neither max_iter nor"), (Solver(max_iter=3, xdn=Recipe(epochs=1)), "both max_iter and epochs")],
)
def test_one_length_is_needed(solver, found):
    with pytest.raises(SettingError, match=f"the solver says {found}.*--epochs"):
        completed(solver, 10, 8)
