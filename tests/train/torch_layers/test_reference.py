"""Layers that PyTorch leaves to their reference: values without gradients, an error where one is to pass."""

import numpy as np
import pytest
import torch

from tests.frontend.onnx.onnx_checks import one_layer_net
from tests.train.checks import check_layer, check_refuses_gradients
from xdn.layers.argmax import ArgMax
from xdn.layers.batchreindex import BatchReindex
from xdn.layers.clusterdetections import ClusterDetections
from xdn.layers.combineregressions import CombineRegressions
from xdn.layers.compactbilinear import CompactBilinear
from xdn.layers.continuationindicator import ContinuationIndicator
from xdn.layers.correlation import Correlation
from xdn.layers.correlation1d import Correlation1D
from xdn.layers.ctcgreedydecoder import CTCGreedyDecoder
from xdn.layers.deformableconvolution import DeformableConvolution
from xdn.layers.detectionoutput import DetectionOutput
from xdn.layers.filter import Filter
from xdn.layers.flowwarp import FlowWarp
from xdn.layers.hypercolumns import HyperColumns
from xdn.layers.priorbox import PriorBox
from xdn.layers.priorboxclustered import PriorBoxClustered
from xdn.layers.proposal import Proposal
from xdn.layers.psroipooling import PSROIPooling
from xdn.layers.roialign import ROIAlign
from xdn.layers.roipooling import ROIPooling
from xdn.layers.spatialtransformer import SpatialTransformer
from xdn.layers.unpooling import Unpooling
from xdn.layers.yolodetectionoutput import YoloDetectionOutput
from xdn.layers.yolov3detectionoutput import Yolov3DetectionOutput
from xdn.train.module import NetModule


def normal(*shape):
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


def test_prior_box():
    params = PriorBox(min_size=(30.0,), max_size=(60.0,), aspect_ratio=(2.0,))
    check_layer(params, (2, 8, 5, 4), (2, 3, 90, 80))
    x = {"x0": torch.zeros(2, 8, 5, 4, requires_grad=True), "x1": torch.zeros(2, 3, 90, 80)}
    assert not NetModule(one_layer_net(params, (2, 8, 5, 4), (2, 3, 90, 80))).outputs(x)["y0"].requires_grad


@pytest.mark.parametrize(
    "params", [ArgMax(), ArgMax(top_k=3, out_max_val=True), ArgMax(axis=1), ArgMax(axis=-1, top_k=2)], ids=repr
)
def test_arg_max(params):
    check_layer(params, (2, 3, 4, 5))
    check_refuses_gradients(params, normal(2, 3, 4, 5))


def test_labels_are_decoded():
    check_refuses_gradients(CTCGreedyDecoder(), normal(6, 2, 4))
    check_refuses_gradients(CTCGreedyDecoder(), normal(6, 2, 4), np.ones((6, 2), np.float32), n_tops=2)


def test_continuation_indicator():
    check_layer(ContinuationIndicator(time_step=3), (2, 4))
    check_layer(ContinuationIndicator(time_step=3, axis=1), (2, 4))


def test_regions_are_pooled():
    regions = np.array([[0, 1, 2, 5, 6], [1, 0, 0, 7, 7], [1, -3, 4, 20, 4]], np.float32)
    check_refuses_gradients(ROIPooling(pooled_h=2, pooled_w=3), normal(2, 3, 8, 8), regions)
    check_refuses_gradients(ROIAlign(pooled_h=2, pooled_w=3, sampling_ratio=2), normal(2, 3, 8, 8), regions)
    params = PSROIPooling(spatial_scale=0.5, output_dim=2, group_size=2)
    check_refuses_gradients(params, normal(2, 8, 8, 8), regions)


def test_proposal():
    params = Proposal(ratio=(1.0, 2.0), scale=(1.0,), min_size=4)
    bottoms = [normal(1, 4, 4, 4), 0.1 * normal(1, 8, 4, 4), np.array([[64, 64, 1]], np.float32)]
    for n_tops in (1, 2):
        check_refuses_gradients(params, *bottoms, n_tops=n_tops)


def test_detection_output():
    priors = np.array([[0.1, 0.1, 0.4, 0.4, 0.5, 0.5, 0.9, 0.8], [0.1] * 8], np.float32)[None]
    params = DetectionOutput(num_classes=3, code_type="CENTER_SIZE", confidence_threshold=0.0)
    check_refuses_gradients(params, normal(2, 8), normal(2, 6), priors)


def test_yolos_outputs():
    params = YoloDetectionOutput(num_classes=2, num_box=1, biases=(1.0, 2.0))
    check_refuses_gradients(params, normal(2, 7, 3, 4))
    params = Yolov3DetectionOutput(
        num_classes=2, num_box=1, biases=(9.0, 8.0), mask=(0,), mask_group_num=1, anchors_scale=(8,)
    )
    check_refuses_gradients(params, normal(2, 7, 3, 4))


def test_prior_box_clustered():
    check_layer(PriorBoxClustered(width=(30.0,), height=(20.0,)), (2, 8, 5, 4), (2, 3, 90, 80))


def test_images_are_chosen():
    check_refuses_gradients(BatchReindex(), normal(3, 2), np.array([2, 0], np.float32))
    check_refuses_gradients(Filter(), normal(3, 2), np.array([1, 0, 1], np.float32))


def test_images_are_compared():
    maps = normal(1, 2, 4, 4), normal(1, 2, 4, 4)
    check_refuses_gradients(CompactBilinear(num_output=4), *maps)
    check_refuses_gradients(Correlation(kernel_size=1), *maps)
    check_refuses_gradients(Correlation1D(kernel_size=1), *maps)
    check_refuses_gradients(FlowWarp(), *maps)
    check_refuses_gradients(HyperColumns(is_train=False), *maps)
    check_refuses_gradients(SpatialTransformer(), maps[0], normal(1, 6))
    check_refuses_gradients(DeformableConvolution(num_output=2, kernel_size=(1,)), *maps)
    check_refuses_gradients(Unpooling(kernel_size=2, stride=2), maps[0])


def test_regressions_are_combined():
    maps = normal(1, 1, 4, 4), normal(1, 1, 4, 4), normal(1, 3, 4, 4), normal(1, 3, 4, 4)
    check_refuses_gradients(CombineRegressions(), *maps, n_tops=2)


def test_boxes_are_grouped():
    clusters = ClusterDetections(image_size_x=8, image_size_y=8, stride=2)
    check_refuses_gradients(clusters, normal(1, 1, 4, 4), 40 * normal(1, 4, 4, 4))
