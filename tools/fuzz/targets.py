"""The readers that take untrusted bytes, each as a function of bytes that returns or raises.

A target returns where its reader accepts the bytes and lets the reader's `XdnError` pass; everything else that comes
out of it is a defect of the reader.
"""

import json
import shutil
import sqlite3
import tempfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from random import Random

from tools.fuzz import fields, onnx_seeds, prototxts, seeds
from xdn import api, frontend
from xdn.data import header as headers
from xdn.data.cifar10 import BINARY_FOLDER, PYTHON_FOLDER, Cifar10
from xdn.data.decode import decode
from xdn.data.header import PREFIX, Layout
from xdn.data.packed import PackedData
from xdn.data.source import find_data
from xdn.errors import XdnError
from xdn.frontend.caffe.text import prototxt, schema
from xdn.frontend.caffe.weights.caffemodel import read_caffemodel
from xdn.frontend.solver import read_solver
from xdn.layers.base import LAYERS
from xdn.runtime.configuration import Configuration, load_configuration
from xdn.serve.datatypes import DATATYPES
from xdn.serve.grpc import tensors as grpc_tensors
from xdn.serve.grpc.proto import service
from xdn.serve.http.tensors import read_request, write_response
from xdn.serve.messages import InferResponse
from xdn.serve.parameters import timeout_s
from xdn.tune.store import Key, Store

#: A packed file of a header that fits is made up to this size.
_MOST_BYTES = 1 << 20


@dataclass(frozen=True)
class Target:
    """A reader, and what its inputs are made of.

    Parameters
    ----------
    name : str
    read : callable
        Runs the reader on bytes.
    seeds : callable
        Makes valid inputs.
    words : callable
        Makes words that stand in such inputs; none: they are binary.
    repaired : callable
        Gives bytes the checksums without which a reader looks no further.
    made : callable, optional
        Makes every input, instead of mutations of seeds.
    """

    name: str
    read: Callable[[bytes], None]
    seeds: Callable[[], tuple[bytes, ...]]
    words: Callable[[], tuple[bytes, ...]] = tuple
    repaired: Callable[[bytes], bytes] = bytes
    made: Callable[[Random], bytes] | None = None

    def accepts(self, content: bytes) -> bool:
        """Return whether the reader takes `content`; what it raises but `XdnError` passes."""
        try:
            self.read(content)
        except XdnError:
            return False
        return True


@cache
def work_folder() -> Path:
    """Return this process's folder for temporary files, in memory where the system has such a place."""
    memory = Path("/dev/shm")
    made = tempfile.TemporaryDirectory(prefix="xdn-fuzz-", dir=memory if memory.is_dir() else None)
    _KEPT.append(made)
    return Path(made.name)


def remove_folder() -> None:
    """Remove the folder; processes of `multiprocessing` end without doing so by themselves."""
    while _KEPT:
        _KEPT.pop().cleanup()
    work_folder.cache_clear()


#: Folders that are removed when the process ends.
_KEPT: list[tempfile.TemporaryDirectory] = []


def _file(name: str, content: bytes) -> Path:
    path = work_folder() / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    return path


def _prototxt(content: bytes) -> None:
    path = _file("net.prototxt", content)
    frontend.frontend_of(path).declared_batch(path, "TRAIN")
    frontend.summary(path)
    frontend.load(path)


def _net(content: bytes) -> None:
    frontend.load(_file("net.prototxt", content))


def _onnx(content: bytes) -> None:
    if not (work_folder() / onnx_seeds.VALUES).exists():
        _file(onnx_seeds.VALUES, bytes(1024))
    frontend.load(_file("net.onnx", content))


def _solver(content: bytes) -> None:
    read_solver(_file("solver.prototxt", content))


def _prune(content: bytes) -> None:
    api.read_prune_config(_file("prune.prototxt", content))


def _mean(content: bytes) -> None:
    frontend.read_binaryproto(_file("mean.binaryproto", content))


def _mean_array(content: bytes) -> None:
    frontend.read_mean(_file("mean.npy", content))


def _caffemodel(content: bytes) -> None:
    weights, net = _file("net.caffemodel", content), work_folder() / "small.prototxt"
    if not net.exists():
        net.write_text(prototxts.NET)
    read_caffemodel(weights)
    frontend.load(net, weights, partial_weights=True)
    frontend.load(net, weights)


