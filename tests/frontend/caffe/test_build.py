"""Message -> `Net`: typed parameters of every kind of field, transforms, shared names, errors by layer."""

import re

import pytest

from xdn.errors import NetError, ShapeError, UnsupportedError
from xdn.frontend.caffe.build import build, layer_params
from xdn.frontend.caffe.text import prototxt
from xdn.graph import Bf16, Epilogue, ParamSpec, Quantized, Transform, WeightsOnly
from xdn.layers.base import LAYERS
from xdn.layers.convolution import Convolution
from xdn.layers.relu import ReLU

INPUT = 'layer { name: "in" type: "Input" top: "data" input_param { shape { dim: 2 dim: 3 dim: 8 dim: 8 } } %s }\n'


def params(text):
    return layer_params(prototxt.parse(f"layer {{ {text} }}").layer[0])


def make(text, **options):
    return build(prototxt.parse(text), **options)


def test_repeated_and_single_fields():
    conv = params(
        'type: "Convolution" convolution_param { num_output: 8 kernel_size: 3 kernel_size: 5 bias_term: false }'
    )
    assert conv == LAYERS["Convolution"](num_output=8, kernel_size=(3, 5), bias_term=False)


def test_enums_and_nested_messages():
    assert params('type: "Pooling" pooling_param { pool: AVE kernel_size: 2 }').pool == "AVE"
    shape = params('type: "Reshape" reshape_param { shape { dim: 0 dim: -1 } }').shape
    assert shape == (0, -1)


def test_absent_fields_have_the_layers_defaults():
    for name, cls in LAYERS.items():
        assert params(f'type: "{name}"') == cls(), name


def test_explicit_default_is_kept_apart_from_absent():
    assert params('type: "BatchNorm"').use_global_stats is None
    assert params('type: "BatchNorm" batch_norm_param { use_global_stats: false }').use_global_stats is False


def test_transform_and_source():
    net = make(
        INPUT
        % """transform_param { scale: 0.1 mean_value: 125.3 mean_value: 1 mean_value: 2 crop_size: 6 mirror: true }
        data_param { source: "s" } xdn_param { std: 0.2 std: 0.3 std: 0.4 channel_order: "rgb" }"""
    )
    made = net.input_layers[0].params
    assert made.transform == Transform(0.1, (125.3, 1, 2), "", 6, (0.2, 0.3, 0.4), "rgb", mirror=True)
    assert made.source == "s"


def test_mean_file_and_values_exclude_each_other():
    with pytest.raises(NetError, match=r"layer 'in'.*both mean_file and mean_value"):
        make(INPUT % 'transform_param { mean_file: "m" mean_value: 1 }')


def test_epilogue():
    text = INPUT % "" + 'layer { name: "r" type: "TanH" bottom: "data" bottom: "data" top: "r" xdn_param { %s } }'
    net = make(text % 'residual: true activation: "ReLU" negative_slope: 0.1')
    assert net.layer("r").epilogue == Epilogue(True, ReLU(negative_slope=0.1))


PROJECTING = """layer { name: "c" type: "Convolution" bottom: "data" bottom: "data" top: "c"
    convolution_param { num_output: 3 kernel_size: 1 }
    xdn_param { %s projection { num_output: 3 kernel_size: %d } } }"""


def test_projection():
    net = make(INPUT % "" + PROJECTING % ('activation: "ReLU"', 1))
    assert net.layer("c").epilogue == Epilogue(False, ReLU(), Convolution(num_output=3, kernel_size=(1,)))


@pytest.mark.parametrize(("extra", "kernel", "what"), [("", 3, "projection's shape"), ("residual: true", 1, "one of")])
def test_a_projection_that_does_not_fit_is_refused(extra, kernel, what):
    with pytest.raises(ShapeError, match=rf"layer 'c' \(Convolution\).*{what}"):
        make(INPUT % "" + PROJECTING % (extra, kernel))


