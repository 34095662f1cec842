"""Windows in which stride, padding, dilation and groups differ, for every form that a layer takes."""

from xdn.layers.convolution import Convolution
from xdn.layers.deconvolution import Deconvolution
from xdn.layers.pooling import Pooling

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
    Pooling(kernel_size=2, stride=2),
    Pooling(kernel_size=3, stride=2),
    Pooling(kernel_size=3, stride=2, pad=1),
    Pooling(kernel_size=3, stride=3, pad=2),
    Pooling(kernel_size=3, stride=2, round_mode="FLOOR"),
    Pooling(kernel_h=2, kernel_w=5, stride_h=2, stride_w=3, pad_h=0, pad_w=2),
    Pooling(global_pooling=True),
]