def _packed(content: bytes) -> None:
    data = PackedData.open(_file("data.packed", content))
    data.verify()
    data.pixels.sum()


def _packed_header(content: bytes) -> None:
    header = headers.decode(content, zlib.crc32(content))
    layout = Layout.of(header, len(content))
    if layout.end <= _MOST_BYTES:
        prefix = PREFIX.pack(headers.MAGIC, headers.VERSION, len(content), zlib.crc32(content), 0)
        PackedData.open(_file("data.packed", (prefix + content).ljust(layout.end, b"\0")))


def _repaired_packed(content: bytes) -> bytes:
    """Return a packed file with the checksum of its header right."""
    if len(content) < PREFIX.size:
        return content
    magic, version, size, _, zero = PREFIX.unpack_from(content)
    text = content[PREFIX.size : PREFIX.size + size]
    return PREFIX.pack(magic, version, size, zlib.crc32(text), zero) + content[PREFIX.size :]


def _batch(folder: str, name: str) -> Callable[[bytes], None]:
    def read(content: bytes) -> None:
        _file(f"{folder}/{name}", content)
        data = Cifar10.find(work_folder() / folder, "test")
        data.images()

    return read


def _image(content: bytes) -> None:
    decode(_file("image", content))


def _repaired_image(content: bytes) -> bytes:
    """Return a PNG with the checksums of its chunks right, anything else as it is."""
    if not content.startswith(b"\x89PNG"):
        return content
    made, at = bytearray(content), 8
    while at + 12 <= len(made):
        end = at + 8 + int.from_bytes(made[at : at + 4], "big")
        if end + 4 > len(made):
            break
        made[end : end + 4] = zlib.crc32(made[at + 4 : end]).to_bytes(4, "big")
        at = end + 4
    return bytes(made)


def _list(content: bytes) -> None:
    data = find_data(str(_file("list.txt", content)))
    data.images(0, min(len(data), 3))


def _list_seeds() -> tuple[bytes, ...]:
    return seeds.lists(str(_file("listed.png", seeds.images()[0])))[:2]


def _store(content: bytes) -> None:
    shutil.rmtree(work_folder() / "store", ignore_errors=True)
    store = Store(_file("store/tuning.sqlite", content))
    store.all()
    store.get(Key({"net": "0", "threads": 2}))
    store.trials("study")
    if any(path.name.startswith("tuning.sqlite.broken") for path in store.path.parent.iterdir()):
        raise XdnError("the file is set aside")


def _store_rows(content: bytes) -> None:
    """Read a store whose rows hold the bytes; what stands before the first line's end are the facts."""
    path = work_folder() / "rows" / "tuning.sqlite"
    if not path.exists():
        _file("rows/tuning.sqlite", seeds.stores()[0])
    facts, _, document = content.decode("utf-8", errors="replace").partition("\n")
    connection = sqlite3.connect(path)
    with connection:
        connection.execute("UPDATE results SET facts = ?, document = ?", (facts, document))
        connection.execute("UPDATE trials SET document = ?", (document,))
    connection.close()
    found, trials = Store(path).all(), Store(path).trials("study")
    if not (found or trials):
        raise XdnError("no row can be read")


def _row_seeds() -> tuple[bytes, ...]:
    result = {"configuration": {"threads": 2}, "call_images": None, "factor": 1.5, "cost": 12.5}
    trial = {"values": {"threads": 2}, "share": 0.5, "score": None, "error": ""}
    return tuple(f"{json.dumps({'net': 'a', 'threads': 2})}\n{json.dumps(row)}".encode() for row in (result, trial))


def _configuration(content: bytes) -> None:
    load_configuration(_file("configuration.json", content))


def _request(content: bytes) -> None:
    """Read a request to a service, and write what it holds as a response; tensors follow the first line's end."""
    text, end, raw = content.partition(b"\n")
    wanted = read_request(text + raw, len(text) if end else None)
    write_response(InferResponse("net", "1", wanted.request.inputs, wanted.request.id), wanted)


