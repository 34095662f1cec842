"""Python layers of known meaning: told by their class and what their `param_str` says; their code is never run.

Each rule takes a LayerParameter, what its `param_str` states, and makes it a layer of a type that XDN has. What a
`param_str` states is taken, or refused, never passed over.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from xdn.errors import ParseError, UnsupportedError
from xdn.frontend.caffe.dialects.param_str import Value, read_param_str
from xdn.frontend.caffe.text import Message, place_of, put
from xdn.layers.base import LAYERS, CaffeLayer

PYTHON = "Python"
Stated = Mapping[str, Value]

#: Lists of numbers in the `param_str` of Faster R-CNN's layer -> the field that they become.
_PROPOSAL_LISTS = {"scales": "scale", "ratios": "ratio"}


def _proposal(layer: Message, stated: Stated) -> None:
    """Faster R-CNN's proposal layer is a layer type here, and so is that of CTPN, whose module has another name."""
    if layer.python_param.module.endswith("text_proposal_layer"):
        _text_proposal(layer, stated)
        return
    layer.type = "Proposal"
    for key, value in stated.items():
        if key == "feat_stride" and isinstance(value, int | float) and 1 <= value < 1 << 32 and value == int(value):
            layer.proposal_param.feat_stride = int(value)
        elif key in _PROPOSAL_LISTS and (numbers := _numbers(value)):
            getattr(layer.proposal_param, _PROPOSAL_LISTS[key]).extend(numbers)
        else:
            raise _unknown(key, value)


def _text_proposal(layer: Message, stated: Stated) -> None:
    """CTPN's layer has no more to say than how far positions are apart."""
    layer.type = "TextProposal"
    for key, value in stated.items():
        if key != "feat_stride" or not isinstance(value, int) or not 1 <= value <= 1 << 16:
            raise _unknown(key, value)
        layer.text_proposal_param.feat_stride = value


def _numbers(value: Value) -> list[float]:
    """Return a list of positive numbers, empty where `value` is not one."""
    if not isinstance(value, tuple):
        return []
    numbers = [number for number in value if isinstance(number, int | float) and number > 0]
    return numbers if len(numbers) == len(value) else []


def _spatial_dropout(layer: Message, stated: Stated) -> None:
    """ENet's dropout of whole maps is the identity at test time, whose phase its `param_str` repeats."""
    layer.type = "Dropout"
    for key, value in stated.items():
        if key == "p" and 0 < _number(value) < 1:
            layer.dropout_param.dropout_ratio = _number(value)
        elif not (key == "phase" and value in ("TRAIN", "TEST")):
            raise _unknown(key, value)


#: What DetectNet's clustering is told, in this order; all but the last two must be.
_CLUSTERING = (
    "image_size_x",
    "image_size_y",
    "stride",
    "gridbox_cvg_threshold",
    "gridbox_rect_thresh",
    "gridbox_rect_eps",
    "min_height",
    "num_classes",
    "max_boxes",
)


def _clustering(text: str) -> Stated:
    """Return what the `param_str` of DetectNet's layer says: numbers with commas between them."""
    values = text.split(",")
    if not len(_CLUSTERING) - 2 <= len(values) <= len(_CLUSTERING):
        raise ParseError(f"{len(values)} numbers", where="param_str")
    return dict(zip(_CLUSTERING, values, strict=False))


def _cluster_detections(layer: Message, stated: Stated) -> None:
    """DetectNet's clustering of predicted boxes is a layer type here."""
    layer.type = "ClusterDetections"
    param = layer.cluster_detections_param
    for key, value in stated.items():
        kind = type(getattr(param, key))
        try:
            setattr(param, key, kind(str(value)))
        except (TypeError, ValueError):
            raise _unknown(key, value) from None


#: Module of DenseReg's layer -> whether what a class adds is a residual.
_COMBINING = {"CombineRegressions": True, "CombineRegressionsHuman": False}


def _combine_regressions(layer: Message, stated: Stated) -> None:
    """DenseReg's coordinates of places are a layer type here; its two modules have one class name."""
    module = layer.python_param.module.rpartition(".")[2]
    if module not in _COMBINING:
        raise UnsupportedError(f"the module {module!r}")
    for key, value in stated.items():
        raise _unknown(key, value)
    layer.type, layer.combine_regressions_param.residual = "CombineRegressions", _COMBINING[module]


