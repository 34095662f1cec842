"""Weights of a file that a net has no use for: told, and refused where they are most of the file.

Matching by name takes whatever fits, so the weights of a deeper net fit into a shallower one and give a net that nobody
trained. But a file may rightly hold more than a net has: heads that only training needs (GoogLeNet's auxiliary
classifiers), layers after the features that are asked for, the other branches of a siamese net. What tells the two
apart is how many layers are left over, not how many parameters: GoogLeNet's two heads are 6 of its 64 layers with
weights, but 48 % of its parameters; the layers after pool5 of AlexNet are 3 of 8, but 96 % of them. Of a deeper ResNet
in a shallower one most layers are left over, whose many small filters are few beside one classifier. So: some layers
left over are a warning that names them, more than are used are an error. Layers that the prototxt has, but which its
phase or its deployment leaves out, are not left over.
"""

import logging
from collections.abc import Container
from itertools import chain, islice, repeat

from xdn.errors import WeightsError, listed
from xdn.frontend.caffe.weights.blobproto import Stored
from xdn.graph import Net

log = logging.getLogger(__name__)

#: What allows weights that fit in part, and what it does.
PARTIAL = "--partial-weights takes what fits, and fills the layers that get none"


def left_over(net: Net, stored: Stored, named: Container[str] = ()) -> list[str]:
    """Return the layers of a file whose weights `net` has no use for.

    Parameters
    ----------
    net : Net
    stored : mapping
        Layer name -> blobs of the file.
    named : container of str
        Layers of the prototxt, whether `net` has them or not.
    """
    expected = {layer.name: bool(net.weight_shapes(layer)) for layer in net.layers}
    return [name for name in stored if not expected.get(name, name in named)]


def lacking(net: Net, stored: Container[str]) -> list[str]:
    """Return the layers of `net` whose weights a file with the layers `stored` does not have, shared ones left out."""
    owned: set[str] = set()
    found = []
    for layer in net.layers:
        names = list(islice(chain(layer.shared, repeat("")), len(net.weight_shapes(layer))))
        if layer.name not in stored and any(name not in owned for name in names):
            found.append(layer.name)
        owned.update(name for name in names if name)
    return found


def report(net: Net, stored: Stored, file: str, *, named: Container[str] = (), partial: bool = False) -> None:
    """Log a warning that names the layers of `stored` that are left over.

    Parameters
    ----------
    net, stored, named
        As `left_over` takes them.
    file : str
        The file's name, for messages.
    partial : bool
        Whether any number may be left over.

    Raises
    ------
    WeightsError
        Where more are left over than `net` takes.
    """
    others = left_over(net, stored, named)
    if not others:
        return
    used = sum(layer.name in stored and bool(net.weight_shapes(layer)) for layer in net.layers)
    what = f"the net takes no weights of {len(others)} of the {len(others) + used} layers in {file}"
    if len(others) > used and not partial:
        raise WeightsError(
            f"{what}: {listed(others)}", mend=f"The caffemodel belongs to another net; if it does not, {PARTIAL}"
        )
    log.warning("%s: %s; unless only training needs them, the file is another net's", what, listed(others))
