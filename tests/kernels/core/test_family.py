"""The selection table: every layer type has a family, conditions and ranks decide, the rest is refused with a name."""

from dataclasses import replace

import numpy as np
import pytest

from tests.kernels.checks import COMPUTED_APART, LAYER_CASES, check_net, make_params, one_layer_net
from tests.kernels.integers import integer_nets
from xdn.codegen.native import address
from xdn.codegen.target import target_named
from xdn.element import REAL, U8
from xdn.errors import UnsupportedError
from xdn.graph import Bf16, Epilogue, Layer, Quantized
from xdn.graph.reading import why_no_bf16, why_real
from xdn.kernels.core.choice import BF16X1, BF16X6, BLAS, INT8, STRASSEN, WINOGRADS, Choice
from xdn.kernels.core.family import FAMILIES, Lowering, select
from xdn.kernels.core.layout import BATCH, SCHEDULES
from xdn.kernels.core.work import Setting
from xdn.layers import LAYERS
from xdn.layers.input import Input
from xdn.runtime.cpu.plan import make_plan
from xdn.runtime.machine import this_target

#: Algorithms of the tile unit.
TILED = (BF16X6, INT8, BF16X1)


def _lowering(net, schedule=BATCH):
    layer = net.layers[-1]
    blobs = net.bottom_blobs(layer), net.top_blobs(layer)
    setting = Setting(threads=2, blocks=6 if schedule is BATCH else 1)
    return Lowering(layer, *blobs, this_target(), net.added_blobs(layer), schedule=schedule, setting=setting)


def test_every_layer_type_has_a_case_and_a_family():
    runnable = {LAYERS[name].type for name in LAYERS} - {"Input"} - COMPUTED_APART
    assert runnable == {case.type for case in LAYER_CASES}
    moves = {case.type for case in LAYER_CASES if select(_lowering(case.net())) is FAMILIES["move"]}
    assert runnable == {name for _, family in FAMILIES.items() for name in family.types} | moves


def _read_as(net, how):
    """Return the nets, one or none, whose only layer reads such inputs: as they are where it hands them on."""
    layer = net.layers[-1]
    values, scale = [net.blobs[name] for name in layer.bottoms], how.scale if how != Bf16() else 1.0
    reason = why_no_bf16(layer, values) if how == Bf16() else why_real(layer, values)
    read = () if reason else (how,) * len(layer.bottoms)
    if reason and not layer.params.selects_only(values[: len(layer.own_bottoms)], len(layer.tops)):
        return []
    params = (replace(each.params, element=how.element, scale=scale) for each in net.layers[:-1])
    given = [each.replace(params=own) for each, own in zip(net.layers[:-1], params, strict=True)]
    return [net.replace(layers=(*given, layer.replace(quantized=read)))]


def test_the_cases_reach_every_family():
    nets = [*(case.net() for case in LAYER_CASES), *integer_nets(), one_layer_net("Quantize", (5, 3, 2), bf16=True)]
    single = [
        net for net in nets if not net.layers[-1].quantized and {b.element for b in net.inputs.values()} == {REAL}
    ]
    nets += [each for net in single for how in (Quantized(0.1), Bf16()) for each in _read_as(net, how)]
    # Of integers and bf16 rows have no kernels: then such layers are computed apart.
    nets.append(one_layer_net("InnerProduct", (13, 3, 7), axis=2, num_output=9))
    lowerings = [_lowering(net, schedule) for net in nets for schedule in SCHEDULES.values()]
    # Whatever the rules take of these small layers; none takes BLAS.
    asked = (*WINOGRADS, STRASSEN, BLAS)
    lowerings += [replace(lowering, choice=Choice(algorithm)) for lowering in lowerings for algorithm in asked]
    # Nor are there tiles on every processor.
    tiled = target_named("amx-emulated")
    lowerings += [replace(lowering, choice=Choice(each), target=tiled) for lowering in lowerings for each in TILED]
    chosen = [select(lowering) for lowering in lowerings]
    assert {id(family) for family in chosen} == {id(family) for _, family in FAMILIES.items()}


def test_layers_that_read_integers_have_families_of_their_own():
    """Whatever the blobs are: an f32 kernel must not compute a layer whose values are to be quantized first."""
    net = one_layer_net("Convolution", (5, 3, 3), num_output=4, kernel_size=1)
    layer = net.layers[-1].replace(quantized=(Quantized(0.1),))
    for schedule in SCHEDULES.values():
        with pytest.raises(UnsupportedError, match="no kernel executes this layer"):
            select(_lowering(net.replace(layers=(*net.layers[:-1], layer)), schedule))
        integers = Input(shape=((1, 5, 3, 3),), element=U8, scale=0.1)
        given = net.layers[0].replace(params=integers)
        assert select(_lowering(net.replace(layers=(given, layer)), schedule)).quantized


@pytest.mark.parametrize("case", LAYER_CASES, ids=lambda case: case.id)
def test_layer_against_its_reference(case):
    check_net(case.net(), case.allowed)


def test_every_family_is_described():
    for name, line in FAMILIES.describe():
        assert line.endswith("."), name


@pytest.mark.parametrize(
    ("filters", "group", "chosen"),
    [(10, 10, "depthwise"), (20, 10, "contract"), (10, 5, "contract"), (10, 1, "contract")],
)
def test_the_highest_rank_wins_where_it_applies(filters, group, chosen):
    lowering = _lowering(one_layer_net("Convolution", (10, 3, 3), num_output=filters, kernel_size=1, group=group))
    assert select(lowering) is FAMILIES[chosen]


def test_a_layer_without_kernel_is_refused_by_name():
    net = one_layer_net("ReLU", (3,))
    layer = Layer("entry", make_params("Input", shape=((1, 3),)), (), ("x",))
    with pytest.raises(UnsupportedError, match=r"layer 'entry' \(Input\): no kernel executes"):
        select(Lowering(layer, [], net.top_blobs(net.layers[0]), this_target()))


def test_an_epilogue_that_no_kernel_has_is_refused():
    net = one_layer_net("TanH", (3, 4, 5))
    layer = net.layers[-1].replace(epilogue=Epilogue(activation=make_params("ReLU")))
    with pytest.raises(UnsupportedError, match="no kernel executes this layer with what is fused to it"):
        select(Lowering(layer, net.bottom_blobs(layer), net.top_blobs(layer), this_target()))


@pytest.mark.parametrize(("own", "projected"), [(2, 1), (1, 2), (4, 1)])
def test_two_sources_have_no_groups(own, projected):
    projection = make_params("Convolution", num_output=4, kernel_size=1, group=projected)
    epilogue = Epilogue(projection=projection)
    images = ((4, 2, 2), (4, 2, 2))
    net = one_layer_net("Convolution", *images, epilogue=epilogue, num_output=4, kernel_size=1, group=own)
    with pytest.raises(UnsupportedError, match="no kernel executes this layer with what is fused to it"):
        make_plan(net, {"x0": (4, 2, 2), "x1": (4, 2, 2)}, ("y0",))


def test_address_is_that_of_the_first_element():
    array = np.arange(6.0)
    assert address(array[2:]) - address(array) == 16


def test_kernels_of_f32_do_not_compute_what_layers_read_as_8_bit_integers():
    net = one_layer_net("ReLU", (3, 4, 4))
    layer = net.layers[-1].replace(quantized=(Quantized(0.1),))
    net = net.replace(layers=(*net.layers[:-1], layer))
    with pytest.raises(UnsupportedError, match="no kernel executes this layer"):
        select(_lowering(net))
