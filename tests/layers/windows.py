"""Convolutions in which stride, padding, dilation and groups differ, for every form that a layer takes."""

from xdn.layers.convolution import Convolution

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
