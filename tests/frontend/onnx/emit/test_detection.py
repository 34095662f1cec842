"""Layers of detectors in ONNX."""

import numpy as np
import pytest

from tests.frontend.onnx.onnx_checks import check_layer, check_net, check_refused, check_values, one_layer_net
from xdn.errors import UnsupportedError
from xdn.frontend.onnx.writer import to_onnx
from xdn.graph import Layer
from xdn.layers.continuationindicator import ContinuationIndicator
from xdn.layers.ctcgreedydecoder import CTCGreedyDecoder
from xdn.layers.detectionoutput import DetectionOutput
from xdn.layers.permute import Permute
from xdn.layers.priorbox import PriorBox
from xdn.layers.priorboxclustered import PriorBoxClustered
from xdn.layers.proposal import Proposal
from xdn.layers.psroipooling import PSROIPooling
from xdn.layers.region import Region
from xdn.layers.roialign import ROIAlign
from xdn.layers.roipooling import ROIPooling
from xdn.layers.textproposal import TextProposal
from xdn.layers.yolodetectionoutput import YoloDetectionOutput


@pytest.mark.parametrize(
    "params",
    [
        PriorBox(min_size=(30.0,)),
        PriorBox(min_size=(30.0,), max_size=(60.0,), aspect_ratio=(2.0, 3.0), variance=(0.1, 0.1, 0.2, 0.2), clip=True),
        PriorBox(min_size=(10.0, 20.0), aspect_ratio=(2.0,), flip=False, step=16.0, offset=0.25),
        PriorBoxClustered(width=(10.0, 20.0), height=(5.0, 30.0), step=16.0),
    ],
    ids=repr,
)
def test_prior_box(params):
    check_layer(params, (2, 8, 5, 4), (2, 3, 90, 80))


def test_prior_boxes_of_a_map_that_grows_with_the_batch():
    net = one_layer_net(Permute(order=(1, 2, 0)), (2, 8, 5, 4))
    boxes = Layer("boxes", PriorBox(min_size=(30.0,)), ("y0", "x0"), ("z",))
    with pytest.raises(UnsupportedError, match=r"layer 'boxes' \(PriorBox\).*depends on the batch"):
        to_onnx(net.replace(layers=(*net.layers, boxes), outputs=("z",)))


def regions(rng, count, images, size):
    """Return (R, 5) regions in pixels: within the map, beyond it, of no extent, inside out."""
    corners = rng.uniform(-0.5 * size, 1.5 * size, (count, 4))
    corners[: count // 2] = np.sort(corners[: count // 2].reshape(-1, 2, 2), axis=1).reshape(-1, 4)
    corners[:2] = [[3, 4, 3, 4], [0, 0, size, size]]
    return np.hstack([rng.integers(0, images, (count, 1)), corners]).astype(np.float32)


def test_regions_that_grow_have_no_form():
    params = ROIPooling(pooled_h=1, pooled_w=1, pad_ratio=0.5)
    check_refused(params, (1, 2, 4, 4), (3, 5), reason="grow by their pad_ratio")


@pytest.mark.parametrize(("sampling", "shape"), [(2, (20, 5)), (0, (20, 5, 1, 1))])
def test_roi_align(sampling, shape):
    rng = np.random.default_rng(0)
    maps = rng.standard_normal((2, 3, 12, 10)).astype(np.float32)
    params = ROIAlign(pooled_h=3, pooled_w=2, spatial_scale=0.25, sampling_ratio=sampling)
    check_values(params, maps, regions(rng, 20, 2, 48).reshape(shape))


@pytest.mark.parametrize("scale", [1.0, 0.25])
@pytest.mark.parametrize("pooled", [(1, 1), (3, 2), (7, 7)])
def test_roi_pooling(pooled, scale):
    rng = np.random.default_rng(0)
    maps = rng.standard_normal((2, 3, 12, 10)).astype(np.float32)
    found = regions(rng, 20, 2, 12 / scale)
    params = ROIPooling(pooled_h=pooled[0], pooled_w=pooled[1], spatial_scale=scale)
    check_values(params, maps, found)
    check_values(params, maps, found.reshape(-1, 5, 1, 1))


@pytest.mark.parametrize("steps", [1, 5])
def test_continuation_indicator(steps):
    check_net(net_of_indicator(steps, (4, 3, 2), axis=1), batches=(1, 5))
    with pytest.raises(UnsupportedError, match=r"\(ContinuationIndicator\).*depends on the batch"):
        to_onnx(net_of_indicator(steps, (4, 3, 2), axis=0))


def net_of_indicator(steps, shape, axis):
    """Return a net that gives its input too: an input that nothing reads has no place in a model."""
    net = one_layer_net(ContinuationIndicator(time_step=steps, axis=axis), shape)
    return net.replace(layers=(*net.layers, Layer("copy", Permute(), ("x0",), ("z",))), outputs=("y0", "z"))


@pytest.mark.parametrize("n_tops", [1, 2])
def test_text_proposal(n_tops):
    rng = np.random.default_rng(0)
    maps = [rng.standard_normal((1, 20, 3, 4)).astype(np.float32) for _ in range(2)]
    check_values(TextProposal(), *maps, np.array([[50, 60, 1]], np.float32), n_tops=n_tops)


def test_what_has_no_form():
    check_refused(CTCGreedyDecoder(), (4, 2, 3), reason="repeated labels")
    check_refused(PSROIPooling(spatial_scale=1.0, output_dim=2, group_size=2), (1, 8, 6, 6), (3, 5), reason="cells")
    detection = DetectionOutput(num_classes=3)
    check_refused(detection, (1, 16), (1, 12), (1, 2, 16), reason="how many boxes it finds depends on the data")
    yolo = YoloDetectionOutput(num_classes=1, num_box=1, biases=(1.0, 1.0))
    check_refused(yolo, (1, 6, 2, 2), reason="how many boxes it finds depends on the data")
    check_refused(Region(classes=1), (1, 6, 2, 2), reason="no operator treats channels unlike")
    proposal = Proposal(ratio=(1.0,), scale=(8.0,))
    check_refused(proposal, (1, 2, 4, 4), (1, 4, 4, 4), (1, 3), reason="how many regions it finds depends on the data")
