"""Train a `Net` with PyTorch: the extra ``xdn[train]``, imported only where something is trained."""

from importlib.util import find_spec

from xdn.errors import MissingExtraError

# Looked for, not imported: what needs no tensor stays quick to import.
if find_spec("torch") is None:
    raise MissingExtraError("training needs PyTorch, which is not installed", mend="Run: pip install 'xdn[train]'")
