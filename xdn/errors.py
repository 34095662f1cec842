"""Typed errors: what was found, where, what was expected, and how to mend it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

#: A message names no more of many things.
_NAMED_AT_MOST = 8


def listed(names: Sequence[str]) -> str:
    """Return names with commas between them, the first few of many."""
    return ", ".join(names[:_NAMED_AT_MOST]) + (", ..." if len(names) > _NAMED_AT_MOST else "")


#: So many of the layers, or nodes, that cannot be written, or read, are told, a line each.
_TOLD_AT_MOST = 20


def told(lines: Sequence[str]) -> str:
    """Return lines one under the other, indented, the first ones of many; it begins with the end of the line before."""
    more = [f"and {len(lines) - _TOLD_AT_MOST} more"] if len(lines) > _TOLD_AT_MOST else []
    return "".join(f"\n  {line}" for line in [*lines[:_TOLD_AT_MOST], *more])


class XdnError(Exception):
    """Base of every error that XDN raises on purpose.

    Parameters
    ----------
    what : str
        What was found and what was expected, one sentence without a final full stop.
    where : str, optional
        The place: ``file:line:column``, a layer's name, a flag.
    mend : str, optional
        What the user can do, one sentence without a final full stop.
    """

    exit_code = 1

    def __init__(self, what: str, *, where: str | None = None, mend: str | None = None):
        self.what, self.where, self.mend = what, where, mend
        place = f"{where}: " if where else ""
        advice = f". {mend}" if mend else ""
        super().__init__(f"{place}{what}{advice}")


class ParseError(XdnError):
    """A file does not follow its format; `where` is ``file:line:column`` or ``file: byte offset``."""


class NetError(XdnError):
    """A net is wrong as a graph: an unknown bottom, a blob written twice, a cycle."""


class ShapeError(NetError):
    """A layer cannot take the shapes that it is given."""


class WeightsError(XdnError):
    """Weights are missing, or have another shape than their layer asks for."""


class DataError(XdnError):
    """Images, labels or a packed file are missing, damaged, or not what the net expects."""


class DamageError(DataError):
    """Data that was to be verified is damaged; the command exits with 3."""

    exit_code = 3


class UnsupportedError(XdnError):
    """The input is valid, but XDN has no rule or kernel for it."""


class UnknownNameError(XdnError):
    """A name is not in its registry; the message lists the nearest known ones."""


class InputError(XdnError):
    """A caller's array has a wrong name, shape or dtype."""


class SettingError(XdnError):
    """An environment flag or an option has a value that cannot be used."""


class MemoryLimitError(XdnError):
    """What is asked for takes more memory than XDN may have; the message says for which layers."""


class MissingExtraError(XdnError):
    """A part of XDN needs a package that only an extra installs, and it is not there."""


class CheckError(XdnError):
    """A check that XDN makes on its own work failed; the command exits with 3."""

    exit_code = 3


@contextmanager
def placed(where: str, *kinds: type[XdnError]) -> Iterator[None]:
    """Put `where` before the place that errors of these kinds name, or let them name it."""
    try:
        yield
    except kinds as error:
        place = f"{where}: {error.where}" if error.where else where
        raise type(error)(error.what, where=place, mend=error.mend) from None
