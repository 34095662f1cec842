"""Which unknown fields of a net's text may be passed over: those that cannot change what the net computes.

Forks of Caffe add fields. One that stands in a data layer, a loss, a filler or a layer that has another type's
parameters says nothing about inference: it is passed over with a warning. One in the parameters of a layer that runs
may change its results, and one that looks like a misspelled known field certainly does: these are errors.
"""

import difflib
from collections.abc import Iterable, Sequence

from xdn import settings
from xdn.errors import ParseError
from xdn.frontend import messages, schema
from xdn.frontend.schema import Message
from xdn.frontend.textformat import Unknown, explain
from xdn.frontend.upgrade_v0 import current_type
from xdn.layers.base import LAYERS, CaffeLayer

#: From this likeness on a name counts as a misspelling.
_MISSPELLED = 0.8
#: So many warnings of one file are told; the rest is counted.
_TOLD = 8


def _training_messages() -> frozenset[str]:
    """Return the messages that only data layers, losses and fillers have."""
    return frozenset(schema.parse_table(messages.TRAINING)) | {"FillerParameter", "ParamSpec"}


def _layer_of(unknown: Unknown) -> Message | None:
    """Return the layer that something unknown stands in, None outside of layers."""
    names = ("LayerParameter", "V1LayerParameter")
    return next((part for part in unknown.path if part.DESCRIPTOR.name in names), None)


def _class_of(layer: Message) -> type[CaffeLayer] | None:
    """Return the layer type that runs, None for one that XDN does not know: a data layer, a loss, a stranger."""
    return dict(LAYERS.items()).get(_type_of(layer))


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
    stems = (other.removesuffix("_param") for other in known)
    matchers = (difflib.SequenceMatcher(None, stem, other) for other in stems)
    # The first two are upper bounds of the third, and cost next to nothing.
    return any(
        m.real_quick_ratio() >= _MISSPELLED and m.quick_ratio() >= _MISSPELLED and m.ratio() >= _MISSPELLED
        for m in matchers
    )


def _matters(unknown: Unknown, training: frozenset[str]) -> bool:
    """Return whether what is unknown may change what the net computes."""
    message = unknown.path[-1].DESCRIPTOR
    if any(part.DESCRIPTOR.name in training for part in unknown.path):
        return False
    if message.name in ("NetState", "NetStateRule"):
        return True
    layer = _layer_of(unknown)
    if layer is None:
        stands_in_net = message.name == "NetParameter" and not unknown.is_message
        return not stands_in_net or _misspelled(unknown.name, message.fields_by_name)
    cls = _class_of(layer)
    if cls is None:
        # Of a layer without a type nothing is known; one of a type that XDN lacks is refused for that, or goes.
        return not _type_of(layer)
    if unknown.value is not None:
        return unknown.name not in cls.unused
    if len(unknown.path) == 2:
        return unknown.name in cls.proto_fields() or _misspelled(unknown.name, message.fields_by_name)
    own = ("V0LayerParameter",) if cls.message is None else ("V0LayerParameter", cls.message.name)
    return any(part.DESCRIPTOR.name in own for part in unknown.path)


def _excuse(unknown: Unknown) -> str:
    """Return why what is unknown may be passed over."""
    layer = _layer_of(unknown)
    if layer is None or _class_of(layer) is not None:
        return "it does not matter to inference"
    return f"layers of type {_type_of(layer)!r} do not run"


def tolerated(found: Sequence[Unknown]) -> list[str]:
    """Return a warning for each unknown field and value of a net that may be passed over, those of one kind once.

    Raises
    ------
    ParseError
        For the first that may matter: its place, and the nearest known.
    """
    training = _training_messages()
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
        if _matters(unknown, training):
            raise ParseError(what, where=unknown.where, mend=mend)
        warnings.setdefault(what, f"{unknown.where}: {what}; passed over, as {_excuse(unknown)}")
    told = list(warnings.values())
    return told if len(told) <= _TOLD else [*told[:_TOLD], f"and {len(told) - _TOLD} more of this kind"]
