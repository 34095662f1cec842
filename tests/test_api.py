"""The calls that tie the stages together."""

import importlib

import numpy as np
import onnx
import pytest

import xdn
from tests.cli.caffe_files import noise, write_small
from tests.optimize.building import conv, data, layer, net_of
from xdn import api
from xdn.errors import DataError, InputError, NetError, UnknownNameError, WeightsError
from xdn.frontend import load, read_binaryproto, write_binaryproto
from xdn.graph import Quantized, Transform


def transform_of(net):
    return net.input_layers[0].params.transform


def test_load_and_optimize_are_xdns_own_names(tmp_path):
    net, path = write_small(tmp_path)
    read = xdn.load(str(path), str(tmp_path / "small.caffemodel"))
    assert read.digest == net.digest
    result = xdn.optimize(read, ["eliminate-dropout"])
    assert [report.stage for report in result.reports] == ["eliminate-dropout"]
    assert xdn.load(path, random_weights=True).layer("fc").weights


def test_optimize_is_the_call_and_the_folder():
    from xdn.optimize import STAGES

    assert xdn.optimize.STAGES is STAGES
    assert importlib.import_module("xdn.optimize").pipeline.optimize is not None
    net = net_of(data(1, 3, 8, 8), layer("Dropout", "d", ["data"]), conv("c", "d", 2))
    assert len(xdn.optimize(net).net.layers) == 2


def test_optimize_compares_on_the_data_given(tmp_path):
    net, _ = write_small(tmp_path)
    seeded, given = xdn.optimize(net), xdn.optimize(net, data={"data": noise(1, 3, 12, 12)})
    differences = [[report.difference for report in result.reports] for result in (seeded, given)]
    assert differences[0] != differences[1]
    assert 0 < max(differences[1]) < 1e-5
    with pytest.raises(InputError, match="'image'"):
        xdn.optimize(net, data={"image": noise(1, 3, 12, 12)})


def test_with_transform_replaces_what_is_given():
    net = net_of(data(1, 3, 8, 8, transform=Transform(scale=0.5, mean_file="m")), conv("c", "data", 2))
    assert transform_of(api.with_transform(net, crop_size=8)) == Transform(scale=0.5, mean_file="m", crop_size=8)
    assert transform_of(api.with_transform(net, mean_value=(1.0,))) == Transform(scale=0.5, mean_value=(1.0,))
    values = api.with_transform(net, mean_value=(1.0,))
    assert transform_of(api.with_transform(values, mean_file="n")) == Transform(scale=0.5, mean_file="n")
    assert transform_of(net).crop_size == 0


def test_with_transform_needs_one_input_of_images():
    for inputs in ([data(1, 3, name="data")], [data(1, 3, 8, 8), data(1, 3, 8, 8, name="other")]):
        net = net_of(*inputs, layer("ReLU", "r", ["data"]))
        with pytest.raises(NetError, match="one input of images"):
            api.with_transform(net, scale=2.0)


def test_save_copies_each_mean_file_once_under_the_nets_name(tmp_path):
    mean = noise(3, 8, 8)
    write_binaryproto(tmp_path / "m.binaryproto", mean)
    transform = Transform(mean_file="m.binaryproto")
    net = net_of(
        data(1, 3, 8, 8, name="a", transform=transform),
        data(1, 3, 8, 8, name="b", transform=transform),
        layer("Eltwise", "sum", ["a", "b"]),
        conv("c", "sum", 2),
    ).replace(folder=tmp_path)
    saved = api.save(net, tmp_path / "out", "net")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "net.caffemodel",
        "net.prototxt",
        "net_mean.binaryproto",
    ]
    assert saved.means == (tmp_path / "out" / "net_mean.binaryproto",)
    np.testing.assert_array_equal(read_binaryproto(saved.means[0]), mean)
    again = load(*saved.files)
    assert [each.params.transform.mean_file for each in again.input_layers] == ["net_mean.binaryproto"] * 2


