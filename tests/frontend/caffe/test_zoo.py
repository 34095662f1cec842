"""Real files by some forty authors: each is read with all its shapes, or refused for what it is.

Which is refused, and why, stands in `NOT_CAPABLE` and `LACKED`; what only lacks the size of its images in `SIZES`. All
others load. Of the files that some Caffe can run for inference at least `SHARE` do.
"""

import logging

import pytest

from xdn.errors import NetError, ParseError, UnsupportedError
from xdn.frontend import load

RCNN = "inputs of unknown shapes"
SHAPE = "tells the shape of the images"
#: Of the loaded files and those in `LACKED`.
SHARE = 0.95
#: File (of its path as much as tells it) that no Caffe runs for inference as it is -> the error, and words of it.
NOT_CAPABLE = {
    # Text that Caffe's own reader refuses.
    "v0__prototxt__imagenet_val_channelconstant": (ParseError, "FillerParameter has the field 'value' twice"),
    "TVG_CRFRNN_new_traintest": (ParseError, "V1LayerParameter.type has no value 'Data'"),
    "v1__models__bvlc_googlenet__train_val": (ParseError, "line 2 is a mark of a merge"),
    "v1__models__finetune_flickr_style__train_val": (ParseError, "line 2 is a mark of a merge"),
    "MobileNetSSD_train_template": (ParseError, "num_output is an integer, not 'cls3x'"),
    # Two data layers of one phase give one blob.
    "google_inception_v3_for_caffe/train_val": (NetError, "blob 'data' is written by layer 'data'"),
    # Training nets of detectors: the data layer is Python code with several tops of unknown shapes.
    "rfcn_end2end": (NetError, RCNN),
    "rfcn_voc": (NetError, RCNN),
    "faster_rcnn_end2end__train": (NetError, RCNN),
    "faster_voc": (NetError, RCNN),
    "faster_coco": (NetError, RCNN),
    "clarifai_stage2": (NetError, RCNN),
    "nyud-fcn32s-color-d": (NetError, RCNN),
    # A layer that an LSTM reads takes part in a stage only.
    "LRCN_activity_recognition": (NetError, "unknown bottom blob 'fc6-reshape'"),
    # Nothing but a layer that reads images and labels.
    "image_output": (NetError, "nothing is left to compute"),
    "TensorRT__trt": (NetError, "nothing is left to compute"),
}
#: File of which XDN lacks a layer -> the error, and words of its message.
LACKED = {
    "deepface_val": (UnsupportedError, "'locally_connected'"),
    # Dropout that draws at test time.
    "bayesian_segnet_pascal": (UnsupportedError, "sample_weights_test draws"),
    "bayesian_segnet_basic_inference": (UnsupportedError, "sample_weights_test draws"),
}
#: File -> the shape of images that its data layer does not tell.
SIZES = {
    "siftflow-fcn8s": (3, 128, 128),
    "voc-fcn": (3, 128, 128),
    "bayesian_segnet_basic_inference": (3, 360, 480),
    "bayesian_segnet_basic_train": (3, 360, 480),
    "bayesian_segnet_train": (3, 360, 480),
    "segnet_basic_train": (3, 360, 480),
    "hed__train_val": (3, 128, 128),
    "float_test": (3, 512, 1024),
    "sphereface_model": (3, 112, 96),
    "sphereface_64_model": (3, 112, 96),
    "face_train_test": (3, 112, 96),
    "caffenet-pose-lsp": (3, 227, 227),
    "deconv3d": (3, 16, 112, 112),
    "LRCN_activity_recognition": (3, 227, 227),
}


def _entry(table, path):
    name = f"{path.parent.name}/{path.name}"
    return next((value for key, value in table.items() if key in name), None)


@pytest.fixture(scope="module")
def files(material):
    found = sorted(material("zoo").glob("*/*.prototxt"))
    assert len(found) == 213
    return found


def test_every_file_loads_with_shapes_or_is_refused_for_what_it_is(files, caplog):
    caplog.set_level(logging.CRITICAL)
    wrong, loaded, lacked = [], 0, 0
    for path in files:
        lacks, size = _entry(LACKED, path), _entry(SIZES, path)
        expected = lacks or _entry(NOT_CAPABLE, path)
        lacked += lacks is not None
        try:
            if size is not None:
                with pytest.raises(NetError, match=SHAPE):
                    load(path)
            net = load(path, input_shape=size)
        except (ParseError, NetError, UnsupportedError) as error:
            if expected is None or type(error) is not expected[0] or expected[1] not in str(error):
                wrong.append(f"{path.name}: {error!r}")
            elif not str(error).startswith(str(path)):
                wrong.append(f"{path.name}: the message does not name the file")
            continue
        loaded += 1
        if expected is not None:
            wrong.append(f"{path.name} loads")
        elif not all(blob.shape for blob in net.blobs.values()):
            wrong.append(f"{path.name} has blobs without a shape")
        elif len(net.layers) == len(net.input_layers):
            wrong.append(f"{path.name} has nothing left to compute")
    assert not wrong, "\n".join(wrong)
    assert loaded >= SHARE * (loaded + lacked)
    assert (loaded, lacked) == (179, 3)


def test_no_entry_is_needless(files):
    for table in (NOT_CAPABLE, LACKED, SIZES):
        for key in table:
            assert any(key in f"{path.parent.name}/{path.name}" for path in files), key


def test_caffemodels_of_the_zoo_belong_to_their_nets(files):
    found = [path for path in files if path.with_suffix(".caffemodel").exists()]
    assert len(found) == 4
    for path in found:
        load(path, path.with_suffix(".caffemodel")).require_weights()
