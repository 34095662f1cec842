"""XDN: run Caffe networks on CPUs with machine code generated for the network and the processor.

The few calls that most programs need:

>>> net = xdn.load("deploy.prototxt", "net.caffemodel")
>>> result = xdn.optimize(net)
>>> session = xdn.Session(result.net)
>>> session.run(None, {"data": images})
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from xdn.errors import XdnError

if TYPE_CHECKING:
    from xdn.api import load, optimize
    from xdn.api import open_session as Session

__version__ = "0.1.0"
__all__ = ["Session", "XdnError", "__version__", "load", "optimize"]

#: Public name -> its name in `xdn.api`.
_LAZY = {"load": "load", "optimize": "optimize", "Session": "open_session"}


def __getattr__(name: str) -> Any:
    """Import the heavy parts on first use, so that `import xdn` needs neither numba nor protobuf."""
    if name in _LAZY:
        return getattr(import_module("xdn.api"), _LAZY[name])
    raise AttributeError(f"module 'xdn' has no attribute {name!r}")
