"""Do not compute positions that no layer reads."""

from collections import defaultdict

from xdn.graph import Layer, Net
from xdn.graph.naming import free_name
from xdn.graph.params import EVERY, Stride
from xdn.layers.pooling import Pooling
from xdn.optimize.edits import Edits
from xdn.optimize.match import names, title
from xdn.optimize.stage import POST_FUSION, STAGES, Rewrite, Stage

#: Blob -> its readers and the positions that each one reads, an entry a reading.
Readings = dict[str, list[tuple[Layer, Stride]]]
#: Blob -> which of its positions; a blob that is not named has them all.
Strides = dict[str, Stride]


@STAGES.register("eliminate-unread")
class EliminateUnread(Stage):
    """Skip positions that nothing reads: strides move from 1x1 convolutions to the layers before them.

    A 1x1 convolution with stride s and without padding reads 1 of s x s positions of u. Where all readers of u
    do, y = W[1x1, stride s] * u = W[1x1, stride 1] * u[::s, ::s], and what computes u computes u[::s, ::s] alone:

    - a Convolution V: u[::s, ::s] = V[stride t * s] * v; where V is 1x1 too, it now reads 1 of (t * s) x (t * s)
      positions of v, and so on. A residual that it adds is needed at the same positions;
    - a layer that works position by position (ReLU, Eltwise): from bottoms with the same positions.

    A bottom of these that other layers read in full is subsampled, where multiplications are saved elsewhere, by
    AVE Pooling of 1x1 windows: (0 + x) / 1 is x for NaN and infinity too, which MAX would hide; -0 becomes 0. The
    blobs that lose positions get new names, ``res2c/2x2``. No other value that is still computed changes.
    """

    group = POST_FUSION
    after = ("fuse-activation",)

    def apply(self, net: Net) -> Rewrite:
        """Ask what is read from the outputs to the inputs, then thin from the inputs to the outputs."""
        edits = Edits()
        readings, wanted = _demand(net, edits)
        thinned: Strides = {}
        for layer in net.layers:
            stride = _of(wanted, layer)
            if stride == EVERY:
                continue
            if _skips_alone(net, layer, stride) or any(blob in thinned for blob in layer.own_bottoms):
                thinned[layer.tops[0]] = stride
                readers = names(reader for reader, _ in readings[layer.tops[0]])
                edits.change(layer, f"computes 1 of {_text(stride)} positions: no other is read by {readers}")
            else:
                _refuse(layer, readings, "no multiplication before it would be saved", edits)
        return edits.rewrite(_Thinning(net, thinned, edits).net() if thinned else net)


def _demand(net: Net, edits: Edits) -> tuple[Readings, Strides]:
    """Return what is read of each blob, and which blobs are wanted in part; refuse to thin those needed in full.

    Layers that work position by position are taken to skip what their readers skip; whether anything before them
    saves by that is seen later, and if not, their own bottoms are read in full.
    """
    readings: Readings = defaultdict(list)
    wanted: Strides = {}
    for layer in reversed(net.layers):
        found = _wanted(net, layer, readings)
        stride = EVERY if isinstance(found, str) else found
        if isinstance(found, str):
            _refuse(layer, readings, found, edits)
        elif found != EVERY:
            wanted[layer.tops[0]] = found
        read = layer.params.positions_read(stride, net.bottom_blobs(layer))
        for blob in layer.own_bottoms:
            readings[blob].append((layer, read))
        if layer.residual:
            readings[layer.residual].append((layer, stride))
        elif layer.projection is not None:
            readings[layer.added_bottoms[0]].append((layer, EVERY))
    edits.refusals.reverse()
    return readings, wanted


def _wanted(net: Net, layer: Layer, readings: Readings) -> Stride | str:
    """Return which positions of its top `layer` may compute alone, or why all though some reader skips positions."""
    strides = {stride for top in layer.tops for _, stride in readings[top]}
    if strides <= {EVERY}:
        return EVERY
    kept = [top for top in layer.tops if top in net.outputs]
    if kept:
        return f"{kept[0]!r} is an output of the net"
    if len(strides) > 1:
        others = {each.name: each for top in layer.tops for each, stride in readings[top] if stride == EVERY}
        return f"all are read by {names(others.values())}" if others else "they read different positions"
    if layer.projection is not None:
        return f"{title(layer)} adds a projection of other positions"
    (stride,) = strides
    bottoms = net.bottom_blobs(layer)
    read = layer.params.positions_read(stride, bottoms)
    if len(layer.tops) > 1 or layer.params.strided(stride, read, bottoms) is None:
        return f"{title(layer)} cannot skip any"
    if layer.params.strided(stride, EVERY, bottoms) is not None and not _skips_alone(net, layer, stride):
        return "no multiplication would be saved"
    return stride


