"""Read and write what is to be pruned: a PruneParameter in protobuf text."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from google.protobuf import text_format

from xdn.frontend.caffe.text import prototxt, schema, values_of


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