def _message(content: bytes) -> None:
    """Read a request as gRPC has it, and write what it holds as a response."""
    message = grpc_tensors.read_message(service().messages["ModelInferRequest"], content)
    asked = grpc_tensors.read_request(message)
    timeout_s(grpc_tensors.parameters_of(message.parameters))
    grpc_tensors.write_response(InferResponse(asked.model, "1", asked.inputs, asked.id))


def _made_prototxt(rng: Random) -> bytes:
    """Return a net with some fields changed, as text."""
    return fields.changed(prototxts.messages(), prototxts.words(), lambda net: prototxt.write(net).encode(), rng)


def _made_onnx(rng: Random) -> bytes:
    """Return a model with some fields changed."""
    return fields.changed(onnx_seeds.messages(), onnx_seeds.words(), lambda model: model.SerializeToString(), rng)


def _schema_words() -> tuple[bytes, ...]:
    messages = (made.DESCRIPTOR for made in schema.classes().values())  # type: ignore[attr-defined]
    fields = {field.name for message in messages for field in message.fields}
    types = {f'"{name}"' for name, _ in LAYERS.items()} | set(schema.v1_types())
    return tuple(word.encode() for word in (*sorted(fields | types), *"{}[]<>:;,#-", '"', "'", "\\xff"))


def _json_words() -> tuple[bytes, ...]:
    names = [*Configuration.__dataclass_fields__, "algorithm", "tile", "order", "factor", "cost", "share", "score"]
    values = ["{}", "[]", "null", "true", "NaN", "Infinity", "-1", "1e999", '"\\ud800"', "[" * 40, "0.5", ",", ":"]
    return tuple(word.encode() for word in (*(f'"{name}"' for name in names), *values))


def _request_words() -> tuple[bytes, ...]:
    names = ("inputs", "outputs", "name", "shape", "datatype", "data", "parameters", "binary_data_size", "binary_data")
    return (*(f'"{name}"'.encode() for name in (*names, "id", *DATATYPES)), *_json_words()[-13:], b"[", b"]", b"\n")


TARGETS = {
    target.name: target
    for target in (
        Target("prototxt", _prototxt, lambda: seeds.texts(prototxts.PROTOTXTS), _schema_words),
        Target("prototxt-fields", _net, lambda: seeds.texts(prototxts.PROTOTXTS), made=_made_prototxt),
        Target("onnx", _onnx, onnx_seeds.models),
        Target("onnx-fields", _onnx, onnx_seeds.models, made=_made_onnx),
        Target("solver", _solver, lambda: seeds.texts(seeds.SOLVERS), _schema_words),
        Target("prune", _prune, lambda: seeds.texts(seeds.PRUNE_FILES), _schema_words),
        Target("caffemodel", _caffemodel, seeds.caffemodels),
        Target("hdf5", _caffemodel, seeds.hdf5_weights),
        Target("binaryproto", _mean, seeds.means),
        Target("mean-array", _mean_array, seeds.mean_arrays),
        Target("packed", _packed, seeds.packed_files, repaired=_repaired_packed),
        Target("packed-header", _packed_header, seeds.packed_headers, _json_words),
        Target("pickle", _batch(PYTHON_FOLDER, "test_batch"), seeds.pickles),
        Target("records", _batch(BINARY_FOLDER, "test_batch.bin"), seeds.records),
        Target("image", _image, seeds.images, repaired=_repaired_image),
        Target("list", _list, _list_seeds, lambda: (b" ", b"\n", b"listed.png", b"/", b"..", b"0", b"a" * 300)),
        Target("store", _store, seeds.stores),
        Target("store-rows", _store_rows, _row_seeds, _json_words),
        Target("request", _request, seeds.requests, _request_words),
        Target("request-message", _message, seeds.request_messages),
        Target("configuration", _configuration, lambda: seeds.texts(seeds.CONFIGURATIONS), _json_words),
    )
    # The HDF5 format is read where h5py is installed.
    if target.name != "hdf5" or find_spec("h5py")
}


def find_target(name: str) -> Target:
    """Return a target by name: a reader, or the nets, whose runtime is imported only for them."""
    if name in TARGETS:
        return TARGETS[name]
    from tools.fuzz.nets import NETS

    return {NETS.name: NETS}[name]
