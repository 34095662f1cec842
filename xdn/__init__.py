"""XDN: run Caffe networks on CPUs with machine code generated for the network and the processor.

The few calls that most programs need:

>>> net = xdn.load("deploy.prototxt", "net.caffemodel")
>>> result = xdn.optimize(net)
>>> session = xdn.Session(result.net)
>>> session.run(None, {"data": images})
"""

from xdn.version import VERSION

#: As in `typing`, whose import would take most of the time in which a command does not answer Ctrl-C yet.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from xdn.api import load
    from xdn.errors import XdnError
    from xdn.optimize.pipeline import optimize
    from xdn.session import Session

__version__ = VERSION
__all__ = ["Session", "XdnError", "__version__", "load", "optimize"]

#: Public name -> the module that has it.
_LAZY = {"XdnError": "xdn.errors", "load": "xdn.api", "optimize": "xdn.optimize", "Session": "xdn.session"}


def __getattr__(name: str) -> "Any":
    """Import the heavy parts on first use, so that `import xdn` needs neither numba nor protobuf."""
    if name not in _LAZY:
        raise AttributeError(f"module 'xdn' has no attribute {name!r}")
    from importlib import import_module

    module = import_module(_LAZY[name])
    # `xdn.optimize` is a package that can be called: importing it puts it under that name anyway.
    return module if module.__name__ == f"xdn.{name}" else getattr(module, name)