@pytest.mark.parametrize("name", ["Convolution", "Dropout", "relu", "Nothing"])
def test_what_is_not_a_fusable_activation_is_refused(name):
    text = INPUT % "" + 'layer { name: "r" type: "TanH" bottom: "data" top: "r" xdn_param { activation: "%s" } }'
    with pytest.raises(UnsupportedError, match=rf"layer 'r' \(TanH\).*'{name}' cannot be fused.*ReLU.*Sigmoid"):
        make(text % name)


def test_an_activation_that_does_not_fit_is_refused():
    text = (
        INPUT % ""
        + """layer { name: "r" type: "InnerProduct" bottom: "data" top: "r"
        inner_product_param { num_output: 3 axis: 0 } xdn_param { activation: "PReLU" } }"""
    )
    with pytest.raises(ShapeError, match=r"layer 'r' \(InnerProduct\).*slopes"):
        make(text)


def test_shared_names():
    net = make(INPUT % "" + 'layer { name: "r" type: "TanH" bottom: "data" top: "r" param { name: "w" } param { } }')
    assert net.layer("r").shared == ("w", "")
    assert net.layer("in").shared == ()


@pytest.mark.parametrize(("sides", "crop"), [("crop_h: 6 crop_w: 6", 6), ("crop_h: 6 crop_w: 4", 0), ("crop_h: 6", 0)])
def test_ssds_crop_of_two_sides(sides, crop):
    (layer,) = make(INPUT % f"transform_param {{ {sides} }}").input_layers
    assert layer.params.transform.crop_size == crop


def test_in_place_layers_are_renamed():
    text = INPUT % "" + 'layer { name: "t" type: "TanH" bottom: "data" top: "x" }'
    net = make(text + 'layer { name: "r" type: "ReLU" bottom: "x" top: "x" }')
    assert [layer.tops for layer in net.layers] == [("data",), ("x@t",), ("x",)]
    assert net.outputs == ("x",)


@pytest.mark.parametrize(("kind", "near"), [("Convolutoin", "Convolution"), ("Pool", "Pooling"), ("", "Known")])
def test_unknown_type_names_the_layer_and_the_nearest(kind, near):
    with pytest.raises(UnsupportedError, match=rf"layer 'x': .*{kind}.*{near}"):
        make(f'layer {{ name: "x" type: "{kind}" }}')


def test_a_known_message_of_an_unknown_type_parses_and_is_then_refused_by_type():
    with pytest.raises(
        UnsupportedError, match=r"layer 'x': XDN lacks the types of 1 of .* 1 layers: 'Attention' \(1\)\. Known"
    ):
        make('layer { name: "x" type: "Attention" recurrent_param { num_output: 3 } }')


def test_unknown_types_are_counted():
    text = 'layer { name: "a" type: "Convolutoin" } layer { name: "b" type: "Mamba" } layer { name: "c" type: "Mamba" }'
    with pytest.raises(UnsupportedError) as caught:
        make(text)
    assert caught.value.what == "XDN lacks the types of 3 of the net's 3 layers: 'Convolutoin' (1), 'Mamba' (2)"
    assert caught.value.mend.startswith("The nearest known: 'Convolutoin': Convolution, ")


@pytest.mark.parametrize("kind", ["Mamba", "RMSNorm", "Attention"])
def test_a_type_like_none_gets_the_list_of_all(kind):
    with pytest.raises(UnsupportedError) as caught:
        make(f'layer {{ name: "x" type: "{kind}" }}')
    assert caught.value.mend.startswith(f"Known: {', '.join(LAYERS)}. A file of your own")


def test_input_shape_replaces_the_declared_one_but_for_the_batch():
    assert make(INPUT % "", input_shape=(1, 4, 5)).inputs["data"].shape == (2, 1, 4, 5)


def test_input_shape_for_two_inputs():
    text = INPUT % "" + (INPUT % "").replace('"in"', '"in2"').replace('"data"', '"data2"')
    with pytest.raises(NetError, match="one input; this one has: data, data2"):
        make(text, input_shape=(1, 1, 1))


