"""Layers of forks that compute what a type of ours computes, by another name and in other words.

Each rule takes a LayerParameter of the current format and changes it in place.
"""

from collections.abc import Callable
from typing import Any

from xdn.errors import NetError, UnsupportedError, listed
from xdn.frontend.caffe.text import Message, place_of, values_of

#: What keeps an image of zeros from becoming NaN, and is no part of any other norm in f32.
_TINY = 1e-12
#: Field of a Padding -> the fields of a Pad that mean the same, where these have other names.
_SIDES = {
    "pad_h_top": ("pad_t",),
    "pad_h_bottom": ("pad_b",),
    "pad_w_left": ("pad_l",),
    "pad_w_right": ("pad_r",),
    "pad_beg": ("pad_t", "pad_l"),
    "pad_end": ("pad_b", "pad_r"),
}


def _stated(layer: Message, field: str) -> dict[str, Any]:
    """Return what the message `field` of a layer states, and take it off the layer."""
    found = values_of(getattr(layer, field))
    layer.ClearField(field)
    return found


def _refused(layer: Message, what: str) -> UnsupportedError:
    return UnsupportedError(what, where=place_of(layer))


def _unit_length(layer: Message, across: bool) -> None:
    """Make a layer a Normalize without a scale, of an image or of each position."""
    layer.type = "Normalize"
    param = layer.norm_param
    param.across_spatial, param.scaled, param.eps = across, False, _TINY


def _normalization(layer: Message) -> None:
    """Images divided by their norm; the L1 of CaffeMex sums over the wrong numbers, and is refused."""
    if _stated(layer, "normalization_param").get("norm", "L2") != "L2":
        raise _refused(layer, "normalization_param: a norm other than L2")
    _unit_length(layer, across=True)


def _l2_normalization(layer: Message) -> None:
    """Images divided by their norm, or with `axis: 1` the channels of each position."""
    stated = _stated(layer, "l2n_param")
    if stated.get("is_global") or stated.get("axis", 1) != 1:
        raise _refused(layer, f"l2n_param: {stated}; an axis of 1 is read")
    _unit_length(layer, across=not stated)


def _norm(layer: Message) -> None:
    """The channels of each position divided by their norm, in forks without the parameters of SSD's Normalize.

    The number 1e-6 that these add to a norm is left out.
    """
    if layer.HasField("norm_param"):
        layer.type = "Normalize"
    else:
        _unit_length(layer, across=False)


def _padding(layer: Message) -> None:
    """Zeros around images: DeepLab's `pad_beg` and `pad_end`, ctensmeyer's sides, Sophgo's sides and method."""
    stated = _stated(layer, "padding_param")
    method = stated.pop("pad_method", "CONSTANT")
    if method != "CONSTANT" or stated.pop("pad_value", 0) or stated.pop("pad_to_power_of_2", False):
        raise _refused(layer, "padding_param: a border of something else than zeros, or to a power of 2")
    layer.type, param = "Pad", layer.pad_param
    for name, value in stated.items():
        if value < 0:
            raise _refused(layer, f"padding_param: {name} {value}, which cuts off")
        for field in _SIDES.get(name, (name,)):
            setattr(param, field, value)


def _mirrored(layer: Message) -> None:
    """The Pad of a branch of Caffe calls what stands in its border a `type`, the word for the layer's own."""
    if layer.pad_param.HasField("type"):
        layer.pad_param.kind = layer.pad_param.type
        layer.pad_param.ClearField("type")


def _scalar(layer: Message) -> None:
    """Scale before it had that name."""
    stated = _stated(layer, "scalar_param")
    layer.type = "Scale"
    for name, value in stated.items():
        if name != "filler":
            setattr(layer.scale_param, name, value)


def _depthwise(layer: Message) -> None:
    """One filter a channel, whatever `group` says: ConvolutionDepthwise has no groups, and NNIE's states none."""
    layer.convolution_param.group = layer.convolution_param.num_output


def _bounded(layer: Message) -> None:
    """ReLU6 reads no parameters, but for a slope below 0 in one fork, which is refused."""
    for field in ("relu_param", "relu6_param"):
        if _stated(layer, field).get("negative_slope"):
            raise _refused(layer, f"{field}: a negative_slope")


def _as_large(layer: Message) -> None:
    """The second bottom of an Interp has the size that is wanted, in forks whose layers have one."""
    if len(layer.bottom) == 2 and not layer.interp_param.ListFields():
        layer.interp_param.use_blob_size = True


def _drawn_at_test(layer: Message) -> None:
    """FlowNet's DataAugmentation may draw at test time, too, where it has something to draw; that is refused."""
    drawn = [field.name for field, _ in layer.augmentation_param.ListFields() if field.message_type is not None]
    if layer.augmentation_param.augment_during_test and drawn:
        raise _refused(layer, f"augment_during_test draws {listed(drawn)} at random")


def _of_regression(layer: Message) -> None:
    """MS-CNN states the means and deviations of its boxes in a message of their own."""
    for name, values in _stated(layer, "bbox_reg_param").items():
        getattr(layer.box_output_param, name).extend(values)


def _by_mask(layer: Message) -> None:
    """MaxUnPool puts values back by the mask of a max pooling, into `dst_h` x `dst_w`: an Upsample of two bottoms.

    The source is maxunpool_layer.cpp of inisis' Caffe, which stops at an index past the end.
    """
    stated = _stated(layer, "max_unpool_param")
    if len(layer.bottom) != 2 or not (stated.get("dst_h") and stated.get("dst_w")):
        what = f"{len(layer.bottom)} bottoms and max_unpool_param {stated}"
        mend = "Give two bottoms, the second a mask, and dst_h and dst_w of 1 or more"
        raise NetError(what, where=place_of(layer), mend=mend)
    layer.type = "Upsample"
    layer.upsample_param.upsample_h, layer.upsample_param.upsample_w = stated["dst_h"], stated["dst_w"]


RENAMED: dict[str, Callable[[Message], None]] = {
    **dict.fromkeys(("Normalization", "L2Norm"), _normalization),
    "L2Normalization": _l2_normalization,
    "Norm": _norm,
    "Padding": _padding,
    "Pad": _mirrored,
    "Scalar": _scalar,
    **dict.fromkeys(("ConvolutionDepthwise", "DepthwiseConv"), _depthwise),
    "ReLU6": _bounded,
    "DataAugmentation": _drawn_at_test,
    "BoxOutput": _of_regression,
    "Interp": _as_large,
    "MaxUnPool": _by_mask,
}
