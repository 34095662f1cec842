"""The layers of the shipped nets, each shape once, and each as a net of its own."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields
from math import prod
from pathlib import Path

from xdn.codegen.target import host_target
from xdn.errors import ShapeError, UnsupportedError
from xdn.frontend import load
from xdn.frontend.weights import random_weights
from xdn.graph import Blob, Layer, Net, Shape
from xdn.kernels.core.family import FAMILIES, Lowering, select
from xdn.kernels.core.layout import BATCH, Schedule
from xdn.layers import LAYERS
from xdn.optimize import PLAIN, POST_FUSION, apply_stages, stage_names

#: Where a shape comes from: nets as the executor runs them, nets as they stand in the file, or a layer put there.
FUSED, AS_READ, STAND_IN = "fused", "as read", "stand-in"

#: Families that no shipped net needs -> a layer for them, and the type of layer whose place it takes.
STAND_INS = {
    "bias": (LAYERS["Bias"](), "ReLU"),
    "elu": (LAYERS["ELU"](), "ReLU"),
    "leaky": (LAYERS["ReLU"](negative_slope=0.1), "Convolution"),
    "lrn_across": (LAYERS["LRN"](), "Convolution"),
    "lrn_within": (LAYERS["LRN"](norm_region="WITHIN_CHANNEL", local_size=3), "Convolution"),
    "prelu": (LAYERS["PReLU"](), "ReLU"),
    "reshape": (LAYERS["Flatten"](), "Pooling"),
    "sigmoid": (LAYERS["Sigmoid"](), "ReLU"),
    "tanh": (LAYERS["TanH"](), "ReLU"),
    "times": (LAYERS["Dropout"](scale_train=False), "ReLU"),
}


@dataclass
class Case:
    """A layer on blobs of given shapes.

    Parameters
    ----------
    family : str
        The kernel family that executes it.
    layer : Layer
        Without weights; its bottoms' names mean nothing.
    shapes : tuple of Shape
        The bottoms', of one image; a fused residual is one of them.
    origin : str
        `FUSED`, `AS_READ` or `STAND_IN`.
    used : Counter
        Net -> how many layers of it are this one.
    schedule : Schedule
        In which the family executes it.
    """

    family: str
    layer: Layer
    shapes: tuple[Shape, ...]
    origin: str = FUSED
    used: Counter[str] = field(default_factory=Counter)
    schedule: Schedule = BATCH

    @property
    def key(self) -> object:
        """What makes two cases the same work."""
        return self.layer.params, self.layer.epilogue, self.shapes, len(self.layer.tops)

    @property
    def parameters(self) -> str:
        """The parameters that are not at their defaults, and what was fused."""
        params = self.layer.params
        found = {f.name: getattr(params, f.name) for f in fields(params) if getattr(params, f.name) != f.default}
        text = [f"{name}={_text(value)}" for name, value in found.items()]
        if epilogue := self.layer.epilogue:
            text += [f"+ {part}" for part in epilogue.parts]
        return " ".join(text)

    def net(self) -> Net:
        """Return the layer as a net of its own, with random weights."""
        names = tuple(f"x{i}" for i in range(len(self.shapes)))
        inputs = [
            Layer(name, LAYERS["Input"](shape=((1, *shape),)), (), (name,))
            for name, shape in zip(names, self.shapes, strict=True)
        ]
        tops = tuple(f"y{i}" for i in range(len(self.layer.tops)))
        layer = self.layer.replace(name="layer", bottoms=names, tops=tops, shared=())
        return random_weights(Net(self.family, (*inputs, layer), tops))


def _text(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def prototxt_of(folder: Path) -> Path:
    """Return the net in a folder; raise UnsupportedError where there is not exactly one."""
    found = sorted(path for path in folder.glob("*.prototxt") if path.name != "solver.prototxt")
    if len(found) != 1:
        raise UnsupportedError(f"{len(found)} prototxts lie here; exactly one is expected", where=str(folder))
    return found[0]


def _family(layer: Layer, bottoms: list[Blob], tops: list[Blob], schedule: Schedule) -> str:
    """Return the name of the family that executes the layer; raise UnsupportedError where none does."""
    family = select(Lowering(layer, bottoms, tops, host_target(), schedule=schedule))
    return next(name for name, each in FAMILIES.items() if each is family)


def _cases(net: Net, name: str, origin: str, schedule: Schedule) -> Iterator[Case]:
    """Yield a case for each layer of the net, inputs left out."""
    for layer in net.layers:
        if layer.params.is_input:
            continue
        family = _family(layer, net.bottom_blobs(layer), net.top_blobs(layer), schedule)
        shapes = tuple(net.blobs[bottom].shape[1:] for bottom in layer.bottoms)
        yield Case(family, layer.replace(weights={}), shapes, origin, Counter([name]), schedule)


def _unique(cases: Iterable[Case]) -> list[Case]:
    """Return each shape once, its uses added up."""
    found: dict[object, Case] = {}
    for case in cases:
        if case.key in found:
            found[case.key].used += case.used
        else:
            found[case.key] = case
    return list(found.values())


def _stand_ins(missing: set[str], cases: list[Case], schedule: Schedule) -> Iterator[Case]:
    """Yield a case, of middle size, for each family of `missing` that has a stand-in and a place for it."""
    stand_ins = STAND_INS | {schedule.op(name): found for name, found in STAND_INS.items()}
    for family in sorted(missing & set(stand_ins)):
        params, place = stand_ins[family]
        shapes = sorted({case.shapes[0] for case in cases if case.layer.type == place}, key=prod)
        if not shapes:
            continue
        middle = shapes[len(shapes) // 2]
        case = Case(family, Layer("layer", params, ("x0",), ("y0",)), (middle,), STAND_IN, schedule=schedule)
        try:
            blobs = case.net().blobs
        except ShapeError:
            continue
        if _family(case.layer, [blobs["x0"]], [blobs["y0"]], schedule) == family:
            yield case


def families_of(schedule: Schedule) -> set[str]:
    """Return the names of the kernel families of a schedule."""
    return {name for name, family in FAMILIES.items() if schedule in family.schedules}


def collect(folders: Iterable[Path], schedule: Schedule = BATCH) -> tuple[list[Case], list[str]]:
    """Return the cases of the nets in `folders`, sorted by family, and the families that have none.

    Layers are taken from the nets as the executor runs them: BatchNorm and Scale folded, sums and activations fused.
    A family that has no layer there is taken from the nets as they stand in the file; one that has none there either
    gets a stand-in.
    """
    fused: list[Case] = []
    as_read: list[Case] = []
    for folder in folders:
        net = load(prototxt_of(folder), random_weights=True)
        as_read += _cases(net, folder.name, AS_READ, schedule)
        net = apply_stages(net, [*stage_names(PLAIN), *stage_names(POST_FUSION)])
        fused += _cases(net, folder.name, FUSED, schedule)
    cases = fused + [case for case in as_read if case.family not in {each.family for each in fused}]
    known = families_of(schedule)
    cases += _stand_ins(known - {case.family for case in cases}, fused + as_read, schedule)
    found = _unique(cases)
    return sorted(found, key=lambda case: case.family), sorted(known - {case.family for case in found})