def test_input_without_a_top_or_a_shape():
    with pytest.raises(NetError, match=r"layer 'x' \(Input\): the input has neither a top nor a shape"):
        make('layer { name: "x" type: "Input" }')


def test_input_without_a_shape():
    with pytest.raises(NetError, match="--input-shape"):
        make('layer { name: "in" type: "Input" top: "data" }')


@pytest.mark.parametrize("dims", ["dim: 0", "dim: -1", "dim: 99999999999", "dim: 3 " * 40])
def test_impossible_shapes(dims):
    with pytest.raises(ShapeError, match="layer 'in'"):
        make(f'layer {{ name: "in" type: "Input" top: "data" input_param {{ shape {{ {dims} }} }} }}')


def test_unknown_bottom():
    with pytest.raises(NetError, match=r"layer 'r' \(ReLU\): unknown bottom blob 'nothing'"):
        make(INPUT % "" + 'layer { name: "r" type: "ReLU" bottom: "nothing" top: "r" }')


def test_two_layers_of_one_name():
    text = INPUT % "" + 'layer { name: "r" type: "ReLU" bottom: "data" top: "a" }'
    with pytest.raises(NetError, match="two layers are called 'r'"):
        make(text + 'layer { name: "r" type: "ReLU" bottom: "data" top: "b" }')


def test_multipliers_of_learning_rate_and_decay():
    text = """layer { name: "c" type: "Convolution" bottom: "data" top: "c" %s
        convolution_param { num_output: 2 kernel_size: 1 } }"""
    specs = make(INPUT % "" + text % 'param { lr_mult: 0.1 decay_mult: 0 } param { name: "b" }').layer("c").param_specs
    assert specs == (ParamSpec(0.1, 0.0), ParamSpec())
    assert make(INPUT % "" + text % "param { lr_mult: 1 } param { decay_mult: 1 }").layer("c").param_specs == ()


CONV = """layer { name: "c" type: "Convolution" bottom: "data" top: "c" %s
    convolution_param { num_output: 2 kernel_size: 1 } }"""
SUM = 'layer { name: "s" type: "Eltwise" bottom: "data" bottom: "c" top: "s" %s }'


def of_integers(conv="", total=""):
    return make(INPUT % "" + (CONV % conv).replace("num_output: 2", "num_output: 3") + SUM % total)


def test_layers_read_8_bit_integers():
    net = of_integers(
        "xdn_param { int8 { scale: 0.5 } }", "xdn_param { int8 { scale: 0.25 signed: true } int8 { scale: 2 } }"
    )
    assert net.layer("c").quantized == (Quantized(0.5),)
    assert net.layer("s").quantized == (Quantized(0.25, signed=True), Quantized(2.0))


def test_each_scale_may_be_a_line_of_its_own():
    line = "xdn_param { int8 { scale: %s } }\n"
    net = of_integers(total=line % "0.25 signed: true" + line % 2)
    assert net.layer("s").quantized == (Quantized(0.25, signed=True), Quantized(2.0))
    assert net.layer("c").quantized == ()


@pytest.mark.parametrize("scale", ["0", "-0.5", "nan", "inf", "-inf", "1e-40", "1e39"])
def test_scales_that_are_refused(scale):
    with pytest.raises(ShapeError, match=r"layer 'c' \(Convolution\): int8 number 1: the scale of 8-bit integers is "):
        of_integers(f"xdn_param {{ int8 {{ scale: {scale} }} }}")


def test_every_8_bit_integer_has_a_scale():
    with pytest.raises(NetError, match=r"'s' \(Eltwise\): int8 number 2: it has no scale. Write xdn_param"):
        of_integers(total="xdn_param { int8 { scale: 1 } int8 { signed: true } }")


