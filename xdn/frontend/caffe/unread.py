"""Parameters of one layer type that stand in a layer of another, which does not read them.

In a layer of Caffe's own type they say nothing: Caffe's layers read their own message, and a warning tells of it. Types
that forks brought differ from fork to fork, and such a message may be just what tells them apart (the Normalize of
happynear's fork reads softmax_param, that of SSD norm_param): there they are an error.
"""

import logging
from collections.abc import Iterator
from functools import cache

from xdn.errors import UnsupportedError
from xdn.frontend.caffe.text import Message, messages, place_of, schema
from xdn.layers.base import LAYERS

log = logging.getLogger(__name__)


@cache
def _of_all_layers() -> frozenset[str]:
    """Return the messages that may stand in any layer: ours, and those of data layers, losses and measures."""
    return frozenset({"XdnParameter", *schema.parse_table(messages.TRAINING)})


def _unread(layer: Message, own: str | None) -> Iterator[str]:
    """Yield the parameters of `layer`, its `own` left aside, that say something to a layer that runs."""
    for field, value in layer.ListFields():
        is_param = field.message_type is not None and field.name.endswith("_param") and field.name != own
        if is_param and field.message_type.name not in _of_all_layers() and value.ListFields():
            yield field.name


def check_unread(net: Message) -> None:
    """Log a warning for each parameter that a layer of the NetParameter `net` does not read, those of one kind once.

    Raises
    ------
    UnsupportedError
        For the first in a layer of a type that is not Caffe's own.
    """
    known = dict(LAYERS.items())
    told: set[tuple[str, str]] = set()
    for layer in net.layer:
        cls = known.get(layer.type)
        if cls is None:
            continue
        own = None if cls.message is None else cls.message.field
        for name in _unread(layer, own):
            where = place_of(layer)
            if not cls.of_caffe():
                mend = f"Forks differ in this type; XDN's reads {own or 'no parameters'}"
                raise UnsupportedError(f"{name} stands in a layer that does not read it", where=where, mend=mend)
            if (layer.type, name) not in told:
                told.add((layer.type, name))
                log.warning("%s: %s is passed over: layers of this type do not read it", where, name)
