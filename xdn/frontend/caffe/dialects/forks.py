"""What forks of Caffe write in words of their own, said in ours: fused normalisations, films, pyramids.

Each rule takes a LayerParameter of the current format and changes it in place.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from math import log as logarithm
from typing import Any

from xdn.errors import NetError, UnsupportedError
from xdn.frontend.caffe.dialects.cropping import aligned_apart
from xdn.frontend.caffe.dialects.detections import detections_joined
from xdn.frontend.caffe.dialects.films import FILM_RULES
from xdn.frontend.caffe.dialects.merging import merged_apart
from xdn.frontend.caffe.dialects.norms import norms_apart
from xdn.frontend.caffe.dialects.paddings import padded_apart
from xdn.frontend.caffe.dialects.python_layers import PYTHON, known_python
from xdn.frontend.caffe.dialects.renamed import RENAMED
from xdn.frontend.caffe.dialects.siblings import siblings_apart
from xdn.frontend.caffe.dialects.stochastic import stochastic_apart
from xdn.frontend.caffe.text import Message, place_of, values_of

log = logging.getLogger(__name__)

#: What happynear's Normalize adds to its sums.
_HAPPYNEAR_EPS = 1e-6


def _merge_statistics(layer: Message) -> None:
    """SegNet's BN keeps scale and shift only."""
    param = layer.bn_param
    if param.HasField("moving_average") and not param.moving_average:
        mend = "With moving_average: true it takes those of training"
        what = "moving_average: false takes the statistics of the batch at hand"
        raise UnsupportedError(what, where=place_of(layer), mend=mend)
    if any(param.HasField(name) for name in ("scale_filler", "shift_filler", "bn_mode")):
        param.affine_only = True


def _scale_inside(layer: Message) -> None:
    """NVIDIA's BatchNorm has a learned scale and bias where the file says so, or names their fillers."""
    param = layer.batch_norm_param
    for name in ("scale_filler", "bias_filler"):
        if param.HasField(name):
            param.scale_bias = True
            param.ClearField(name)


def _over_channels(layer: Message) -> None:
    """The Normalize of happynear's fork has no scale, and the norm is that of a position's channels.

    It is told by `normalize_type`, in softmax_param or a message of its own. The source is its normalize_layer.cpp.
    """
    if layer.softmax_param.HasField("normalize_type"):
        kind = layer.softmax_param.normalize_type
    elif layer.HasField("normalize_param"):
        kind = layer.normalize_param.normalize_type or "L2"
    else:
        return
    if kind not in ("L1", "L2"):
        raise UnsupportedError(f"normalize_type is {kind!r}", where=place_of(layer), mend="Known: L1, L2")
    param = layer.norm_param
    param.across_spatial, param.scaled, param.eps = False, False, _HAPPYNEAR_EPS
    param.norm = {"L1": 1, "L2": 2}[kind]
    layer.ClearField("softmax_param")
    layer.ClearField("normalize_param")


def _named_bins(layer: Message) -> None:
    """An older branch's pyramid names the bins of its grids; its `scale` was never read."""
    param = layer.spatial_pyramid_pooling_param
    layer.spp_param.spatial_bin.extend(param.spatial_bin)
    if param.HasField("pool"):
        layer.spp_param.pool = param.pool
    layer.ClearField("spatial_pyramid_pooling_param")
    layer.type = "SPP"


def _bounded_relu(layer: Message) -> None:
    """Synopsys' ReLU may end at 6, or at a `maximum`."""
    param = layer.relu_param
    if param.minimum or (param.relu6 and param.maximum) or (param.negative_slope and (param.relu6 or param.maximum)):
        what = "minimum, or several of negative_slope, relu6 and maximum, whose meaning together is unknown"
        raise UnsupportedError(what, where=place_of(layer))
    if param.relu6:
        layer.type = "ReLU6"
    elif param.maximum:
        layer.type = "Clip"
        layer.clip_param.min, layer.clip_param.max = 0, param.maximum
    if layer.type != "ReLU":
        layer.ClearField("relu_param")
    for name in ("relu6", "maximum", "minimum"):
        layer.relu_param.ClearField(name)


def _sub_pixels(layer: Message) -> None:
    """Tiling and PixelShuffle put a channel's places in the block side by side, as PyTorch's pixel_shuffle does."""
    block = layer.tiling_param.tile_dim if layer.type == "Tiling" else layer.pixel_shuffle_param.upscale_factor
    layer.type = "DepthToSpace"
    layer.depth_to_space_param.block_size, layer.depth_to_space_param.data_format = block, "CRD"
    layer.ClearField("tiling_param")
    layer.ClearField("pixel_shuffle_param")


def _axes_in_order(layer: Message) -> None:
    """Transpose, of the forks that read text, is the Permute that names every axis."""
    layer.permute_param.order.extend(layer.transpose_param.dim)
    layer.ClearField("transpose_param")
    layer.type = "Permute"


def _interpolated(layer: Message) -> None:
    """The BilinearInterpolation of ctensmeyer's fork, with the size of a second bottom, is an Interp."""
    if len(layer.bottom) == 2:
        layer.type, layer.interp_param.use_blob_size = "Interp", True


