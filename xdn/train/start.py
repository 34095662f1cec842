"""From a solver to what can be trained: nets, first weights, data, teachers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from xdn import memory
from xdn.data.source import Find, find_data
from xdn.errors import NetError, SettingError, WeightsError
from xdn.frontend import find_weights, frontend_of, load
from xdn.frontend.caffe.weights.assign import lacking
from xdn.frontend.caffe.weights.caffemodel import read_caffemodel
from xdn.frontend.formats import InputShapes
from xdn.frontend.solver import Solver
from xdn.frontend.weights import check_size
from xdn.graph import Net
from xdn.train.data import Examples, find_examples
from xdn.train.initial import fresh
from xdn.train.needs import FEWER, training_needs
from xdn.train.schedule import DEFAULT_BATCH, DEFAULT_SEED, completed
from xdn.train.teachers import Teachers
from xdn.train.trainer import Task


@dataclass(frozen=True, eq=False)
class Start:
    """What a training begins with.

    Parameters
    ----------
    task : Task
    test_net : Net
        The net of the TEST phase, which is written when the training ends; its weights play no part.
    prototxt : Path
        Where it was read.
    weights : str
        Where the first weights are from, in words.
    filled : tuple of str
        The layers that the caffemodel has nothing for, which begin as their fillers say.
    """

    task: Task
    test_net: Net
    prototxt: Path
    weights: str
    filled: tuple[str, ...] = ()

    def deployed(self, trained: Net) -> Net:
        """Return the net of the TEST phase with the weights, and the scales of integers, of the trained one."""
        learned = {layer.name: {"weights": layer.weights, "quantized": layer.quantized} for layer in trained.layers}
        layers = self.test_net.without_weights().layers
        return self.test_net.replace(layers=tuple(layer.replace(**learned.get(layer.name, {})) for layer in layers))


def _unchanged(net: Net) -> Net:
    return net


def begin(
    solver: Solver,
    out: Path | None = None,
    *,
    input_shape: InputShapes | None = None,
    find: Find = find_data,
    adapt: Callable[[Net], Net] = _unchanged,
    from_scratch: bool = False,
) -> Start:
    """Return what `solver` describes.

    Parameters
    ----------
    solver : Solver
    out : Path, optional
        The folder of what is written, in place of the solver's `snapshot_prefix`; where it says none either,
        the net's name with ``.trained``.
    input_shape : tuple of int, or mapping, optional
        As `xdn.frontend.load` takes it.
    find : callable
        Finds data, as `find_data` does.
    adapt : callable
        Changes the net after it was read, such as the transform of its images.
    from_scratch : bool
        Begin with fresh weights, also where the net's own file has some and no others are named.

    Raises
    ------
    SettingError, ParseError, NetError, WeightsError, DataError, MemoryLimitError
        Whatever is missing, and how to mend it.
    """
    if not solver.net:
        raise SettingError("the solver names no net", where=str(solver.path or "solver"), mend="Say it with --net")
    path = solver.find_beside(solver.net, "net")
    test_path = solver.find_beside(solver.test_net, "test_net") if solver.test_net else path
    seed = solver.random_seed if solver.random_seed >= 0 else DEFAULT_SEED
    begun, words, filled = _with_first_weights(solver, path, seed, input_shape, from_scratch)
    net, test_net = adapt(begun), adapt(_loaded(test_path, "TEST", input_shape))
    _check_same_weights(net, test_net)
    batch = solver.xdn.batch_size or frontend_of(path).declared_batch(path, "TRAIN") or DEFAULT_BATCH
    memory.require(training_needs(net, batch), f"training on {batch} images a batch", FEWER)
    examples: Examples = find_examples(solver.xdn, (net, test_net), batch=batch, seed=seed, find=find)
    teachers = Teachers(_teachers(solver), net, solver.xdn) if solver.xdn.teacher else None
    whole = completed(solver, examples.train.batches, batch)
    task = Task(whole, net, examples, _prefix(solver, out, path), seed, teachers)
    return Start(task, test_net, test_path, words, tuple(filled))


def _loaded(path: Path, phase: str, input_shape: InputShapes | None) -> Net:
    """Return the net in a file, as it is in a phase where its format has such."""
    phases: dict[str, Any] = {"phase": phase} if "phase" in frontend_of(path).options else {}
    return load(path, input_shape=input_shape, **phases)


def _with_first_weights(
    solver: Solver, path: Path, seed: int, input_shape: InputShapes | None, from_scratch: bool
) -> tuple[Net, str, list[str]]:
    """Return the net to train; where its weights are from, in words; and the layers that its caffemodel lacks.

    These begin as their fillers say. Where none are named, the net begins with those of its own file, else fresh.

    The rule is Caffe's (Net::CopyTrainedLayersFrom): layers are matched by name, the same name with another shape is
    an error, and layers that the file lacks keep what their fillers gave them.
    """
    if len(solver.weights) > 1:
        raise SettingError("weights: one caffemodel is read", where=solver.place("weights"))
    if not solver.weights:
        net = _loaded(path, "TRAIN", input_shape)
        check_size(net)
        if not from_scratch and any(layer.weights for layer in net.layers):
            return net, str(path), []
        return fresh(net, seed), f"fresh, seed {seed}", []
    weights = solver.find_beside(solver.weights[0], "weights")
    net = load(path, weights, phase="TRAIN", input_shape=input_shape, partial_weights=True, seed=seed)
    return net, solver.weights[0], lacking(net, read_caffemodel(weights, set()))


def _check_same_weights(net: Net, test_net: Net) -> None:
    net, test_net = net.without_weights(), test_net.without_weights()
    trained = {layer.name: net.weight_shapes(layer) for layer in net.layers}
    for layer in test_net.layers:
        shapes = test_net.weight_shapes(layer)
        if shapes and trained.get(layer.name) != shapes:
            raise NetError("the layer has other weights in the phase TRAIN", where=f"layer {layer.name!r}")


def _teachers(solver: Solver) -> Sequence[Net]:
    nets = []
    for said in solver.xdn.teacher:
        prototxt, _, weights = said.partition(":")
        path = solver.find_beside(prototxt, "teacher")
        try:
            nets.append(load(path, solver.find_beside(weights, "teacher") if weights else find_weights(path)))
        except WeightsError as error:
            mend = "A teacher needs all of its weights: name them as PROTOTXT:WEIGHTS"
            raise WeightsError(error.what, where=error.where, mend=mend) from None
    return nets


def _prefix(solver: Solver, out: Path | None, net: Path) -> Path:
    """Return folder and first part of the names of what is written."""
    if out is not None:
        return out / net.stem
    said = PurePath(solver.snapshot_prefix)
    if not solver.snapshot_prefix:
        return Path(f"{net.stem}.trained") / net.stem
    if said.is_absolute() or ".." in said.parts:
        what = f"snapshot_prefix {solver.snapshot_prefix!r} leads out of the working folder"
        raise SettingError(what, where=solver.place("snapshot_prefix"), mend="Name the folder with --out")
    return Path(said) / net.stem if solver.snapshot_prefix.endswith("/") else Path(said)
