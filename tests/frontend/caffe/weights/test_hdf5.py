"""Caffe's HDF5 weights, written as Net::ToHDF5 does: read, matched, bounded, and not followed out of the file."""

import multiprocessing
import subprocess
import sys

import numpy as np
import pytest

import xdn.settings
from tests.test_imports import modules_after
from xdn.errors import ParseError, WeightsError
from xdn.frontend import find_weights, load
from xdn.frontend.caffe.weights.caffemodel import read_caffemodel

try:
    import h5py
except ImportError:
    pytest.skip("h5py is not installed (pip install 'xdn[hdf5]')", allow_module_level=True)

NUMBERS = np.arange(6, dtype=np.float32).reshape(2, 3)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "net.caffemodel.h5"


def write(path, layers):
    """Write layer name -> arrays, None for one that is left out; a group in any case, as Caffe does."""
    with h5py.File(path, "w") as file:
        data = file.create_group("data")
        for name, arrays in layers.items():
            group = data.require_group(name)
            for index, array in enumerate(arrays):
                if array is not None:
                    group[str(index)] = array


def refused(path, word):
    with pytest.raises(ParseError, match=word) as caught:
        read_caffemodel(path)
    assert str(path) in caught.value.where


def test_layers_and_their_blobs(path):
    many = [np.full(1, i, np.float32) for i in range(12)]
    write(path, {"in": [], "a": [NUMBERS, NUMBERS[0]], "many": many, "scalar": [np.float32(3)]})
    stored = read_caffemodel(path)
    assert {name: len(blobs) for name, blobs in stored.items()} == {"a": 2, "many": 12, "scalar": 1}
    assert [blob.data.item() for blob in stored["many"]] == list(range(12))
    weight, bias = stored["a"]
    assert (weight.shape, bias.shape, stored["scalar"][0].shape, weight.legacy) == ((2, 3), (3,), (), False)
    assert np.array_equal(weight.data, NUMBERS)


@pytest.mark.parametrize("stored", ["<f4", ">f4", "<f8", ">f8"])
def test_both_floats_in_both_byte_orders(path, stored):
    write(path, {"a": [np.array([1.5, -2, 1e-3]).astype(stored)]})
    data = read_caffemodel(path)["a"][0].data
    assert data.dtype == np.float32
    assert data.flags.aligned
    assert np.array_equal(data, np.array([1.5, -2, 1e-3], np.float32))


def test_a_double_beyond_f32_becomes_infinity(path):
    write(path, {"a": [np.array([1e300, -1e300])]})
    assert read_caffemodel(path)["a"][0].data.tolist() == [np.inf, -np.inf]


def test_a_slash_in_a_name_is_a_group_within(path):
    names = ["conv1", "conv1/3x3", "conv1/3x3/s2", "inception/1", "inception/1/0"]
    write(path, {name: [np.full(2, i, np.float32)] for i, name in enumerate(names) if name != "inception/1/0"})
    stored = read_caffemodel(path)
    assert {name: blobs[0].data[0] for name, blobs in stored.items()} == {n: i for i, n in enumerate(names[:4])}


def test_a_layer_called_by_a_number(path):
    write(path, {"a": [None, NUMBERS], "a/0": [NUMBERS[0]]})
    stored = read_caffemodel(path)
    assert [blob if blob is None else blob.shape for blob in stored["a"]] == [None, (2, 3)]
    assert stored["a/0"][0].shape == (3,)


def test_only_wanted_layers_are_read_but_all_are_named(path):
    write(path, {"a": [NUMBERS], "b": [np.arange(3)]})  # integers, which are not looked at
    assert {name: len(blobs) for name, blobs in read_caffemodel(path, {"a", "none"}).items()} == {"a": 1, "b": 0}


NET = """layer { name: "in" type: "Input" top: "data" input_param { shape { dim: 1 dim: 2 } } }
layer { name: "a" type: "InnerProduct" bottom: "data" top: "a" PARAMS inner_product_param { num_output: 2 } }
layer { name: "b/1" type: "InnerProduct" bottom: "a" top: "b" PARAMS inner_product_param { num_output: 2 } }
"""


@pytest.fixture
def net(tmp_path):
    """Return a function: the layers' `param` -> the path of a prototxt."""
    prototxt = tmp_path / "net.prototxt"

    def made(params=""):
        prototxt.write_text(NET.replace("PARAMS", params))
        return prototxt

    return made


def test_a_net_gets_them(path, net):
    two = np.ones((2, 2), np.float32)
    write(path, {"a": [two, two[0]], "b/1": [3 * two, 4 * two[0]], "loss": []})
    found = find_weights(net())
    assert found == path
    weights = load(net(), found).layer("b/1").weights
    assert (weights["weight"][0, 0], weights["bias"][0]) == (3, 4)


