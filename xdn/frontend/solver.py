"""Solvers: how a net is trained, in Caffe's words and, in `xdn_param`, in those it lacks; and what is to be pruned.

Both are protobuf text beside the net: a SolverParameter and a PruneParameter.
"""

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import inf, isfinite
from pathlib import Path
from typing import Any

from google.protobuf import text_format

from xdn.errors import ParseError, SettingError, UnknownNameError
from xdn.files import is_file
from xdn.frontend.caffe.text import fields_of, prototxt, schema, values_of
from xdn.frontend.tokens import Tokens
from xdn.registry import known_names

#: The old enum `solver_type` -> the names of `type`.
_OLD_TYPES = {name.upper(): name for name in ("SGD", "Nesterov", "AdaGrad", "RMSProp", "AdaDelta", "Adam")}
#: The least and the greatest value of a field; for a list, of each of its values.
_LIMITS: Mapping[str, tuple[float, float]] = {
    **dict.fromkeys(("base_lr", "gamma", "power", "delta", "weight_decay"), (0, inf)),
    **dict.fromkeys(("stepsize", "stepvalue", "max_iter", "epochs", "display", "test_interval", "snapshot"), (0, inf)),
    **dict.fromkeys(("momentum", "momentum2", "rms_decay", "low_momentum", "bn_momentum"), (0, 1)),
    **dict.fromkeys(("warmup", "initial_factor", "final_factor", "label_smoothing", "alpha"), (0, 1)),
    **dict.fromkeys(("iter_size", "average_loss"), (1, 1 << 16)),
    "batch_size": (0, 1 << 20),
    "holdout": (0, inf),
    "pad": (0, 1 << 12),
}


@dataclass(frozen=True)
class Recipe:
    """What Caffe's solver has no word for: the solver's `xdn_param`.

    Parameters
    ----------
    data : str
        The data set's name or path; empty: the one that the net names.
    test_data : str
        The data that it is tested on; empty: the test split of `data`.
    batch_size : int
        Images a batch, 0 for what the net's data layer says.
    epochs : int
        In place of `max_iter`, 0 for none.
    pad : int
        Pixels around an image out of which crops are taken.
    pad_mode : str
        ``"ZERO"`` (black) or ``"REFLECT"``.
    mirror : bool
        Mirror every other image, as `transform_param { mirror }` does.
    holdout : int
        The last images of the training set that tests use instead of the test set; they are not trained on.
    warmup_iter : int
        Iterations in which the learning rate grows linearly to what the policy says.
    warmup, initial_factor, final_factor : float
        Of the policies `onecycle` (all) and `cosine` (the last): the share of the iterations in which the rate grows,
        the first rate relative to base_lr, and the last.
    low_momentum : float
        Of `onecycle`: the momentum where the rate is greatest; 0: it stays.
    label_smoothing : float
        The share of a label's probability that all classes get alike.
    teacher : tuple of str
        ``net.prototxt:weights.caffemodel`` of each net whose outputs are learnt too.
    temperature, alpha : float
        The softness of the teachers' outputs, and the share of the loss that they have.
    bf16 : str
        ``"AUTO"``, ``"ON"`` or ``"OFF"``: multiply in bfloat16; AUTO where the processor can.
    bn_momentum : float
        The share of a batch's statistics in BatchNorm's averages.
    freeze_bn : bool
        Leave the statistics of the layers that say `use_global_stats: true` as they are, as Caffe does. Most such
        files were made for inference, not to be trained that way.
    loss_aware : bool
        The scales of filters that are integers are those of a proximal Newton step by Adam's second moment, in place of
        learned ones.
    """

    data: str = ""
    test_data: str = ""
    batch_size: int = 0
    epochs: int = 0
    pad: int = 0
    pad_mode: str = "ZERO"
    mirror: bool = False
    holdout: int = 0
    warmup_iter: int = 0
    warmup: float = 0.3
    initial_factor: float = 0.04
    final_factor: float = 0.0
    low_momentum: float = 0.0
    label_smoothing: float = 0.0
    teacher: tuple[str, ...] = ()
    temperature: float = 4.0
    alpha: float = 0.9
    bf16: str = "AUTO"
    bn_momentum: float = 0.1
    freeze_bn: bool = False
    loss_aware: bool = False


