"""What a command says where the system gives it too little memory, or too few threads."""

from xdn import settings
from xdn.errors import SettingError

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

_MEND = "Raise the limit (ulimit -v), or give fewer images at a time or fewer threads"


def limit_bytes() -> int | None:
    """Return how much the process may have of its address space, None where that is not limited."""
    if resource is None:
        return None
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    return None if limit == resource.RLIM_INFINITY else limit


def check_limit() -> None:
    """Raise SettingError below a limit with which libraries of others crash as they are loaded."""
    limit = limit_bytes()
    if limit is not None and limit < settings.LEAST_ADDRESS_SPACE_BYTES:
        least = settings.LEAST_ADDRESS_SPACE_BYTES >> 20
        raise SettingError(f"{limit >> 20} MiB of address space are allowed; {least} MiB are needed", mend=_MEND)


def lack(error: Exception) -> str | None:
    """Return what to say of an error that comes of too little memory or too few threads; None for any other one."""
    if isinstance(error, MemoryError):
        return f"not enough memory{f': {error}' if str(error) else ''}. {_MEND}"
    if isinstance(error, RuntimeError) and "start new thread" in str(error):
        return f"the system starts no further thread. {_MEND}, or processes (ulimit -u)"
    if isinstance(error, ImportError | OSError) and limit_bytes() is not None:
        # What a library says of itself where it found no room.
        return f"a part of the program cannot be loaded, where memory is limited: {error}. {_MEND}"
    return None
