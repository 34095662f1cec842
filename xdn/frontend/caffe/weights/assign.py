"""Give a net the weights of a caffemodel, matched by layer name; tell those that it has no use for.

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
from collections.abc import Container, Mapping, Sequence
from dataclasses import replace
from itertools import chain, islice, repeat

import numpy as np

from xdn.errors import WeightsError, listed, placed
from xdn.frontend.caffe.text import Message
from xdn.frontend.caffe.weights.blobproto import Stored, StoredBlob
from xdn.frontend.caffe.weights.fillers import fill
from xdn.frontend.caffe.weights.integers import scaled_weights
from xdn.frontend.formats import AS_IT_STANDS, Reading
from xdn.frontend.weights import check_size, share_arrays
from xdn.graph import Array, Layer, Net, Shape

log = logging.getLogger(__name__)

Blobs = Sequence[StoredBlob | None]

#: What allows weights that fit in part, and what it does.
_PARTIAL = "--partial-weights takes what fits, and fills the layers that get none"
_MEND = (
    "The caffemodel belongs to another net, or the prototxt was changed; a layer that fine-tuning gives another shape "
    "needs another name"
)

#: Types whose weights forks store with masks.
_PRUNED = ("Convolution", "InnerProduct")


def _numbers(stored: StoredBlob | None) -> str:
    if stored is None:
        return "none"
    return f"{stored.shape} (num, channels, height, width)" if stored.legacy else str(stored.shape)


def _masked(expected: Mapping[str, Shape], stored: Blobs) -> Blobs:
    """Return `stored` without the masks of pruning that may stand after the weights, which they multiply.

    They are zeros and ones, one for each of the first weights. The source is compress_conv_layer.cpp of Auto_pruning,
    after Guo et al., Dynamic Network Surgery for Efficient DNNs, 2016.
    """
    own, masks = stored[: len(expected)], stored[len(expected) :]
    pairs = list(zip(own, masks, strict=False))
    if len(pairs) < len(masks) or not all(blob and mask and _is_mask(mask, blob) for blob, mask in pairs):
        return stored
    pruned = [_product(blob, mask) for blob, mask in pairs if blob and mask]
    return (*pruned, *own[len(masks) :])


def _product(blob: StoredBlob, mask: StoredBlob) -> StoredBlob:
    """Return a blob times its mask; integers stay integers."""
    return replace(blob, held=(blob.data * mask.data).astype(blob.data.dtype, copy=False))


def _is_mask(mask: StoredBlob, weights: StoredBlob) -> bool:
    """Return whether a blob is zeros and ones for the numbers of another, which are then as many as the file holds."""
    return not mask.is_packed and mask.shape == weights.shape and bool(np.isin(mask.data, (0, 1)).all())


def _match(layer: Layer, expected: Mapping[str, Shape], stored: Blobs, file: str) -> dict[str, Array]:
    """Return the weights of `layer` out of the blobs that the file has under its name, those that are None left out."""
    if layer.type in _PRUNED:
        stored = _masked(expected, stored)
    order = layer.params.stored_order([0 if blob is None else blob.size for blob in stored])
    if len(stored if order is None else order) != len(expected):
        found = ", ".join(_numbers(blob) for blob in stored)
        what = f"expected {len(expected)} weight arrays ({', '.join(expected)}), found {len(stored)}: {found}"
        raise WeightsError(f"{what} in {file}", where=layer.place, mend=_MEND)
    weights = {}
    places = range(len(stored)) if order is None else order
    for (name, shape), place in zip(expected.items(), places, strict=True):
        blob = StoredBlob(shape, np.ones(shape, np.float32)) if place is None else stored[place]
        if blob is None:
            continue
        if not blob.fits(shape):
            what = f"{name}: expected the shape {shape}, found {_numbers(blob)} in {file}"
            raise WeightsError(what, where=layer.place, mend=_MEND)
        if blob.scales is None:
            weights[name] = blob.data.reshape(shape)
        else:
            with placed(layer.place, WeightsError):
                weights |= scaled_weights(layer, name, blob.data.reshape(shape), blob.scales)
    return weights


def _of_the_files_variant(net: Net, stored: Stored) -> Net:
    """Return `net` with each layer whose number of weights is another in the file as the variant that has so many."""
    variants = {}
    for layer in net.layers:
        found = len(stored.get(layer.name, ()))
        if found and layer.epilogue is None and found != len(net.weight_shapes(layer)):
            params = layer.params.params_for(found)
            variants[layer.name] = layer if params is None else layer.replace(params=params)
    return net.replace(layers=tuple(variants.get(layer.name, layer) for layer in net.layers)) if variants else net


def _with_shared(layer: Layer, blobs: Blobs, count: int, owned: Container[str]) -> Blobs:
    """Return `blobs` up to `count`, with None for the last ones where earlier layers own them.

    Caffe's HDF5 files hold a shared array once, with the layer that owns it.
    """
    rest = layer.shared[len(blobs) : count]
    left_out = len(blobs) + len(rest) == count and all(name in owned for name in rest)
    return (*blobs, *(None for _ in rest)) if left_out else blobs


def assign_weights(
    net: Net, stored: Stored, file: str, *, said: Mapping[str, Message] | None = None, reading: Reading = AS_IT_STANDS
) -> Net:
    """Return `net` with the weights of a caffemodel.

    Where variants of a layer type differ in their number of weights, the file's number decides (`params_for`). The
    file's layers that the net does not have are left out with a warning.

    Parameters
    ----------
    net : Net
    stored : mapping
        Layer name -> blobs, as `read_caffemodel` gives them.
    file : str
        The file's name, for messages.
    said : mapping, optional
        Name -> LayerParameter of all layers of the prototxt, those that `net` does not have included.
    reading : Reading
        With `partial_weights` weights may fit in part: the layers that get none are filled
        (`xdn.frontend.caffe.weights.fillers`), by its `seed` and with a warning that names them, and any number of the
        file's is left out.

    Raises
    ------
    WeightsError
        Naming the layer, what it expects and what was found; or listing the layers for which the file has nothing,
        and those of the file that the net does not have.
    MemoryLimitError
        Where packed weights would take more, unpacked, than nets may have.
    """
    net = _of_the_files_variant(net, stored)
    if any(blob and blob.is_packed for blobs in stored.values() for blob in blobs):
        check_size(net)
    said = said or {}
    weights: dict[str, dict[str, Array]] = {}
    owned: set[str] = set()
    for layer in net.layers:
        expected = net.weight_shapes(layer)
        if expected and layer.name in stored:
            blobs = _with_shared(layer, stored[layer.name], len(expected), owned)
            weights[layer.name] = _match(layer, expected, blobs, file)
        owned.update(layer.shared)
    weights = share_arrays(net, weights)
    missing = [layer for layer in net.layers if set(net.weight_shapes(layer)) - set(weights.get(layer.name, {}))]
    if missing:
        what = f"{file} has no weights for {len(missing)} layers: {listed([layer.name for layer in missing])}"
        if not reading.partial_weights or not weights:
            mend = f"{_left_over(net, stored)}. {_PARTIAL}" if weights else _left_over(net, stored)
            raise WeightsError(what, mend=mend)
        check_size(net)
        log.warning("%s; they are filled", what)
        rng = np.random.default_rng(reading.seed)
        for layer in missing:
            own = weights.get(layer.name, {})
            wanted = {name: shape for name, shape in net.weight_shapes(layer).items() if name not in own}
            weights[layer.name] = own | fill(layer, wanted, said.get(layer.name), rng)
        weights = share_arrays(net, weights)
    _report(net, stored, file, named=said, partial=reading.partial_weights)
    return net.with_weights({name: own for name, own in weights.items() if own})


def _left_over(net: Net, stored: Stored) -> str:
    """Return the sentence on the layers of the file that `net` does not have."""
    if not stored:
        return "The file holds no weights at all"
    known = {layer.name for layer in net.layers}
    others = [name for name in stored if name not in known]
    if not others:
        return "The net has every layer of the file"
    return f"{len(others)} layers of the file are not in the net: {listed(others)}"


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


def _report(net: Net, stored: Stored, file: str, *, named: Container[str] = (), partial: bool = False) -> None:
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
        mend = f"The caffemodel belongs to another net; if it does not, {_PARTIAL}"
        raise WeightsError(f"{what}: {listed(others)}", mend=mend)
    log.warning("%s: %s; unless only training needs them, the file is another net's", what, listed(others))
