"""What of a net's text may be passed over, since it does not decide what the net computes: unknown and unread fields.

Forks of Caffe add fields. Each that is passed over is a warning, with its reason:

- *training*: it stands in a filler, in the learning rates of weights, or in the parameters of a loss or a data layer;
- *engine*: it says how a layer is computed, and not what (`_ENGINES`, wherever it stands, and the values of fields that
  a layer type lists as `unused`);
- *no reader*: its layer does not run, or is of one of Caffe's own types, which read their own message only;
- *unknown*: a field of a fork beside the parameters of such a layer, in the transform of images, or parameters (a
  message called so) at the head of the net. What it means cannot be told, and the warning says so.

In the parameters of a layer that runs an unknown field may change its results, and one that looks like a misspelled
known field certainly does: these are errors. So is every unknown field in a layer of a type that forks brought, because
it may be what tells two layers of the same name apart.

Parameters of one layer type may also stand in a layer of another, which does not read them (`check_unread`). In a layer
of Caffe's own type they say nothing, and a warning tells of it. Types that forks brought differ from fork to fork, and
such a message may be just what tells them apart (the Normalize of happynear's fork reads softmax_param, that of SSD
norm_param): there they are an error.
"""

import difflib
import logging
from collections.abc import Iterable, Sequence
from functools import cache

from xdn import settings
from xdn.errors import ParseError, UnsupportedError
from xdn.frontend.caffe.dialects.upgrade_v0 import current_type
from xdn.frontend.caffe.text import Message, messages, place_of, schema
from xdn.frontend.textformat import Unknown, explain
from xdn.layers.base import LAYERS, CaffeLayer

log = logging.getLogger(__name__)

#: From this likeness on a name counts as a misspelling.
_MISSPELLED = 0.8
#: Fields of forks (NVIDIA's, Intel's, Cambricon's, SkimCaffe's) that choose an implementation, or its numbers.
_ENGINES = (
    "engine",
    *(f"{way}_{what}" for way in ("forward", "backward") for what in ("type", "math")),
    *(f"default_{way}_{what}" for way in ("forward", "backward") for what in ("type", "math")),
    "cudnn_math_override",
    "cudnn_convolution_algo_seeker",
    "conv_algos_override",
    "conv_mode",
    "gemm_mode",
    "default_cudnn_math_override",
    "default_conv_algos_override",
    "global_grad_scale",
    "reduce_buckets",
)
_HOW = "as it says how to compute, not what"
#: So many warnings of one file are told; the rest is counted.
_TOLD = 8


@cache
def _training_messages() -> frozenset[str]:
    """Return the messages that only data layers, losses and measures have."""
    return frozenset(schema.parse_table(messages.TRAINING))


def _layer_of(unknown: Unknown) -> Message | None:
    """Return the layer that something unknown stands in, None outside of layers."""
    names = ("LayerParameter", "V1LayerParameter")
    return next((part for part in unknown.path if part.DESCRIPTOR.name in names), None)


def _class_of(layer: Message) -> type[CaffeLayer] | None:
    """Return the layer type that runs, None for one that XDN does not know: a data layer, a loss, a stranger."""
    return LAYERS.get(_type_of(layer))


def _type_of(layer: Message) -> str:
    """Return the type of a layer of either format, empty where it has none."""
    if layer.DESCRIPTOR.name == "LayerParameter":
        return str(layer.type)
    if layer.HasField("layer"):
        return current_type(layer.layer.type)
    return str(layer.xdn_type) or next(new for number, new in schema.v1_types().values() if number == layer.type)


def _misspelled(name: str, known: Iterable[str]) -> bool:
    """Return whether `name` looks like one that is known; the ending that all messages have in common left aside."""
    stem = name.removesuffix("_param")
    stems = [other.removesuffix("_param") for other in known]
    return bool(difflib.get_close_matches(stem, stems, n=1, cutoff=_MISSPELLED))