@dataclass(frozen=True)
class Solver:
    """How a net is trained. Names, meanings and defaults are those of Caffe's SolverParameter.

    Parameters
    ----------
    net : str
        The prototxt, as the file spells it; `find_beside` finds it. `test_net` is where tests use another one.
    display, test_interval, snapshot : int
        Iterations between two rows of the log, tests, snapshots; 0: ten rows, one test, one snapshot an epoch.
    snapshot_prefix : str
        Folder and first part of the names of what is written.
    weights : tuple of str
        The caffemodel to begin with; none: fresh weights.
    xdn : Recipe
        The file's `xdn_param`.
    path : Path, optional
        The solver's file.
    places : mapping
        Field -> ``file:line:column``, for errors.
    """

    net: str = ""
    test_net: str = ""
    type: str = "SGD"
    base_lr: float = 0.01
    lr_policy: str = "fixed"
    gamma: float = 0.0
    power: float = 0.0
    stepsize: int = 0
    stepvalue: tuple[int, ...] = ()
    max_iter: int = 0
    iter_size: int = 1
    momentum: float = 0.0
    momentum2: float = 0.999
    rms_decay: float = 0.99
    delta: float = 1e-8
    weight_decay: float = 0.0
    regularization_type: str = "L2"
    clip_gradients: float = -1.0
    display: int = 0
    average_loss: int = 1
    test_interval: int = 0
    test_initialization: bool = True
    snapshot: int = 0
    snapshot_prefix: str = ""
    random_seed: int = -1
    weights: tuple[str, ...] = ()
    xdn: Recipe = Recipe()
    path: Path | None = field(default=None, compare=False)
    places: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)

    def place(self, name: str) -> str:
        """Return where the field `name` stands: ``file:line:column``, or its name where no file says it."""
        return self.places.get(name, name)

    def replace(self, **changes: Any) -> "Solver":
        """Return a copy with fields replaced, those of `xdn` among them, and all values checked again."""
        own = {f.name for f in dataclasses.fields(Recipe)} & set(changes)
        recipe = dataclasses.replace(self.xdn, **{name: changes.pop(name) for name in own})
        return _checked(dataclasses.replace(self, **changes, xdn=recipe))

    def find_beside(self, name: str, what: str) -> Path:
        """Return the file that the field `what` calls `name`: beside the solver, else in the working folder.

        Raises
        ------
        SettingError
            Where it is in neither.
        """
        folders = ([self.path.parent] if self.path else []) + [Path()]
        for folder in folders:
            if is_file(folder / name):
                return folder / name
        looked = ", ".join(str(folder / name) for folder in folders)
        raise SettingError(f"{what}: there is no file {looked}", where=self.place(what))


def read_solver(path: Path) -> Solver:
    """Return the solver in the text file `path`.

    Raises
    ------
    ParseError
        With file:line:column and the nearest known field; for a value that no training can use, too.
    SettingError
        For what XDN does not do: a net within the solver.
    """
    text = prototxt.read_text(path)
    message = prototxt.parse(text, str(path), "SolverParameter")
    values, stated = fields_of(message, Solver), values_of(message)
    if message.HasField("train_net"):
        values["net"] = message.train_net
    values["test_net"] = next(iter(message.test_net), "")
    if not message.HasField("type") and message.HasField("solver_type"):
        values["type"] = _OLD_TYPES[stated["solver_type"]]
    for inline in ("net_param", "train_net_param", "test_net_param"):
        if inline in stated:
            raise SettingError(f"{inline}: a net within the solver is not read", where=str(path), mend="Say net: FILE")
    recipe = Recipe(**fields_of(message.xdn_param, Recipe))
    return _checked(Solver(**values, xdn=recipe, path=path, places=_places(path, text)))


