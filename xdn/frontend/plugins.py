"""Layer types of an owner's own: Python files that are named explicitly, and run.

A file defines classes as those in `xdn/layers`: a `CaffeLayer` under `@layer_type`, with a shape rule (`infer`) and a
NumPy forward (`reference`); see docs/layers.md. A Python layer of a net (`type: "Python"`) is such a type, too, where
its class (`python_param { layer }`) has the type's name: what its `param_str` states are the type's fields, or the
text itself is its field `param_str`.
"""

import importlib.util
import sys
from pathlib import Path

from xdn.errors import SettingError
from xdn.files import is_file
from xdn.frontend.caffe.text import messages, schema
from xdn.layers.base import LAYERS

#: Files whose layer types are there already.
_loaded: set[Path] = set()


def load_layers(path: Path) -> None:
    """Run the Python file `path`, and take the layer types that it registers; nothing is done a second time.

    Raises
    ------
    SettingError
        Where there is no such file, it fails, brings no layer type, or fields that are others' already.
    """
    resolved = path.resolve()
    if resolved in _loaded:
        return
    if not is_file(path):
        raise SettingError("there is no such file of layer types", where=str(path))
    before = set(LAYERS)
    spec = importlib.util.spec_from_file_location(f"xdn_plugin_{path.stem}_{len(_loaded)}", path)
    if spec is None or spec.loader is None:
        raise SettingError("a file of layer types ends in .py", where=str(path))
    module = importlib.util.module_from_spec(spec)
    # Pickles of such layers look for their module here.
    sys.modules[module.__name__] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        LAYERS.forget(set(LAYERS) - before)
        raise SettingError(f"it fails: {type(error).__name__}: {error}", where=str(path)) from error
    added = set(LAYERS) - before
    try:
        _check(added, before)
    except SettingError as error:
        LAYERS.forget(added)
        raise SettingError(error.what, where=str(path), mend=error.mend) from None
    for name in added:
        LAYERS[name].from_plugin = True
    schema.classes.cache_clear()
    _loaded.add(resolved)


def _check(added: set[str], before: set[str]) -> None:
    """Raise SettingError where nothing was added, or a message's field or number is another's."""
    if not added:
        mend = "Write @layer_type(...) before a class of CaffeLayer; see docs/layers.md"
        raise SettingError("it registers no layer type", mend=mend)
    tables = [schema.parse_table(text).get("LayerParameter", {}) for text in messages.TABLES]
    taken = {word for table in tables for name, field in table.items() for word in (name, field.number)}
    own = (LAYERS[name].message for name in before)
    taken |= {word for message in own if message is not None for word in (message.field, message.number)}
    for name in sorted(added):
        message = LAYERS[name].message
        if message is not None and (both := taken & {message.field, message.number}):
            what = f"the message of {name!r} takes {' and '.join(sorted(map(str, both)))}, which others have"
            raise SettingError(what, mend="Choose a field of its own, and a number above 30000")
