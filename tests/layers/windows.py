"""Windows in which stride, padding, dilation and groups differ, for every form that a layer takes."""

from xdn.layers.convolution import Convolution
from xdn.layers.deconvolution import Deconvolution
from xdn.layers.pooling import Pooling
from xdn.layers.spp import SPP

CONVOLUTIONS = {
    "plain": Convolution(num_output=5, kernel_size=(3,)),
    "no bias, stride, pad": Convolution(num_output=4, kernel_size=(3,), stride=(2,), pad=(1,), bias_term=False),
    "rectangular": Convolution(num_output=2, kernel_h=1, kernel_w=4, stride_h=3, stride_w=1, pad_h=0, pad_w=2),
    "dilated": Convolution(num_output=4, kernel_size=(3,), dilation=(2, 3), pad=(2, 3)),
    "groups": Convolution(num_output=6, kernel_size=(3,), group=2, pad=(1,)),
    "depthwise": Convolution(num_output=4, kernel_size=(3,), group=4, pad=(1,), stride=(2,)),
    "pointwise, stride": Convolution(num_output=7, kernel_size=(1,), stride=(2,)),
    "pad larger than kernel": Convolution(num_output=2, kernel_size=(2,), pad=(3,)),
}

DECONVOLUTIONS = [
    Deconvolution(num_output=5, kernel_size=(3,)),
    Deconvolution(num_output=4, kernel_size=(4,), stride=(2,), pad=(1,), bias_term=False),
    Deconvolution(num_output=2, kernel_h=1, kernel_w=4, stride_h=3, stride_w=1, pad_h=0, pad_w=2),
    Deconvolution(num_output=4, kernel_size=(3,), dilation=(2, 3), pad=(2, 3)),
    Deconvolution(num_output=6, kernel_size=(3,), group=2, stride=(2,)),
    Deconvolution(num_output=4, kernel_size=(4,), group=4, stride=(2,), pad=(1,), bias_term=False),
    Deconvolution(num_output=2, kernel_size=(2,), pad=(3,)),
]

#: Maximum pooling that gives the places of the maxima, too.
POOLINGS_WITH_PLACES = [
    Pooling(kernel_size=(2,), stride=(2,)),
    Pooling(kernel_size=(3,), stride=(2,)),
    Pooling(kernel_size=(3,), stride=(2,), pad=(1,)),
    Pooling(kernel_size=(3,), stride=(3,), pad=(2,)),
    Pooling(kernel_size=(3,), stride=(2,), round_mode="FLOOR"),
    Pooling(kernel_h=2, kernel_w=5, stride_h=2, stride_w=3, pad_h=0, pad_w=2),
    Pooling(global_pooling=True),
]

#: Pooling whose padding differs from side to side, or does not count.
POOLINGS_APART = [
    Pooling(pool=pool, **sides)
    for pool in ("MAX", "AVE")
    for sides in (
        {"kernel_size": (3,), "stride": (2,), "pad_b": 1, "pad_r": 1},
        {"kernel_size": (3,), "stride": (2,), "pad_t": 2, "pad_r": 1, "ceil_mode": False},
        {"kernel_size": (2,), "pad_t": 1, "pad_l": 1},
        {"kernel_h": 2, "kernel_w": 5, "stride_h": 2, "stride_w": 3, "pad_type": 1},
        {"kernel_size": (1,), "stride": (2,), "pad_type": 1},
        {"kernel_size": (3,), "stride": (2,), "pad": (1,), "count_padding": False},
        {"kernel_size": (3,), "stride": (3,), "pad_type": 1, "count_padding": False},
    )
]

#: Maximum pooling whose elements are apart, with the shape of what it slides over.
POOLINGS_DILATED = [
    ((2, 3, 9, 11), Pooling(kernel_size=(2,), dilation=(2,))),
    ((2, 3, 9, 11), Pooling(kernel_size=(3,), stride=(2,), dilation=(2, 3), pad=(1,))),
    ((2, 3, 9, 10), Pooling(kernel_size=(3,), stride=(3,), dilation=(3,), ceil_mode=False)),
    ((1, 2, 7, 8, 9), Pooling(kernel_size=(2,), stride=(1,), dilation=(4, 2, 2))),
    ((1, 2, 12), Pooling(kernel_size=(3,), stride=(2,), dilation=(4,))),
]

