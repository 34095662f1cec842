"""Layers of single forks, in ONNX."""

import pytest

from tests.frontend.onnx.onnx_checks import check_layer, check_net, check_refused, one_layer_net
from xdn.frontend.onnx.writer import to_onnx
from xdn.layers.channelnorm import ChannelNorm
from xdn.layers.channelscale import ChannelScale
from xdn.layers.clusterdetections import ClusterDetections
from xdn.layers.combineregressions import CombineRegressions
from xdn.layers.compactbilinear import CompactBilinear
from xdn.layers.correlation import Correlation
from xdn.layers.correlation1d import Correlation1D
from xdn.layers.deformableconvolution import DeformableConvolution
from xdn.layers.flowwarp import FlowWarp
from xdn.layers.hypercolumns import HyperColumns
from xdn.layers.innerdistance import InnerDistance
from xdn.layers.local import Local
from xdn.layers.mean import Mean
from xdn.layers.normalizedinnerproduct import NormalizedInnerProduct
from xdn.layers.spatialtransformer import SpatialTransformer


@pytest.mark.parametrize(
    ("params", "shapes"),
    [
        (ChannelNorm(eps=0.5), [(2, 3, 4, 5)]),
        (Mean(operation="SUBTRACT", value=(2.0, -1.0), output_scale=0.5), [(2, 4, 3, 5)]),
        (Mean(value=(2.0,)), [(2, 4, 3, 5)]),
        (ChannelScale(), [(2, 3, 4, 5), (2, 1, 4, 5)]),
        (ChannelScale(do_forward=False), [(2, 3, 4), (2, 1, 4)]),
        (InnerDistance(num_output=3), [(2, 3, 4)]),
        (NormalizedInnerProduct(num_output=3), [(2, 3, 4)]),
        (NormalizedInnerProduct(num_output=3, bias_term=False, axis=2), [(2, 3, 4)]),
        (InnerDistance(num_output=3, distance_type="L1", normalize=True, bias_term=False, axis=2), [(2, 3, 4)]),
    ],
    ids=repr,
)
def test_forms(params, shapes):
    check_layer(params, *shapes)


def test_points_that_are_bottoms():
    check_net(one_layer_net(InnerDistance(num_output=3), (4, 5), (3, 5), (3,)))


def test_what_has_no_form():
    images = (1, 2, 4, 4)
    check_refused(Correlation(kernel_size=1), images, images, reason="displaced windows")
    check_refused(Correlation1D(kernel_size=1), images, images, reason="displaced windows")
    check_refused(CombineRegressions(), *[(1, 1, 4, 4)] * 2, *[images] * 2, reason="several operators", n_tops=2)
    check_refused(CompactBilinear(num_output=4), images, images, reason="into spectra")
    check_refused(FlowWarp(), images, images, reason="follows a flow")
    check_refused(HyperColumns(is_train=False), images, images, reason="several operators")
    check_refused(Local(num_output=2, kernel_size=2), images, reason="filters for each place")
    check_refused(SpatialTransformer(), images, (1, 6), reason="short of 1")
    deformable = DeformableConvolution(num_output=2, kernel_size=(1,))
    check_refused(deformable, images, images, reason="moves a window's elements")
    clusters = ClusterDetections(image_size_x=8, image_size_y=8, stride=2)
    check_refused(clusters, (1, 1, 4, 4), (1, 4, 4, 4), reason="groups boxes")


def test_points_of_length_1_are_written_once():
    net = one_layer_net(InnerDistance(num_output=3, normalize=True), (2, 4))
    names = [each.name for each in to_onnx(net).graph.initializer]
    assert [name for name in names if name in ("one.weight", "one.unit")] == ["one.unit"]