def _number(value: Value) -> float:
    """Return a number, which may be spelled as a word; 0 for what is none."""
    try:
        return float(value) if isinstance(value, int | float | str) else 0.0
    except ValueError:
        return 0.0


def _unknown(key: str, value: Value) -> UnsupportedError:
    return UnsupportedError(f"param_str: {key!r} is {value!r}, of which nothing is known")


@dataclass(frozen=True)
class _Rule:
    """What a Python layer of known meaning becomes.

    Parameters
    ----------
    apply : callable
        Changes the layer by what its `param_str` states.
    form : str
        How that is written.
    read : callable
        What it states.
    """

    apply: Callable[[Message, Stated], None]
    form: str
    read: Callable[[str], Stated] = read_param_str


#: Class of a Python layer -> its rule.
_RULES = {
    "ProposalLayer": _Rule(_proposal, "'feat_stride': 16, 'scales': [8, 16, 32] and 'ratios': [0.5, 1, 2]"),
    "SpatialDropoutLayer": _Rule(_spatial_dropout, "'phase': 'TEST' and 'p': 0.1"),
    "CombineRegressionsLayer": _Rule(_combine_regressions, f"no param_str, in {' or '.join(_COMBINING)}"),
    "ClusterDetections": _Rule(_cluster_detections, f"numbers with commas: {', '.join(_CLUSTERING)}", _clustering),
}


def is_known_python(layer: Message) -> bool:
    """Return whether `layer` is a Python layer of known meaning, or one that the owner has brought."""
    return layer.type == PYTHON and (layer.python_param.layer in _RULES or _of_owner(layer) is not None)


def _of_owner(layer: Message) -> type[CaffeLayer] | None:
    """Return the owner's layer type that is called as the class of a Python layer, None where there is none."""
    cls = LAYERS.get(layer.python_param.layer)
    return cls if cls is not None and cls.from_plugin else None


def _as_owner_says(layer: Message, cls: type[CaffeLayer]) -> None:
    """Make a Python layer one of the owner's type, whose fields are what its `param_str` states."""
    text, fields = layer.python_param.param_str, cls.proto_fields()
    stated: Stated = {}
    if text:
        stated = {"param_str": text} if "param_str" in fields else read_param_str(text)
    layer.type = cls.type
    for key, value in stated.items():
        if cls.message is None or key not in fields:
            raise UnsupportedError(f"param_str: {key!r}, which is not a field of {cls.type!r}")
        try:
            put(getattr(layer, cls.message.field), key, value)
        except (TypeError, ValueError) as error:
            raise UnsupportedError(f"param_str: {key!r} is {value!r}: {error}") from None


def known_python(layer: Message) -> None:
    """Change a Python layer of known meaning into what it is; others stay."""
    if not is_known_python(layer):
        return
    where, cls = place_of(layer), _of_owner(layer)
    rule = _RULES.get(layer.python_param.layer)
    form = "fields of the layer type" if rule is None else rule.form
    try:
        if rule is None and cls is not None:
            _as_owner_says(layer, cls)
        elif rule is not None:
            rule.apply(layer, rule.read(layer.python_param.param_str))
    except ParseError as error:
        raise UnsupportedError(error.what, where=f"{where}: {error.where}", mend=f"Known: {form}") from None
    except UnsupportedError as error:
        raise UnsupportedError(error.what, where=where, mend=f"Known: {form}") from None
    layer.ClearField("python_param")


def refuse_python(net: Message) -> None:
    """Raise UnsupportedError for the first Python layer that `known_python` has left in the NetParameter `net`."""
    for layer in net.layer:
        if layer.type == PYTHON:
            param = layer.python_param
            what = f"a Python layer ({param.module}.{param.layer}): its code is not in the file, and XDN runs none"
            known = f"The Python layers that XDN knows: {', '.join(_RULES)}"
            mend = f"{known}. Write what it computes as a layer type of your own: xdn-run --layer-plugin FILE.py"
            raise UnsupportedError(what, where=place_of(layer), mend=mend)