def _skips_alone(net: Net, layer: Layer, stride: Stride) -> bool:
    """Return whether `layer` multiplies less at `stride` from the bottoms as they are."""
    bottoms = net.bottom_blobs(layer)
    params = layer.params.strided(stride, EVERY, bottoms)
    if params is None:
        return False
    tops = params.infer(bottoms, len(layer.tops))
    return params.macs(bottoms, tops) < layer.params.macs(bottoms, net.top_blobs(layer))


class _Thinning:
    """Rebuilds the layers around the blobs that lose positions."""

    def __init__(self, net: Net, thinned: Strides, edits: Edits):
        self._net, self._thinned, self._edits = net, thinned, edits
        self._taken = set(net.blobs) | {layer.name for layer in net.layers}
        self._names = {blob: self._new_name(blob, stride) for blob, stride in thinned.items()}
        self._subsamples: dict[tuple[str, Stride], Layer] = {}

    def net(self) -> Net:
        """Return the new net; a subsample stands right after the layer whose top it reads."""
        rebuilt = [self._rebuilt(layer) for layer in self._net.layers]
        after: dict[str, list[Layer]] = defaultdict(list)
        for subsample in self._subsamples.values():
            after[self._net.producers[subsample.bottoms[0]].name].append(subsample)
        return self._net.replace(layers=tuple(each for layer in rebuilt for each in (layer, *after[layer.name])))

    def _rebuilt(self, layer: Layer) -> Layer:
        stride = _of(self._thinned, layer)
        if stride == EVERY and not any(blob in self._thinned for blob in layer.bottoms):
            return layer
        blobs = self._net.bottom_blobs(layer)
        held = {self._thinned.get(blob, EVERY) for blob in layer.own_bottoms}
        read = held.pop() if len(held) == 1 else layer.params.positions_read(stride, blobs)
        params = layer.params.strided(stride, read, blobs)
        assert params is not None, f"{title(layer)} was asked before"
        bottoms = [self._at(blob, read, layer) for blob in layer.own_bottoms]
        if layer.residual:
            bottoms.append(self._at(layer.residual, stride, layer))
        else:
            bottoms += layer.added_bottoms
        tops = tuple(self._names.get(top, top) for top in layer.tops)
        return layer.replace(params=params, bottoms=tuple(bottoms), tops=tops)

    def _at(self, blob: str, stride: Stride, reader: Layer) -> str:
        """Return the name of the blob that holds these positions of `blob`; it is made where it is not computed."""
        if self._thinned.get(blob, EVERY) == stride:
            return self._names.get(blob, blob)
        self._edits.change(reader, f"reads {blob!r} subsampled, 1 of {_text(stride)} positions")
        if (blob, stride) not in self._subsamples:
            name = self._new_name(blob, stride)
            h, w = stride
            # FLOOR is how a convolution counts its positions: Caffe's pooling would round up.
            params = Pooling(pool="AVE", kernel_size=(1,), stride_h=h, stride_w=w, round_mode="FLOOR")
            self._subsamples[blob, stride] = Layer(name, params, (blob,), (name,))
        return self._subsamples[blob, stride].tops[0]

    def _new_name(self, blob: str, stride: Stride) -> str:
        return free_name(f"{blob}/{_text(stride)}", self._taken)


def _of(strides: Strides, layer: Layer) -> Stride:
    """Return the stride of the only top of `layer`, EVERY where there are more."""
    return strides.get(layer.tops[0], EVERY) if len(layer.tops) == 1 else EVERY


def _text(stride: Stride) -> str:
    return f"{stride[0]}x{stride[1]}"


def _refuse(layer: Layer, readings: Readings, reason: str, edits: Edits) -> None:
    """Say why `layer` computes positions that some reader skips."""
    skipping = {each.name: each for top in layer.tops for each, stride in readings[top] if stride != EVERY}
    readers = names(skipping.values())
    edits.refuse(layer, f"computes every position, though only some are read by {readers}: {reason}")