def _mean_slope(layer: Message) -> None:
    """The Insanity of happynear's fork divides what is below 0 by a number; at test time, by the mean of its range.

    The mean is that of the slopes, which are its reciprocals. The sources are its insanity_layer.cpp, and
    rrelu_layer.cpp of a pull request of Caffe, whose RReLU does the same and states its range.
    """
    param = layer.rrelu_param if layer.type == "RReLU" else layer.insanity_param
    if layer.type == "RReLU" and not (param.HasField("lb") and param.HasField("ub")):
        raise UnsupportedError("no lb or no ub in rrelu_param", where=place_of(layer))
    low = param.lb if param.HasField("lb") else 5.0
    high = param.ub if param.HasField("ub") else 10.0
    if not high > low or not low * high:
        raise NetError(f"lb {low:g} and ub {high:g}; lb is less, and none is 0", where=place_of(layer))
    layer.type, layer.relu_param.negative_slope = "ReLU", (logarithm(abs(high)) - logarithm(abs(low))) / (high - low)
    layer.ClearField("insanity_param")
    layer.ClearField("rrelu_param")


def _affine(layer: Message) -> None:
    """The EltwiseAffine of happynear's fork is a Scale with a bias, of each channel or of all."""
    layer.type, layer.scale_param.bias_term = "Scale", True
    if layer.eltwise_affine_param.channel_shared:
        layer.scale_param.num_axes = 0
    layer.ClearField("eltwise_affine_param")


def _of_length_one(layer: Message) -> None:
    """The InnerProduct of happynear's fork may scale its rows of weights to length 1."""
    if layer.inner_product_param.normalize:
        layer.type = "NormalizedInnerProduct"


def _kind_of_resampling(layer: Message) -> None:
    """FlowNet2's Resample calls its kind a `type`, the word for the layer's own."""
    param = layer.resample_param
    if param.HasField("type"):
        param.kind = param.type
        param.ClearField("type")


_RULES: dict[str, Callable[[Message], None]] = {
    "BN": _merge_statistics,
    "BatchNorm": _scale_inside,
    "Normalize": _over_channels,
    "ReLU": _bounded_relu,
    PYTHON: known_python,
    "SPATIAL_PYRAMID_POOLING": _named_bins,
    **dict.fromkeys(("Tiling", "PixelShuffle"), _sub_pixels),
    "Transpose": _axes_in_order,
    "BilinearInterpolation": _interpolated,
    **dict.fromkeys(("Insanity", "RReLU"), _mean_slope),
    "EltwiseAffine": _affine,
    "InnerProduct": _of_length_one,
    "Resample": _kind_of_resampling,
    **FILM_RULES,
    **RENAMED,
}


#: Minimal sizes of FaceBoxes' first boxes, and how many boxes they become around each position.
_DENSE_SIZES, _DENSE_BOXES = (32, 64, 128), 21


def _densified(net: Message) -> None:
    """FaceBoxes' boxes stand closer than their parameters say; the number of its predictions shows that they do."""
    filters: dict[str, set[int]] = {}
    for layer in net.layer:
        if layer.type == "Convolution" and layer.bottom:
            filters.setdefault(layer.bottom[0], set()).add(int(layer.convolution_param.num_output))
    boxes = [layer for layer in net.layer if layer.type == "PriorBox" and layer.bottom]
    first = [layer for layer in boxes if tuple(layer.prior_box_param.min_size) == _DENSE_SIZES]
    if any(4 * _DENSE_BOXES in filters.get(layer.bottom[0], ()) for layer in first):
        for layer in boxes:
            layer.prior_box_param.densified = True


#: Words for the dilation of a convolution or pooling along all axes, or along one: DeepLab's, Greentea's, and others'.
_DILATIONS = (
    ("hole", "hole_h", "hole_w"),
    ("kstride", "kstride_h", "kstride_w"),
    ("dilation", "dilation_h", "dilation_w"),
)


def _holes(net: Message) -> None:
    """Forks call the dilation a `hole` or a `kstride`, and state it for height and width."""
    for layer in net.layer:
        for param in (layer.convolution_param, layer.pooling_param):
            _dilated(
                layer, {name: value for name, value in values_of(param).items() if name in chain(*_DILATIONS)}, param
            )


def _dilated(layer: Message, said: Mapping[str, Any], param: Message) -> None:
    """Put into the parameters of a layer the `dilation` that other fields have `said`."""
    if said.keys() <= {"dilation"}:
        return
    for whole, *sides in _DILATIONS:
        if said.keys() == {whole}:
            param.dilation.append(said[whole])
        elif said.keys() <= {*sides}:
            param.dilation.extend(said.get(name, 1) for name in sides)
    if not param.dilation or "dilation" in said:
        raise NetError("the dilation is given in several ways", where=place_of(layer))
    for name in said:
        param.ClearField(name)


_REWRITES: tuple[Callable[[Message], None], ...] = (
    _holes,
    siblings_apart,
    stochastic_apart,
    aligned_apart,
    padded_apart,
    merged_apart,
    norms_apart,
    detections_joined,
)


def plain_caffe(net: Message, strict: bool = True) -> None:
    """Change the layers of the NetParameter `net` that a fork writes in words of its own.

    Where a net is only looked at, and not `strict`, words that are not understood are a warning.
    """
    for layer in net.layer:
        if rule := _RULES.get(layer.type):
            with _understood(strict):
                rule(layer)
    for rewrite in _REWRITES:
        with _understood(strict):
            rewrite(net)
    _densified(net)


@contextmanager
def _understood(strict: bool) -> Iterator[None]:
    """Let errors of what is not understood pass, or make them warnings."""
    try:
        yield
    except (NetError, UnsupportedError) as error:
        if strict:
            raise
        log.warning("%s", error)