def test_onnx_has_blobs_stored_as_the_8_bit_integers_that_are_read(tmp_path):
    first, second = conv("c1", "data", 4), conv("c2", "pool", 4)
    net = net_of(data(1, 3, 8, 8), first, layer("Pooling", "pool", ["c1"], kernel_size=2, stride=2), second)
    read = {"c1": (Quantized(0.1, signed=True),), "c2": (Quantized(0.2, signed=True),)}
    net = net.replace(layers=tuple(each.replace(quantized=read.get(each.name, ())) for each in net.layers))
    api.save_onnx(net, str(tmp_path / "net.onnx"))
    nodes = onnx.load(tmp_path / "net.onnx").graph.node
    kinds = ["QuantizeLinear", "Conv", "QuantizeLinear", "MaxPool", "Conv"]
    assert [node.op_type for node in nodes if node.op_type != "DequantizeLinear"] == kinds


def test_save_refuses_a_mean_file_that_is_none(tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("not a mean image")
    net = net_of(data(1, 3, 8, 8, transform=Transform(mean_file=str(secret))), conv("c", "data", 2))
    with pytest.raises(xdn.XdnError):
        api.save(net, tmp_path / "out", "net")
    assert not (tmp_path / "out").exists()


def test_a_mean_file_that_is_not_there_is_named_as_before(tmp_path, caplog):
    net = net_of(data(1, 3, 8, 8, transform=Transform(mean_file="nowhere")), conv("c", "data", 2))
    saved = api.save(net, tmp_path / "out", "net")
    assert saved.means == ()
    assert "the mean file 'nowhere' is not there" in caplog.text
    assert load(saved.files[0]).input_layers[0].params.transform.mean_file == "nowhere"


@pytest.mark.parametrize(
    ("name", "stem"), [("ResNet-50_v1.5", "ResNet-50_v1.5"), ("a/b", "net"), ("", "net"), ("..", "net")]
)
def test_a_folder_is_all_that_save_needs(tmp_path, name, stem):
    net = net_of(data(1, 3, 8, 8), conv("c", "data", 2)).replace(name=name)
    saved = api.save(net, str(tmp_path / "out"))
    assert saved.files[0] == tmp_path / "out" / f"{stem}.prototxt"
    assert load(*saved.files).digest == net.digest


def test_save_needs_weights(tmp_path):
    with pytest.raises(WeightsError):
        api.save(net_of(data(1, 3, 8, 8), conv("c", "data", 2), weights=False), tmp_path / "out", "net")


def test_save_in_an_unknown_format(tmp_path):
    with pytest.raises(UnknownNameError, match=r"as 'onxx'\. The nearest known: onnx"):
        api.save(net_of(data(1, 3, 8, 8), conv("c", "data", 2)), tmp_path / "out", form="onxx")


def test_registries():
    found = api.registries()
    kinds = ["format of nets", "layer type", "optimizer stage", "pruning criterion", "pruning schedule"]
    kinds += ["calibration observer", "data set", "backend", "search strategy", "engine"]
    assert list(found) == kinds
    assert all(line for described in found.values() for _, line in described)


def test_pixel_transform_finds_the_mean_beside_the_net(tmp_path):
    mean = noise(3, 8, 8)
    write_binaryproto(tmp_path / "m.binaryproto", mean)
    net = net_of(data(1, 3, 8, 8, transform=Transform(scale=0.5, mean_file="m.binaryproto")), conv("c", "data", 2))
    pixels = np.random.default_rng(1).integers(0, 256, (2, 8, 8, 3), np.uint8)
    found = api.pixel_transform(net.replace(folder=tmp_path), (8, 8, 3)).apply(pixels)
    np.testing.assert_allclose(found, (pixels.transpose(0, 3, 1, 2) - mean) * 0.5, rtol=1e-6)


def test_pixel_transform_needs_one_input_of_images():
    with pytest.raises(DataError, match="exactly one input"):
        api.pixel_transform(net_of(data(1, 3), layer("ReLU", "r", ["data"])), (8, 8, 3))