#: Convolutions whose window passes the padded input by less than a stride, with the shape of what they slide over.
OVERHANGING = [
    ((2, 3, 1, 1), Convolution(num_output=4, kernel_size=(2,), stride=(2,), bias_term=False)),
    ((2, 3, 2, 9), Convolution(num_output=5, kernel_size=(4,), stride=(3,))),
    ((2, 4, 3, 2), Convolution(num_output=4, kernel_size=(5,), stride=(4,), pad=(0, 1), group=4)),
    ((1, 4, 3, 3), Convolution(num_output=6, kernel_size=(3,), stride=(3,), dilation=(2,), group=2)),
    ((2, 3, 1), Convolution(num_output=2, kernel_size=(3,), stride=(3,))),
    ((1, 2, 1, 2, 6), Convolution(num_output=3, kernel_size=(2, 3, 3), stride=(2,))),
]

#: Windows over lines (N, C, L) and volumes (N, C, D, H, W), with the shape of what they slide over.
BEYOND_IMAGES = {
    "line": ((3, 4, 11), Convolution(num_output=5, kernel_size=(4,), stride=(2,), pad=(2,), dilation=(2,))),
    "volume": ((2, 3, 5, 6, 7), Convolution(num_output=4, kernel_size=(3,), pad=(1,))),
    "sides": (
        (2, 3, 6, 7, 8),
        Convolution(num_output=4, kernel_size=(2, 3, 1), stride=(1, 2, 3), pad=(1, 0, 2), dilation=(2, 1, 1)),
    ),
    "groups": ((1, 4, 4, 5, 3), Convolution(num_output=6, kernel_size=(3,), group=2, bias_term=False)),
    "depthwise": ((2, 6, 4, 5, 3), Convolution(num_output=6, kernel_size=(3,), group=6, pad=(1,), stride=(2,))),
    "pointwise": ((2, 5, 4, 3, 3), Convolution(num_output=7, kernel_size=(1,))),
    "transposed line": ((3, 4, 5), Deconvolution(num_output=3, kernel_size=(4,), stride=(3,), pad=(1,))),
    "transposed volume": (
        (2, 4, 3, 4, 5),
        Deconvolution(num_output=6, kernel_size=(2, 4, 3), stride=(1, 2, 2), pad=(0, 1, 1), group=2),
    ),
    "transposed, dilated": (
        (1, 2, 3, 2, 4),
        Deconvolution(num_output=3, kernel_size=(3,), dilation=(1, 2, 3), bias_term=False),
    ),
    **{
        f"{pool} of a {name}": (shape, Pooling(pool=pool, **fields))
        for pool in ("MAX", "AVE")
        for name, shape, fields in (
            ("line", (2, 3, 10), {"kernel_size": (3,), "stride": (2,), "pad": (1,)}),
            ("volume", (2, 3, 5, 7, 6), {"kernel_size": (1, 2, 3), "stride": (1, 2, 2), "pad": (0, 1, 2)}),
            ("rounded volume", (2, 3, 5, 6, 6), {"kernel_size": (3,), "stride": (2,), "round_mode": "FLOOR"}),
            ("whole volume", (2, 3, 3, 4, 5), {"global_pooling": True}),
        )
    },
}

#: Pyramids of poolings, with the shape of what they pool: bins that divide it, and bins that do not.
PYRAMIDS = [
    *((shape, SPP(pyramid_height=3, pool=pool)) for pool in ("MAX", "AVE") for shape in ((2, 3, 8, 8), (2, 3, 7, 10))),
    ((2, 3, 7, 5), SPP(pyramid_height=2, pool="AVE", count_padding=False)),
    ((2, 3, 4, 5), SPP(pyramid_height=1, pool="AVE")),
]
