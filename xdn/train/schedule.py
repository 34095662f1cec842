"""Complete a solver by what only the data tells: how many iterations an epoch has."""

from xdn.errors import SettingError
from xdn.frontend.solver import Solver

#: Images a batch where neither solver nor net say it.
DEFAULT_BATCH = 128
#: Rows of losses that the log gets an epoch where the solver does not say it.
ROWS_AN_EPOCH = 10
#: The seed where the solver names none, so that two trainings are the same unless another is asked for.
DEFAULT_SEED = 1


def completed(solver: Solver, batches: int, batch: int) -> Solver:
    """Return `solver` with `max_iter`, and every interval that it leaves open, for an epoch of `batches` of `batch`.

    Raises
    ------
    SettingError
        Where neither `max_iter` nor `epochs` stand in it, or both do.
    """
    epochs = solver.xdn.epochs
    if bool(epochs) == bool(solver.max_iter):
        found = "both max_iter and epochs" if epochs else "neither max_iter nor xdn_param { epochs }"
        mend = "Say one of them, or --epochs"
        raise SettingError(f"the solver says {found}", where=str(solver.path or "solver"), mend=mend)
    an_epoch = max(1, batches // solver.iter_size)
    return solver.replace(
        max_iter=solver.max_iter or epochs * an_epoch,
        display=solver.display or max(1, an_epoch // ROWS_AN_EPOCH),
        test_interval=solver.test_interval or an_epoch,
        snapshot=solver.snapshot or an_epoch,
        batch_size=batch,
    )
