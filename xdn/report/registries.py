"""Tables of what can be added as one file: layer types, stages, data sets."""

from collections.abc import Mapping, Sequence

from rich.box import SIMPLE_HEAD
from rich.table import Table

#: (name, first line of the docstring)
Described = Sequence[tuple[str, str]]


def registry_table(kind: str, described: Described) -> Table:
    """Return a table of one registry's names and descriptions."""
    table = Table(kind, "what it is", box=SIMPLE_HEAD)
    for name, line in described:
        table.add_row(name, line)
    return table


def registry_tables(registries: Mapping[str, Described]) -> list[Table]:
    """Return one table a registry."""
    return [registry_table(kind, described) for kind, described in registries.items()]
