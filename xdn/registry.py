"""One registry class for everything that can be added as one file."""

import difflib
import importlib
import pkgutil
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

from xdn.errors import UnknownNameError

T = TypeVar("T")

#: From this likeness on two names are taken for one that was misspelled; LayerNorm is like BatchNorm by 0.56.
_ALIKE = 0.75
#: A name that begins with another of so many letters may be another form of it: Conv, Convolution.
_BEGINNING = 4


def nearest(name: str, known: list[str], limit: int = 3) -> list[str]:
    """Return the known names that `name` may be meant for, best first, case ignored; none where none is like it."""
    folded = {k.casefold(): k for k in known}
    asked = name.casefold()
    close = difflib.get_close_matches(asked, list(folded), n=2 * limit, cutoff=0.5)
    return [folded[other] for other in close if _alike(asked, other)][:limit]


def known_names(name: str, known: list[str]) -> str:
    """Return the sentence that tells the known names which are nearest to `name`, or all where none is near."""
    close = nearest(name, known)
    return f"The nearest known: {', '.join(close)}" if close else f"Known: {', '.join(known)}"


def _alike(name: str, other: str) -> bool:
    """Return whether two names differ as misspellings and other forms of one name do."""
    short, long = sorted((name, other), key=len)
    if len(short) >= _BEGINNING and long.startswith(short):
        return True
    same = next((at for at, (a, b) in enumerate(zip(short, long, strict=False)) if a != b), len(short))
    one_letter = short[same + 1 :] == long[same + 1 :] or short[same:] == long[same + 1 :]
    return one_letter or difflib.SequenceMatcher(None, other, name).ratio() >= _ALIKE


def _import_all(name: str, deep: bool) -> None:
    """Import a package with its modules and packages, `deep` those in the packages, too."""
    package = importlib.import_module(name)
    for module in pkgutil.iter_modules(package.__path__, f"{name}."):
        if deep and module.ispkg:
            _import_all(module.name, deep)
        else:
            importlib.import_module(module.name)


class Registry(Generic[T]):
    """Named things of one kind, found by importing every module of one package, or of several.

    Parameters
    ----------
    kind : str
        What the things are called in messages, such as ``"layer type"``.
    packages : str
        The packages whose modules, and those of packages in them, register themselves; imported at the first look-up.
    deep : bool
        Whether the modules of packages in them are imported, too; otherwise these packages import what registers.
    """

    def __init__(self, kind: str, *packages: str, deep: bool = True):
        self.kind, self.packages, self.deep = kind, packages, deep
        self._entries: dict[str, T] = {}
        #: Whether the modules have been imported, and whether they are being.
        self._complete = self._importing = False
        self._lock = threading.RLock()

    def register(self, *names: str) -> Callable[[T], T]:
        """Return a decorator that enters the decorated thing under each of `names`."""

        def enter(entry: T) -> T:
            """Enter a thing."""
            for name in names:
                if name in self._entries:
                    raise ValueError(f"{self.kind} {name!r} is registered twice")
                self._entries[name] = entry
            return entry

        return enter

    def forget(self, names: Iterable[str]) -> None:
        """Take out the things of these names: those of a file that turned out to be of no use."""
        for name in names:
            self._entries.pop(name, None)

    def _discover(self) -> None:
        if self._complete:
            return
        # Other threads wait for all modules; a module that looks something up while it is imported does not.
        with self._lock:
            if self._complete or self._importing:
                return
            self._importing = True
            try:
                for name in self.packages:
                    _import_all(name, self.deep)
                self._complete = True
            finally:
                self._importing = False

    def __getitem__(self, name: str) -> T:
        self._discover()
        try:
            return self._entries[name]
        except KeyError:
            raise UnknownNameError(f"unknown {self.kind} {name!r}", mend=known_names(name, list(self))) from None

    def get(self, name: str) -> T | None:
        """Return the thing of this name, None where there is none."""
        self._discover()
        return self._entries.get(name)

    def __contains__(self, name: object) -> bool:
        self._discover()
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        self._discover()
        return iter(sorted(self._entries))

    def items(self) -> list[tuple[str, T]]:
        """Return (name, entry), sorted by name."""
        return [(name, self._entries[name]) for name in self]

    def describe(self) -> list[tuple[str, str]]:
        """Return (name, first line of the docstring), sorted by name."""
        return [(name, (entry.__doc__ or "").strip().split("\n")[0]) for name, entry in self.items()]