def _excuse(unknown: Unknown) -> str | None:
    """Return why what is unknown may be passed over, None where it may not."""
    message = unknown.path[-1].DESCRIPTOR
    within = {part.DESCRIPTOR.name for part in unknown.path}
    if "TransformationParameter" in within:
        return "whose meaning is unknown: the images may have to be transformed otherwise"
    if message.name in ("NetState", "NetStateRule"):
        return None
    layer = _layer_of(unknown)
    if layer is None:
        misspelled = message.name != "NetParameter" or _misspelled(unknown.name, message.fields_by_name)
        # Whatever else a message holds may be a layer.
        may_compute = unknown.is_message and not unknown.name.endswith("_param")
        return None if may_compute or misspelled else _excuse_of_strange(unknown)
    cls = _class_of(layer)
    if cls is None:
        # Of a layer without a type nothing is known; one of a type that XDN lacks is refused for that, or goes.
        return f"as layers of type {_type_of(layer)!r} do not run" if _type_of(layer) else None
    if within & {"FillerParameter", "ParamSpec", *_training_messages()}:
        return "as only training needs it"
    if unknown.value is not None:
        return _HOW if unknown.name in cls.unused else None
    if unknown.name in _ENGINES:
        return _HOW
    if len(unknown.path) == 2:
        if unknown.name in cls.proto_fields() or _misspelled(unknown.name, message.fields_by_name):
            return None
        return _excuse_of_strange(unknown) if cls.of_caffe() else None
    own = {"V0LayerParameter"} if cls.message is None else {"V0LayerParameter", cls.message.name}
    return "as layers of this type do not read it" if cls.of_caffe() and not within & own else None


def _excuse_of_strange(unknown: Unknown) -> str:
    """Return why a field of a net, or of a layer of Caffe's own type, may be passed over that Caffe does not have."""
    return _HOW if unknown.name in _ENGINES else "whose meaning is unknown: in its fork of Caffe results may differ"


def tolerated(found: Sequence[Unknown], strict: bool = True) -> list[str]:
    """Return a warning for each unknown field and value of a net that may be passed over, those of one kind once.

    Where a net is only looked at, and not `strict`, that is each in a layer that has a type.

    Raises
    ------
    ParseError
        For the first that may matter: its place, and the nearest known.
    """
    warnings: dict[str, str] = {}
    kinds: set[tuple[object, ...]] = set()
    for unknown in found:
        layer = _layer_of(unknown)
        path = tuple(part.DESCRIPTOR.name for part in unknown.path)
        kind = (path, _type_of(layer) if layer else None, unknown.name, unknown.value, unknown.is_message)
        if kind in kinds:
            continue
        kinds.add(kind)
        if len(kinds) > settings.MAX_UNKNOWN_KINDS:
            raise ParseError(f"more than {settings.MAX_UNKNOWN_KINDS} kinds of unknown fields", where=unknown.where)
        what, mend = explain(unknown)
        excuse = _excuse(unknown)
        if excuse is None and not strict and layer is not None and _type_of(layer):
            excuse = "as the net is only looked at; it cannot be run"
        if excuse is None:
            raise ParseError(what, where=unknown.where, mend=mend)
        warnings.setdefault(what, f"{unknown.where}: {what}; passed over, {excuse}")
    told = list(warnings.values())
    return told if len(told) <= _TOLD else [*told[:_TOLD], f"and {len(told) - _TOLD} more of this kind"]


def check_unread(net: Message, strict: bool = True) -> None:
    """Log a warning for each parameter that a layer of the NetParameter `net` does not read, those of one kind once.

    Raises
    ------
    UnsupportedError
        For the first in a layer of a type that is not Caffe's own, if `strict`.
    """
    #: What may stand in any layer: our additions, and what data layers, losses and measures read.
    anywhere = {"XdnParameter", *_training_messages()}
    told: set[tuple[str, str]] = set()
    for layer in net.layer:
        cls, where = _class_of(layer), place_of(layer)
        if cls is None:
            continue
        own = None if cls.message is None else cls.message.field
        for field, value in layer.ListFields():
            name, message = field.name, field.message_type
            is_param = message is not None and name.endswith("_param") and message.name not in anywhere
            if not is_param or name == own or not value.ListFields():
                continue
            if strict and not cls.of_caffe():
                mend = f"Forks differ in this type; XDN's reads {own or 'no parameters'}"
                raise UnsupportedError(f"{name} stands in a layer that does not read it", where=where, mend=mend)
            if (layer.type, name) not in told:
                told.add((layer.type, name))
                log.warning("%s: %s is passed over: layers of this type do not read it", where, name)