@pytest.mark.parametrize("count", [1, 3])
def test_there_are_as_many_scales_as_bottoms(count):
    with pytest.raises(ShapeError, match=rf"'s' \(Eltwise\): {count} int8 scales are given; the layer has 2 bottoms"):
        of_integers(total="xdn_param { int8 { scale: 1 } }" * count)


def test_layers_that_cannot_read_8_bit_integers():
    line = "xdn_param { int8 { scale: 1 } }"
    lrn = f'layer {{ name: "l" type: "LRN" bottom: "data" top: "l" {line} }}'
    with pytest.raises(UnsupportedError, match=r"layer 'l' \(LRN\): .*LRN has no 8-bit form. Delete its int8 scales"):
        make(INPUT % "" + lrn)
    wide = INPUT.replace("dim: 8 dim: 8", "dim: 200 dim: 200") % ""
    fc = f'layer {{ name: "f" type: "InnerProduct" bottom: "data" top: "f" {line}'
    with pytest.raises(UnsupportedError, match=r"layer 'f' \(InnerProduct\): .*it sums 120000 products; at most 33155"):
        make(wide + fc + " inner_product_param { num_output: 1 } }")


IN_BF16 = "xdn_param { bf16: true }"


def test_layers_read_all_their_bottoms_in_bf16():
    net = of_integers(IN_BF16, IN_BF16)
    assert [layer.quantized for layer in net.layers] == [(), (Bf16(),), (Bf16(), Bf16())]
    assert of_integers("xdn_param { bf16: false }").layer("c").quantized == ()


def test_one_layer_reads_bf16_and_another_8_bit_integers():
    net = of_integers("xdn_param { int8 { scale: 0.5 } }", IN_BF16)
    assert [layer.quantized for layer in net.layers] == [(), (Quantized(0.5),), (Bf16(), Bf16())]


def test_a_layer_reads_bf16_or_8_bit_integers():
    with pytest.raises(NetError, match=r"'c' \(Convolution\): .* in bf16 and as 8-bit integers. Keep bf16: true, or"):
        of_integers(IN_BF16 + " xdn_param { int8 { scale: 1 } }")


def test_layers_whose_weights_alone_have_few_bits():
    assert of_integers("xdn_param { weight_bits: 2 }").layer("c").quantized == (WeightsOnly(2),)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("weight_bits: 9", "weights of 9 bits; 1 to 8 are possible"),
        (
            "weight_bits: 1 weight_bits: 1",
            "2 weight_bits are given; the layer has 1 bottoms. Give one xdn_param { weight_",
        ),
        ("weight_bits: 1 int8 { scale: 1 }", "8-bit integers, and to round its weights only. Keep its int8 scales, or"),
        ("weight_bits: 1 bf16: true", "in bf16 and in f32, times weights of few bits. Keep bf16: true, or its weight_"),
    ],
)
def test_weights_of_few_bits_that_are_refused(line, why):
    with pytest.raises((NetError, ShapeError), match=rf"'c' \(Convolution\): .*{re.escape(why)}"):
        of_integers(f"xdn_param {{ {line} }}")


def test_layers_without_filters_have_no_weights_of_few_bits():
    relu = 'layer { name: "r" type: "ReLU" bottom: "data" top: "r" xdn_param { weight_bits: 1 } }'
    with pytest.raises(UnsupportedError, match=r"'r' \(ReLU\): .*but ReLU has no filters. Delete its weight_bits"):
        make(INPUT % "" + relu)


def test_layers_that_cannot_read_bf16():
    mvn = f'layer {{ name: "m" type: "MVN" bottom: "data" top: "m" {IN_BF16} }}'
    with pytest.raises(UnsupportedError, match=r"layer 'm' \(MVN\): .*MVN has no bf16 form. Delete its bf16: true"):
        make(INPUT % "" + mvn)
    with pytest.raises(NetError, match=r"layer 'in' \(Input\): it has no bottoms to read in bf16. Delete its bf16"):
        make(INPUT % IN_BF16)
