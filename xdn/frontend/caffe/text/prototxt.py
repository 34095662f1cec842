"""Text <-> message, with places and nearest names in errors, and warnings for what is passed over."""

import logging
import re
from pathlib import Path

from google.protobuf import text_format

from xdn import settings
from xdn.errors import ParseError
from xdn.files import read_bounded
from xdn.frontend.caffe.text import Message, schema
from xdn.frontend.caffe.text.diagnosis import diagnose
from xdn.frontend.caffe.text.tolerance import tolerated
from xdn.frontend.textformat import Unknown, explain
from xdn.frontend.textformat import read_text as fill
from xdn.layers.base import LAYERS

log = logging.getLogger(__name__)

#: A scale of 8-bit integers, and a codebook, as protobuf writes them; what says how one bottom is read, or of which
#: blocks the weight is, and nothing else. Strings hold no line breaks.
_INT8 = re.compile(r"^( *)int8 \{\n((?: +(?:scale|signed|bits|weight_bits): \S+\n)+) *\}\n", re.MULTILINE)
_CODEBOOK = re.compile(r"^( *)codebook \{\n +(block: \d+)\n *\}\n", re.MULTILINE)
_ONLY_READ = re.compile(
    r"^( *)xdn_param \{\n *((?:int8|codebook) \{.*\}|bf16: true|weight_bits: \d)\n *\}\n", re.MULTILINE
)


def _keep_v1_types(unknown: list[Unknown]) -> list[Unknown]:
    """Let V1 layers of types that the enum lacks keep these as text, so that they are refused by name, or dropped.

    Returns what stays unknown: all but the types that forks have added to the enum and that run. These are spelled as
    Caffe spells its own: in capitals, words apart.
    """
    of_forks = {alias: alias for _, layer in LAYERS.items() for alias in layer.aliases if alias.isupper()}
    spelled = {name.upper(): name for name in LAYERS} | of_forks
    left = []
    for each in unknown:
        if each.value is not None and each.path[-1].DESCRIPTOR.name == "V1LayerParameter" and each.name == "type":
            each.path[-1].xdn_type = each.value
            known = spelled.get(each.value) or spelled.get(each.value.replace("_", ""))
            if known and each.value.isupper():
                each.path[-1].xdn_type = known
                continue
        left.append(each)
    return left


def parse(text: str, name: str = "prototxt", message: str = "NetParameter", *, strict: bool = True) -> Message:
    """Return the message that `text` spells.

    Of a net, unknown fields that do not matter to inference are passed over with a warning in the log; other messages
    have none.

    Parameters
    ----------
    text : str
        Protobuf text format.
    name : str
        The file's name, for errors.
    message : str
        The message's type.
    strict : bool
        Refuse unknown fields of a net that may matter to what it computes.

    Raises
    ------
    ParseError
        With file:line:column, and the nearest known field or value.
    """
    if message == "NetParameter":
        return _parse_net(text, name, strict)
    made = schema.new(message)
    for unknown in fill(text, made, name)[:1]:
        what, mend = explain(unknown)
        raise ParseError(what, where=unknown.where, mend=mend)
    return made


def _parse_net(text: str, name: str, strict: bool) -> Message:
    """Return the NetParameter that `text` spells; an error says what the text is, where that can be told."""
    made = schema.new("NetParameter")
    try:
        unknown = fill(text, made, name)
        warnings = tolerated(_keep_v1_types(unknown), strict)
    except ParseError as error:
        if (seems := diagnose(text)) is None:
            raise
        raise ParseError(f"{error.what}: {seems}", where=error.where, mend=error.mend) from None
    if unknown and not (made.layer or made.layers) and (seems := diagnose(text)) is not None:
        raise ParseError(f"this is not a net: {seems}", where=name)
    for warning in warnings:
        log.warning("%s", warning)
    return made


def read(path: Path, *, strict: bool = True) -> Message:
    """Return the NetParameter in the text file `path`; raise ParseError as `parse` does."""
    return parse(read_text(path), str(path), strict=strict)


def read_text(path: Path) -> str:
    """Return what the text file `path` holds; raise ParseError where it is too large, or is not text."""
    content = read_bounded(path, settings.MAX_PROTOTXT_BYTES)
    if b"\0" in content:
        mend = "A prototxt is text; a caffemodel is named with --weights"
        raise ParseError("this is a binary file", where=f"{path}: byte {content.index(0)}", mend=mend)
    # Comments come in every encoding (Caffe's own reader takes bytes): what is not UTF-8 must not stop the reading.
    return content.decode("utf-8-sig", errors="replace")


def write(net: Message) -> str:
    """Return `net` as text, in the style of Caffe's own files; how a bottom is read is one line."""
    text = str(text_format.MessageToString(net, as_utf8=True))
    text = _INT8.sub(lambda found: f"{found[1]}int8 {{ {' '.join(found[2].split())} }}\n", text)
    text = _CODEBOOK.sub(r"\1codebook { \2 }\n", text)
    return _ONLY_READ.sub(r"\1xdn_param { \2 }\n", text)
