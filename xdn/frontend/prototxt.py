"""Text <-> message: protobuf's text format with places and nearest names in its errors."""

import re
from pathlib import Path

from google.protobuf import text_format

from xdn import settings
from xdn.errors import ParseError
from xdn.files import read_bounded
from xdn.frontend import schema
from xdn.frontend.schema import Message
from xdn.registry import nearest

_NO_FIELD = re.compile(r'Message type "caffe\.(\w+)" has no field named "(\w+)"')
_NO_VALUE = re.compile(r'Enum type "caffe\.(\w+)\.(\w+)_scope\.Value" has no value named "?([^"\s]+?)"?\.')
_TWICE = re.compile(r'Message type "caffe\.(\w+)" should not have multiple "(\w+)" fields')


def _explain(message: str) -> tuple[str, str | None]:
    """Return what protobuf's message says in Caffe's terms, and how to mend it."""
    if found := _NO_FIELD.search(message):
        kind, name = found.groups()
        known = [field.name for field in schema.classes()[kind].DESCRIPTOR.fields]  # type: ignore[attr-defined]
        close = nearest(name, known)
        return f"{kind} has no field {name!r}", f"The nearest known: {', '.join(close)}" if close else None
    if found := _NO_VALUE.search(message):
        kind, field, value = found.groups()
        enum = schema.classes()[kind].DESCRIPTOR.fields_by_name[field].enum_type  # type: ignore[attr-defined]
        known = [entry.name for entry in enum.values]
        close = nearest(value, known)
        hint = f"The nearest known: {', '.join(close)}" if close else f"Known: {', '.join(known)}"
        return f"{kind}.{field} has no value {value!r}", hint
    if found := _TWICE.search(message):
        kind, name = found.groups()
        return f"{kind} has the field {name!r} twice; it takes one", None
    # What follows the place is the line's text and protobuf's own words, in which the text may be long.
    words = re.sub(r"^\d+:\d+ : ", "", message)
    return (words if len(words) <= 200 else f"...{words[-200:]}"), None


def parse(text: str, name: str = "prototxt", message: str = "NetParameter") -> Message:
    """Return the message that `text` spells.

    Parameters
    ----------
    text : str
        Protobuf text format.
    name : str
        The file's name, for errors.
    message : str
        The message's type.

    Raises
    ------
    ParseError
        With file:line:column, and the nearest known field or value.
    """
    made = schema.new(message)
    try:
        text_format.Parse(text, made)
    except text_format.ParseError as error:
        what, mend = _explain(str(error))
        place = f"{name}:{error.GetLine() or 1}:{error.GetColumn() or 1}"
        raise ParseError(what, where=place, mend=mend) from None
    except RecursionError:
        raise ParseError(f"messages are nested too deeply for a {message}", where=name) from None
    return made


def read(path: Path) -> Message:
    """Return the NetParameter in the text file `path`; raise ParseError as `parse` does."""
    return parse(read_text(path), str(path))


def read_text(path: Path) -> str:
    """Return what the text file `path` holds; raise ParseError where it is too large, or no text."""
    content = read_bounded(path, settings.MAX_PROTOTXT_BYTES)
    if b"\0" in content:
        mend = "A prototxt is text; a caffemodel is named with --weights"
        raise ParseError("this is a binary file", where=f"{path}: byte {content.index(0)}", mend=mend)
    # Comments come in every encoding (Caffe's own reader takes bytes): what is no UTF-8 must not stop the reading.
    return content.decode("utf-8-sig", errors="replace")


def write(net: Message) -> str:
    """Return `net` as text, in the style of Caffe's own files."""
    return str(text_format.MessageToString(net, as_utf8=True))
