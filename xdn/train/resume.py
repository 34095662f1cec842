"""What a snapshot holds, and whether it belongs to the training that would go on from it."""

import dataclasses
import json
from collections import deque
from math import isfinite
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from xdn.errors import DataError, SettingError
from xdn.frontend.solver import Solver
from xdn.graph import Net
from xdn.train.optimizer import CaffeOptimizer

State = dict[str, Any]
#: Fields of a solver that change no weight: a training may go on with others.
_FREE = {"display", "test_interval", "test_initialization", "snapshot", "snapshot_prefix"}
#: Fields that came later: where they have their defaults, they are those of a snapshot that does not know them.
_LATER = {"loss_aware": False}
#: Fields that name files; what stands in these is compared.
_FILES = {"net", "test_net", "weights", "data", "test_data", "teacher"}
_MEND = "Name another folder with --out, or begin anew with --restart"


@dataclasses.dataclass
class Progress:
    """How far a training is.

    Parameters
    ----------
    iteration : int
        Iterations done.
    seconds : float
        What they took, tests included.
    tested : int
        The iteration after which the last test was made, -1 for none.
    accuracy : float
        What that test found, in percent.
    losses : list of float
        Of the last `average_loss` iterations.
    """

    iteration: int = 0
    seconds: float = 0.0
    tested: int = -1
    accuracy: float = 0.0
    losses: deque[float] = dataclasses.field(default_factory=deque)


def identity(solver: Solver, net: Net, data: str, seed: int, teachers: list[str]) -> dict[str, str]:
    """Return what makes two trainings the same, in words: the net, its first weights, the data, the solver's fields."""
    specs = [(layer.name, layer.param_specs) for layer in net.layers if layer.param_specs]
    fields = {**vars(solver), **vars(solver.xdn), "random_seed": seed}
    names = {f.name for f in (*dataclasses.fields(Solver), *dataclasses.fields(solver.xdn)) if f.compare}
    later = {name for name, default in _LATER.items() if fields[name] == default}
    said = {name: json.dumps(fields[name]) for name in sorted(names - _FREE - _FILES - later - {"xdn"})}
    own = {
        "net": net.without_weights().digest,
        "lr_mult and decay_mult": repr(specs),
        "first weights": net.digest,
        "data": data,
    }
    return own | {"teachers": " ".join(teachers)} | said


def state_of(own: dict[str, str], module: nn.Module, optimizer: CaffeOptimizer, progress: Progress) -> State:
    """Return all that a snapshot holds."""
    kept = optimizer.state_dict()
    return {
        "identity": own,
        "module": module.state_dict(),
        "kept": kept["state"],
        "counts": [group["count"] for group in kept["param_groups"]],
        "progress": vars(progress) | {"losses": list(progress.losses)},
    }


def restore(
    state: State,
    own: dict[str, str],
    module: nn.Module,
    optimizer: CaffeOptimizer,
    progress: Progress,
    path: Path,
) -> None:
    """Bring module, optimizer and progress to where `state` was taken.

    Raises
    ------
    SettingError
        Naming what differs, where the snapshot belongs to another training.
    DataError
        Where it lacks something.
    """
    theirs = state.get("identity")
    if not isinstance(theirs, dict):
        raise DataError("the snapshot does not say whose it is", where=str(path), mend=_MEND)
    for name in {**own, **theirs}:
        if theirs.get(name) != own.get(name):
            raise SettingError(f"the snapshot belongs to another training: {name} differs", where=str(path), mend=_MEND)
    try:
        _check_tensors(state["module"], module.state_dict())
        module.load_state_dict(state["module"])
        _restore_optimizer(state, optimizer)
        _restore_progress(state["progress"], progress)
    except (KeyError, TypeError, ValueError, RuntimeError, AttributeError) as error:
        raise DataError(f"the snapshot is damaged: {error}", where=str(path), mend=_MEND) from None


def _check_tensors(found: dict[str, Any], wanted: dict[str, Tensor]) -> None:
    """Raise ValueError unless `found` holds dense tensors of the names, shapes and types of `wanted`."""
    if set(found) != set(wanted):
        raise ValueError("its tensors are not those of the net")
    for name, tensor in wanted.items():
        other = found[name]
        dense = isinstance(other, Tensor) and other.layout == torch.strided
        if not dense or other.shape != tensor.shape or other.dtype != tensor.dtype:
            raise ValueError(f"{name} is not a tensor of the shape {tuple(tensor.shape)}")


def _restore_optimizer(state: State, optimizer: CaffeOptimizer) -> None:
    whole = optimizer.state_dict()
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    kept, counts = state["kept"], [int(count) for count in state["counts"]]
    for index, tensors in kept.items():
        _check_tensors(tensors, dict.fromkeys(optimizer.kept, weights[index]))
    for group, count in zip(whole["param_groups"], counts, strict=True):
        group["count"] = count
    optimizer.load_state_dict(whole | {"state": kept})


def _restore_progress(found: dict[str, Any], progress: Progress) -> None:
    losses = [float(loss) for loss in found["losses"]]
    numbers = (float(found["seconds"]), float(found["accuracy"]), *losses)
    if int(found["iteration"]) < 0 or not all(map(isfinite, numbers)):
        raise ValueError("its numbers are not those that a training gives")
    progress.iteration, progress.tested = int(found["iteration"]), int(found["tested"])
    progress.seconds, progress.accuracy = numbers[0], numbers[1]
    progress.losses.extend(losses)
