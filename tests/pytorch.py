"""PyTorch where it is installed. Where it is not, what needs it is skipped: CI installs it, `[test]` leaves it out."""

from importlib.util import find_spec

import pytest

INSTALLED = find_spec("torch") is not None
REASON = "PyTorch is not installed (pip install -e '.[train]')"


#: The marks of a parameter set that trains, or starts a command that does.
NEEDS_TORCH = (pytest.mark.torch, pytest.mark.skipif(not INSTALLED, reason=REASON))


def needs_torch(test):
    """Mark a test that trains, or starts a command that does."""
    for mark in NEEDS_TORCH:
        test = mark(test)
    return test


def require_torch() -> None:
    """Skip the module that is being imported, where PyTorch is not installed."""
    if not INSTALLED:
        pytest.skip(REASON, allow_module_level=True)


class _Names:
    """The names of a PyTorch that is not installed: tables may hold them, and the test that calls one is skipped."""

    def __getattr__(self, name: str) -> "_Names":
        if name.startswith("_"):
            raise AttributeError(name)
        return self

    def __call__(self, *_, **__) -> None:
        pytest.skip(REASON)


if INSTALLED:
    import torch
else:
    torch = _Names()