def test_a_binary_caffemodel_comes_first(path, net):
    path.touch()
    path.with_name("other.caffemodel").touch()
    assert find_weights(net()).name == "other.caffemodel"
    path.with_name("other.caffemodel").unlink()
    path.with_name("other.caffemodel.h5").touch()
    assert find_weights(net()) == path
    path.rename(path.with_name("third.caffemodel.h5"))
    with pytest.raises(WeightsError, match=r"several.*other\.caffemodel\.h5, third\.caffemodel\.h5"):
        find_weights(net())


@pytest.mark.parametrize("own", ["none", "weight", "bias"])
def test_a_shared_array_stands_with_its_owner_only(path, net, own):
    """Net::ToHDF5 writes each layer's own arrays: the second layer has none, or one of its own."""
    shared = {
        "none": 'param { name: "w" } param { name: "b" }',
        "weight": 'param { } param { name: "b" }',
        "bias": 'param { name: "w" }',
    }[own]
    first, other = np.ones((2, 2), np.float32), np.full((2, 2), 5, np.float32)
    second = {"none": [], "weight": [other], "bias": [None, other[0]]}[own]
    write(path, {"a": [first, first[0]], "b/1": second})
    weights = load(net(shared), path).layer("b/1").weights
    assert {name: array.flat[0] for name, array in weights.items()} == {
        "weight": 5 if own == "weight" else 1,
        "bias": 5 if own == "bias" else 1,
    }


def test_an_array_that_no_layer_before_owns_is_missed(path, net):
    two = np.ones((2, 2), np.float32)
    write(path, {"a": [two], "b/1": [two, two[0]]})
    with pytest.raises(WeightsError, match=r"layer 'a' .*expected 2 weight arrays .*found 1"):
        load(net('param { name: "w" } param { name: "b" }'), path)
    write(path, {"a": [None, two[0]], "b/1": [two, two[0]]})
    with pytest.raises(WeightsError, match="no weights for 1 layers: a"):
        load(net(), path)


@pytest.mark.parametrize(
    "array",
    [
        np.arange(3),
        np.arange(3, dtype=np.float16),
        np.array([b"abc"]),
        np.array([b"ab"], dtype="V2"),
        np.zeros(2, [("x", "f4")]),
        np.array([1j]),
    ],
    ids=str,
)
def test_other_types_are_not_read(path, array):
    write(path, {"a": [array]})
    refused(path, r"data/a/0: the numbers are neither f32 nor f64")


def test_references_and_odd_floats_are_not_read(path):
    for odd in (h5py.ref_dtype, h5py.string_dtype(), h5py.vlen_dtype(np.float32)):
        with h5py.File(path, "w") as file:
            file.create_dataset("data/a/0", (1,), odd)
        refused(path, "neither f32 nor f64")
    biased = h5py.h5t.IEEE_F32LE.copy()
    biased.set_ebias(100)
    with h5py.File(path, "w") as file:
        group = file.create_group("data/a")
        h5py.h5d.create(group.id, b"0", biased, h5py.h5s.create_simple((2,)))
    refused(path, "neither f32 nor f64")


@pytest.mark.parametrize("target", ["/data/b", "/secret", "/data/none", "link"])
def test_soft_links_are_not_followed(path, target):
    write(path, {"b": [NUMBERS]})
    with h5py.File(path, "a") as file:
        file["secret"] = NUMBERS
        file["data/link"] = h5py.SoftLink(target)
    refused(path, "data/link: a soft or external link")


@pytest.mark.parametrize("place", ["data", "data/a", "data/a/0"])
def test_external_links_are_not_followed(path, tmp_path, place):
    write(tmp_path / "other.h5", {"a": [NUMBERS]})
    with h5py.File(path, "w") as file:
        file[place] = h5py.ExternalLink("other.h5", f"/{place}")
    with h5py.File(path) as file:
        assert place in file  # there it would lead somewhere
    refused(path, f"{place}: a soft or external link")


def test_a_link_whose_name_is_a_path(path):
    """The library would walk it, through whatever link stands under its first part."""
    write(path, {"eXa": [NUMBERS]})
    content = path.read_bytes()
    assert b"eXa" in content
    path.write_bytes(content.replace(b"eXa", b"e/a"))
    refused(path, "a link has the name b'e/a'")


def test_numbers_in_other_files_are_not_read(path, tmp_path):
    (tmp_path / "secret").write_bytes(bytes(24))
    with h5py.File(path, "w") as file:
        file.create_dataset("data/a/0", (2, 3), "f4", external=[(str(tmp_path / "secret"), 0, 24)])
    refused(path, "data/a/0: the numbers are chunked, compressed, virtual or in another file.*h5repack")
    write(tmp_path / "other.h5", {"a": [NUMBERS]})
    layout = h5py.VirtualLayout((2, 3), "f4")
    layout[:] = h5py.VirtualSource(tmp_path / "other.h5", "data/a/0", (2, 3))
    with h5py.File(path, "w") as file:
        file.create_virtual_dataset("data/a/0", layout)
    refused(path, "data/a/0: .*virtual")


