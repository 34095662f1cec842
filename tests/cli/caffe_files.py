"""A small Caffe net as text, its weights as a file, and OpenCV's reading of both."""

import cv2
import numpy as np

from xdn import frontend

#: Residual block with in-place layers, as Caffe's ResNets have it; dropout; a mean image.
PROTOTXT = """
name: "small"
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 dim: 12 dim: 12 } } }
layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
        convolution_param { num_output: 8 kernel_size: 3 pad: 1 bias_term: false } }
layer { name: "bn1" type: "BatchNorm" bottom: "conv1" top: "conv1" batch_norm_param { use_global_stats: true } }
layer { name: "scale1" type: "Scale" bottom: "conv1" top: "conv1" scale_param { bias_term: true } }
layer { name: "relu1" type: "ReLU" bottom: "conv1" top: "conv1" }
layer { name: "conv2" type: "Convolution" bottom: "conv1" top: "conv2"
        convolution_param { num_output: 8 kernel_size: 3 pad: 1 group: 2 } }
layer { name: "bn2" type: "BatchNorm" bottom: "conv2" top: "conv2" }
layer { name: "sum" type: "Eltwise" bottom: "conv1" bottom: "conv2" top: "sum" }
layer { name: "relu2" type: "ReLU" bottom: "sum" top: "sum" }
layer { name: "pool" type: "Pooling" bottom: "sum" top: "pool" pooling_param { pool: AVE global_pooling: true } }
layer { name: "drop" type: "Dropout" bottom: "pool" top: "pool" }
layer { name: "fc" type: "InnerProduct" bottom: "pool" top: "fc" inner_product_param { num_output: 10 } }
layer { name: "prob" type: "Softmax" bottom: "fc" top: "prob" }
"""


def write_small(folder, text=PROTOTXT):
    """Write small.prototxt and small.caffemodel into `folder`; return the net and the prototxt's path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "small.prototxt"
    path.write_text(text)
    net = frontend.load(path, random_weights=True)
    # Read back from a file of our own, then the text as it was: the tests start from it.
    frontend.save(net, path, folder / "small.caffemodel")
    path.write_text(text)
    return frontend.load(path, folder / "small.caffemodel"), path


def opencv_outputs(prototxt, caffemodel, inputs, outputs):
    """Return what OpenCV's Caffe importer computes, blob by blob."""
    net = cv2.dnn.readNetFromCaffe(str(prototxt), str(caffemodel))
    net.setPreferableBackend(cv2.dnn.DNN_BACKEND_OPENCV)
    for name, array in inputs.items():
        net.setInput(array, name)
    return dict(zip(outputs, net.forward(list(outputs)), strict=True))


def noise(*shape):
    """Return a seeded f32 batch."""
    return np.random.default_rng(4).standard_normal(shape).astype(np.float32)