def stated(assignments: Iterable[str]) -> dict[str, Any]:
    """Return field -> value of texts ``FIELD=VALUE``, for `Solver.replace`; those of `xdn_param` are named as others.

    A value is written as in the file, but texts without quotes; a field of several gets one with each assignment.

    Raises
    ------
    SettingError
        For a text without a field and a value.
    UnknownNameError
        With the nearest known field.
    ParseError
        Where a value is not of the field's kind.
    """
    found: dict[str, Any] = {}
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        if not equals:
            raise SettingError(f"{assignment!r} is not FIELD=VALUE", mend="Such as type=Adam")
        many = isinstance(_SETTABLE.get(name), tuple)
        one = _value(name, value, assignment)
        found[name] = (*found.get(name, ()), *(one if isinstance(one, tuple) else (one,))) if many else one
    return found


#: Field -> default, of those that a text can set.
_SETTABLE = {
    each.name: each.default
    for each in (*dataclasses.fields(Solver), *dataclasses.fields(Recipe))
    if each.name not in ("xdn", "path", "places")
}


def _value(name: str, value: str, assignment: str) -> Any:
    """Return the value of a field that an assignment states."""
    if name not in _SETTABLE:
        what = f"{assignment!r}: a solver has no field {name!r}"
        raise UnknownNameError(what, mend=known_names(name, sorted(_SETTABLE)))
    cls = Recipe if name in {each.name for each in dataclasses.fields(Recipe)} else Solver
    message = "XdnSolverParameter" if cls is Recipe else "SolverParameter"
    if schema.is_text(message, name):
        return value
    values = fields_of(prototxt.parse(f"{name}: {value}", assignment, message), cls)
    if values.keys() != {name}:
        raise SettingError(f"{assignment!r} is not FIELD=VALUE with one value")
    return values[name]


def _places(path: Path, text: str) -> dict[str, str]:
    """Return field -> file:line:column of its first mention."""
    found: dict[str, str] = {}
    tokens = Tokens(text, str(path))
    while tokens.current.kind != "end":
        token = tokens.advance()
        if token.kind == "word" and tokens.at(":"):
            found.setdefault(token.text, tokens.place(token))
    return found


def _checked(solver: Solver) -> Solver:
    """Return `solver`; raise ParseError for a value that no training can use."""
    both = [(f.name, getattr(part, f.name)) for part in (solver, solver.xdn) for f in dataclasses.fields(part)]
    for name, value in both:
        low, high = _LIMITS.get(name, (-inf, inf))
        numbers = value if isinstance(value, tuple) else (value,)
        for number in numbers:
            if isinstance(number, int | float) and not (isfinite(number) and low <= number <= high):
                bounds = f"at least {low}" if high == inf else f"from {low} to {high}"
                raise ParseError(f"{name} is {number}; it must be a number {bounds}", where=solver.place(name))
    if solver.xdn.temperature <= 0:
        raise ParseError("temperature must be above 0", where=solver.place("temperature"))
    if solver.regularization_type not in ("L2", "L1"):
        what, mend = f"the regularization {solver.regularization_type!r} is unknown", "Known: L2, L1"
        raise ParseError(what, where=solver.place("regularization_type"), mend=mend)
    return solver


def read_prune_file(path: Path) -> dict[str, Any]:
    """Return the fields that the text file `path` states; ``group`` is a list of its own fields.

    Raises
    ------
    ParseError
        With file:line:column, and the nearest known field.
    """
    return values_of(prototxt.parse(prototxt.read_text(path), str(path), "PruneParameter"))


def prune_text(fields: Mapping[str, Any]) -> str:
    """Return the text of a file that states `fields`; those that are None are left out."""
    groups = [schema.new("PruneRule", **rule) for rule in fields.get("group", ())]
    message = schema.new("PruneParameter", **{**fields, "group": groups})
    return str(text_format.MessageToString(message))