@pytest.mark.parametrize("how", [{"chunks": (1, 3)}, {"compression": "gzip"}, {"maxshape": (None, 3)}])
def test_what_may_unpack_to_more_than_the_file_is_not_read(path, how):
    with h5py.File(path, "w") as file:
        file.create_dataset("data/a/0", data=NUMBERS, **how)
    refused(path, "data/a/0: .*compressed")


def test_numbers_that_were_never_stored(path):
    with h5py.File(path, "w") as file:
        file.create_dataset("data/a/0", (1 << 20, 1 << 20, 64), "f4")
        file["data/b/0"] = h5py.Empty("f4")
    refused(path, "data/[ab]/0: (a data set of 281474976710656 bytes, of which 0 are stored|.*shape None)")


def test_one_array_linked_often_is_read_until_the_files_size(path):
    with h5py.File(path, "w") as file:
        array = file.create_dataset("data/a/0", data=np.zeros(10000, np.float32))
        for index in range(1, 8):
            file[f"data/a/{index}"] = array
    refused(path, "more bytes than the file")


def test_cycles_end(path):
    for place in ("data/a/b", "data/a/data"):
        write(path, {"a": [NUMBERS]})
        with h5py.File(path, "a") as file:
            file[place] = file["data/a" if place.endswith("b") else "data"]
        refused(path, f"{place}: this is neither a data set nor a group of its own")


def _tree_nodes_in_a_ring(path):
    """Make each node of a group's tree the one to its own right, as HDF5 tells them: an address, 16 bytes after it."""
    content = bytearray(path.read_bytes())
    at = content.find(b"TREE")
    assert at >= 0
    while at >= 0:
        content[at + 16 : at + 24] = at.to_bytes(8, "little")
        at = content.find(b"TREE", at + 1)
    path.write_bytes(content)


def test_a_ring_of_tree_nodes_ends(path):
    """The library would go around it without an end, deaf to signals: only the end of its process ends that."""
    write(path, {"a": [NUMBERS]})
    _tree_nodes_in_a_ring(path)
    process = multiprocessing.get_context("fork").Process(target=read_caffemodel, args=(path,))
    process.start()
    process.join(20)
    process.kill()
    assert process.exitcode is not None


def test_a_stored_type_is_not_a_layer(path):
    with h5py.File(path, "w") as file:
        file["data/a"] = np.dtype("f4")
    refused(path, "data/a: this is neither")


def test_bounds(path, monkeypatch):
    write(path, {"a/b/c/d": [NUMBERS, NUMBERS]})
    for name, value, word in [
        ("MAX_LAYER_BLOBS", 1, "data/a/b/c/d/1: a layer has more than 1 blobs"),
        ("MAX_LAYERS", 2, "data/a/b/c: more than 2 groups"),
        ("MAX_GROUP_DEPTH", 3, "data/a/b/c/d: .* nested more than 3 deep"),
        ("MAX_CAFFEMODEL_BYTES", 100, "at most 100"),
        ("MAX_BLOB_AXES", 1, r"shape \(2, 3\)"),
    ]:
        with monkeypatch.context() as patch:
            patch.setattr(xdn.settings, name, value)
            refused(path, word)
    read_caffemodel(path)


@pytest.mark.parametrize("name", ["w", "01", "-1", "²", "1" * 5000])
def test_names_that_are_not_numbers(path, name):
    with h5py.File(path, "w") as file:
        file[f"data/a/{name}"] = NUMBERS
    refused(path, f"data/a/{name}: a data set's name is not a number")


def test_names_that_are_not_text(path):
    with h5py.File(path, "w") as file:
        file.create_group("data").create_group(b"\xff")
    refused(path, "cannot read this")


def test_other_hdf5_files(path):
    with h5py.File(path, "w") as file:
        file["label"] = NUMBERS
    refused(path, "there is no group 'data'.*Net::ToHDF5")
    with h5py.File(path, "a") as file:
        file["data"] = NUMBERS  # the images of an HDF5Data layer
    refused(path, "there is no group 'data'")


def test_cut_files(path):
    write(path, {f"layer{i}": [NUMBERS, NUMBERS[0]] for i in range(3)})
    content = path.read_bytes()
    for size in range(8, len(content), 97):
        path.write_bytes(content[:size])
        refused(path, "cannot read this")


def test_without_h5py_the_extra_is_named(path):
    write(path, {"a": [NUMBERS]})
    code = (
        "import sys; sys.modules['h5py'] = None\n"
        "from pathlib import Path\n"
        "from xdn.errors import MissingExtraError\n"
        "from xdn.frontend.caffe.weights.caffemodel import read_caffemodel\n"
        f"try: read_caffemodel(Path({str(path)!r}))\n"
        "except MissingExtraError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install 'xdn[hdf5]'" in done.stdout


def test_who_reads_no_hdf5_does_not_import_h5py():
    assert "h5py" not in modules_after("import xdn; xdn.load; import xdn.frontend.caffe.weights.hdf5")
