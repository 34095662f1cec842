"""What errors of nets and images advise, where a service tells them: it has no options of theirs."""

import re

from xdn.errors import XdnError

#: An option of the command that reads a net; one of another command is named with it, as in ``xdn-run --batch``.
_OPTION = re.compile(r"(?<![\w-])(?<!xdn-run )(?<!xdn-pack )--[a-z]")


def told(error: Exception) -> str:
    """Return why a model could not be loaded.

    What is advised is done by `xdn-optimize`, which takes all options of nets and images. An error that does not say in
    plain words what is wrong is told with its kind.
    """
    if not isinstance(error, XdnError | OSError):
        return f"{type(error).__name__}: {error}"
    if isinstance(error, XdnError) and advises_options(error):
        return f"{error}. xdn-optimize has such options: serve what it writes"
    return str(error)


def for_clients(error: XdnError) -> str | None:
    """Return what an error advises, as far as a client can do it."""
    return None if advises_options(error) else error.mend


def advises_options(error: XdnError) -> bool:
    """Return whether an error advises options of the command that reads a net."""
    return bool(_OPTION.search(error.mend or ""))
