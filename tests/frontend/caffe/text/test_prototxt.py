"""Text -> message: places and nearest names in errors, bounds, and that no other error comes out."""

import contextlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import xdn.settings
from xdn.errors import ParseError, XdnError
from xdn.frontend.caffe.load import net_from_message
from xdn.frontend.caffe.text import prototxt

VALID = """name: "n"
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 dim: 8 dim: 8 } } }
layer { name: "c" type: "Convolution" bottom: "data" top: "c" convolution_param { num_output: 4 kernel_size: 3 } }
layer { name: "r" type: "ReLU" bottom: "c" top: "c" relu_param { negative_slope: 0.1 } }
layer { name: "p" type: "Pooling" bottom: "c" top: "p" pooling_param { pool: AVE kernel_size: 2 stride: 2 } }
layer { name: "i" type: "InnerProduct" bottom: "p" top: "i" inner_product_param { num_output: 10 } }
layer { name: "s" type: "Softmax" bottom: "i" top: "s" include { phase: TEST } }
"""


def parse_error(text):
    with pytest.raises(ParseError) as caught:
        prototxt.parse(text, "net.prototxt")
    return caught.value


def test_unknown_field_names_the_place_and_the_nearest():
    error = parse_error('name: "n"\nlayer {\n  convolution_parm { }\n}\n')
    assert error.where == "net.prototxt:3:3"
    assert "LayerParameter has no field 'convolution_parm'" in str(error)
    assert "convolution_param" in error.mend


def test_unknown_value_names_the_place_and_the_nearest():
    error = parse_error("layer {\n  pooling_param { pool: AVG }\n}")
    assert error.where.startswith("net.prototxt:2:")
    assert "PoolingParameter.pool has no value 'AVG'" in str(error)
    assert "AVE" in error.mend


def test_v1_type_as_text_is_explained():
    error = parse_error('layers { type: "Pooling" }')
    assert "V1LayerParameter.type has no value 'Pooling'" in str(error)
    assert "POOLING" in error.mend


def test_field_given_twice():
    assert "the field 'name' twice" in str(parse_error('name: "a" name: "b"'))


@pytest.mark.parametrize(
    "text", ["layer {", "layer }", 'name: "x', "<<<<<<< HEAD", "{{ template }}", "\0\1", "name: 3"]
)
def test_broken_text(text):
    assert parse_error(text).where.startswith("net.prototxt:1:")


def test_negative_where_only_positive_is_allowed():
    assert parse_error("layer { convolution_param { num_output: -1 } }").where == "net.prototxt:1:41"


@pytest.mark.parametrize("opening", ["layer {", "layer { x {", "a {", "layer <", "["])
def test_deep_nesting_is_refused_with_a_typed_error(opening):
    parse_error(opening * 20000)


def test_quotes_comments_and_commas_of_real_files():
    net = prototxt.parse("name: 'a' # comment\nlayer: { name: 'x', type: \"Input\"; top: 'd' }")
    assert (net.name, net.layer[0].name, list(net.layer[0].top)) == ("a", "x", ["d"])


def test_comment_in_another_encoding(tmp_path):
    path = tmp_path / "net.prototxt"
    path.write_bytes(b'\xef\xbb\xbfname: "n" # \xb2\xe3\n')
    assert prototxt.read(path).name == "n"


def test_size_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(xdn.settings, "MAX_PROTOTXT_BYTES", 10)
    path = tmp_path / "net.prototxt"
    path.write_text(VALID)
    with pytest.raises(ParseError, match="at most 10"):
        prototxt.read(path)


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(ParseError, match="no such file"):
        prototxt.read(tmp_path / "none.prototxt")
    with pytest.raises(ParseError, match="not a regular file"):
        prototxt.read(tmp_path)


def test_written_text_parses_to_the_same_message():
    net = prototxt.parse(VALID)
    assert prototxt.parse(prototxt.write(net)) == net


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_mutated_text_gives_a_net_or_a_typed_error(data):
    text = VALID
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        stop = data.draw(st.integers(start, min(len(text), start + 12)))
        words = st.sampled_from(
            ['"', "{", "}", "-1", "99999999999", "1e40", "nan", "layers", "data", "c", "\\377", "0"]
        )
        text = text[:start] + data.draw(words | st.text(max_size=4)) + text[stop:]
    with contextlib.suppress(XdnError):
        net_from_message(prototxt.parse(text))
