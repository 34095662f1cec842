"""What mutations start from: small valid inputs of every reader, all made here."""

import io
import json
import pickle
import sqlite3
import struct
import tempfile
import zlib
from collections.abc import Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np

from xdn.data import header as headers
from xdn.data.header import Layout, PackedHeader
from xdn.element import S8
from xdn.frontend import wire
from xdn.frontend.caffe.weights.blobproto import encode_blob_head
from xdn.graph.codebook import Codebook
from xdn.kernels.core.choice import Choice
from xdn.runtime.configuration import Configuration
from xdn.serve.grpc.proto import service
from xdn.tune.store import Key, Result, Store
from xdn.tune.trial import Trial

#: Shapes of the weights of `prototxts.NET`.
_SHAPES = {"conv": [(2, 1, 3, 3), (2,)], "bn": [(2,), (2,), (1,)], "fc": [(3, 72), (3,)]}

SOLVERS = (
    """net: "train.prototxt" base_lr: 0.1 lr_policy: "multistep" gamma: .1 stepvalue: 100 stepvalue: 200 max_iter: 300
momentum: 0.9 weight_decay: 1e-4 type: "SGD" random_seed: -1 snapshot_prefix: "out/s" solver_mode: GPU  # a comment
xdn_param { data: "cifar10" batch_size: 128 pad: 4 pad_mode: REFLECT mirror: true warmup_iter: 10 teacher: "a:b" }
""",
    'train_net: "a" test_net: "b" test_iter: 3 test_interval: 10 solver_type: NESTEROV regularization_type: "L1"',
    "xdn_param < epochs: 3 bf16: AUTO label_smoothing: 0.1 temperature: 4 alpha: .9 >",
)
PRUNE_FILES = (
    'budget: "macs=0.5" criterion: "l1" schedule: "iterative" least: 0.1 steps: 3 reconstruct: true images: 64',
    'budget: ".3" seed: 7 group { layer: "conv.*" ratio: 0.5 } group: [{ layer: "x" criterion: "l2" }]',
)
CONFIGURATIONS = (
    "{}",
    json.dumps({"threads": 2, "members": 1, "schedule": "channel", "chunk_blocks": 4, "heavy_weights": 1.5}),
    json.dumps({"winograd": False, "choices": {"channel": {"conv": {"algorithm": "direct", "tile": [6, 4]}}}}),
    json.dumps({"choices": {"batch": {"a": {"order": "tiles"}, "b": {"algorithm": "blas"}}, "channel": {}}}),
)


def texts(sources: Sequence[str]) -> tuple[bytes, ...]:
    """Return texts as bytes."""
    return tuple(source.encode() for source in sources)


def _blob(shape: tuple[int, ...], *, legacy: bool = False, unpacked: bool = False) -> bytes:
    data = np.arange(np.prod(shape, dtype=int), dtype="<f4") / 8
    if unpacked:
        return wire.encode_bytes(7, wire.encode_varints(1, shape)) + b"".join(b"\x2d" + each.tobytes() for each in data)
    return encode_blob_head(shape, legacy)[0] + data.tobytes()


def _film_blob(shape: tuple[int, ...]) -> bytes:
    """Return a blob as C3D 1.0 writes it: five extents, and the numbers as field 6."""
    extents = enumerate((1,) * (5 - len(shape)) + shape, 1)
    head = b"".join(wire.encode_varint(number << 3 | wire.VARINT) + wire.encode_varint(n) for number, n in extents)
    return head + wire.encode_bytes(6, (np.arange(np.prod(shape, dtype=int), dtype="<f4") / 8).tobytes())


def _double_blob(shape: tuple[int, ...]) -> bytes:
    data = np.linspace(-1, 1, int(np.prod(shape)))
    return wire.encode_bytes(7, wire.encode_varints(1, shape)) + wire.encode_bytes(8, data.tobytes())


def _int8_blob(shape: tuple[int, ...]) -> bytes:
    """Return filters as 8-bit integers with their scales, other weights as f32."""
    if len(shape) < 2:
        return _blob(shape)
    integers = np.resize(np.arange(-127, 128), shape).astype(np.int8)
    scales = np.arange(1, shape[0] + 1, dtype="<f4") / 8
    return encode_blob_head(shape, element=S8, scales=scales)[0] + integers.tobytes()


def _coded_blob(shape: tuple[int, ...]) -> bytes:
    """Return filters as codes of blocks, one for each output, other weights as f32."""
    if len(shape) < 2:
        return _blob(shape)
    centroids = np.resize(np.arange(-8, 8), (3, int(np.prod(shape[1:])))).astype(np.float16)
    codebook = Codebook(centroids, np.resize(np.arange(3), shape[0]).astype(np.uint8))
    return encode_blob_head(shape, codebook=codebook)[0] + codebook.codes.tobytes()


def caffemodels() -> tuple[bytes, ...]:
    """Return weights of `prototxts.NET`: current format, V1 and C3D's; numbers not packed, f64, integers, codes."""

    def net(layer: int, name: int, blobs: int, encode: object) -> bytes:
        content = wire.encode_bytes(1, b"small")
        for key, shapes in _SHAPES.items():
            parts = b"".join(wire.encode_bytes(blobs, encode(shape)) for shape in shapes)  # type: ignore[operator]
            content += wire.encode_bytes(layer, wire.encode_bytes(name, key.encode()) + parts)
        return content

    return (
        net(100, 1, 7, _blob),
        net(2, 4, 6, lambda shape: _blob(shape, legacy=True)),
        net(2, 4, 6, _film_blob),
        net(100, 1, 7, lambda shape: _blob(shape, unpacked=True)),
        net(100, 1, 7, _double_blob),
        net(100, 1, 7, _int8_blob),
        net(100, 1, 7, _coded_blob),
    )


def hdf5_weights() -> tuple[bytes, ...]:
    """Return the weights of `prototxts.NET` in the HDF5 format, none without h5py.

    In both of its forms of groups, as f32 and as f64 of either byte order, stored apart from what describes them or
    with it (compact); some values are not finite. Beside `data` stands a `diff`, as in Caffe's snapshots, or links.
    """
    if find_spec("h5py") is None:
        return ()
    return (
        _hdf5("<f4"),
        _hdf5(">f8", libver="latest"),
        _hdf5("<f4", "diff", compact=True),
        _hdf5(">f4", libver="latest", compact=True),
        _hdf5("<f4", links=True),
        _hdf5("<f4", links=True, libver="latest"),
    )


def _hdf5(dtype: str, *more: str, compact: bool = False, links: bool = False, **options: str) -> bytes:
    """Return weights of `prototxts.NET` under ``data``, and under `more` groups; `links` lead to the first of them."""
    import h5py

    content = io.BytesIO()
    with h5py.File(content, "w", **options) as file:
        for group in ("data", *more):
            for name, shapes in _SHAPES.items():
                for number, shape in enumerate(shapes):
                    values = np.resize(np.array([0.5, -2, np.nan, np.inf, 3e38], dtype), shape)
                    created = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
                    created.set_layout(h5py.h5d.COMPACT if compact else h5py.h5d.CONTIGUOUS)
                    place = file.require_group(f"{group}/{name}").id
                    kind, space = h5py.h5t.py_create(np.dtype(dtype)), h5py.h5s.create_simple(shape)
                    dataset = h5py.h5d.create(place, str(number).encode(), kind, space, created)
                    dataset.write(h5py.h5s.ALL, h5py.h5s.ALL, values)
        if links:
            file["hard"], file["soft"] = file["data/conv"], h5py.SoftLink("/data/fc/0")
            file["external"] = h5py.ExternalLink("other.h5", "/data")
    return content.getvalue()


def means() -> tuple[bytes, ...]:
    """Return mean images."""
    return _blob((3, 4, 5), legacy=True), _blob((1, 1, 2, 2), unpacked=True), _double_blob((2, 2, 3))


def mean_arrays() -> tuple[bytes, ...]:
    """Return mean images as NumPy saves arrays: of several types, by rows and by columns, in two versions."""
    values = np.arange(24).reshape(1, 2, 3, 4)
    found = []
    for array, version in (
        (values.astype("<f8"), (1, 0)),
        (np.asfortranarray(values[0], np.float32), (1, 0)),
        (values[0].astype(">i2"), (2, 0)),
    ):
        made = io.BytesIO()
        np.lib.format.write_array(made, array, version)
        found.append(made.getvalue())
    return tuple(found)


_HEADER = PackedHeader(
    dataset="d",
    title="T",
    split="test",
    classes=("a", "b"),
    channel_order="rgb",
    shape=(3, 2, 2, 3),
    dtype="u8",
    preprocessing={"decoder": "x"},
    opencv="4",
    labels_crc32=0,
    version=headers.VERSION,
)


def packed_files() -> tuple[bytes, ...]:
    """Return packed data of either dtype."""
    files = []
    for dtype in ("u8", "f32"):
        labels, pixels = np.array([0, 1, 1], "<i4").tobytes(), bytes(range(36)) * {"u8": 1, "f32": 4}[dtype]
        head, layout = headers.encode(replace(_HEADER, dtype=dtype, labels_crc32=zlib.crc32(labels)))
        files.append(_laid_out(head, layout, pixels, labels))
    return tuple(files)


def packed_headers() -> tuple[bytes, ...]:
    """Return the JSON headers of packed data whose labels are zeros."""
    made = (replace(_HEADER, dtype=dtype, labels_crc32=zlib.crc32(bytes(12))) for dtype in ("u8", "f32"))
    return tuple(headers.encode(header)[0][headers.PREFIX.size :] for header in made)


def _laid_out(head: bytes, layout: Layout, pixels: bytes, labels: bytes) -> bytes:
    content = bytearray(layout.end)
    parts = ((0, head), (layout.pixels, pixels), (layout.labels, labels))
    for at, part in (*parts, (layout.checksums, zlib.crc32(pixels).to_bytes(4, "little"))):
        content[at : at + len(part)] = part
    return bytes(content)


def pickles() -> tuple[bytes, ...]:
    """Return CIFAR-10 batches of the python version in several protocols."""
    planes = np.arange(2 * 3072, dtype=np.uint8).reshape(2, 3072)
    batch = {b"batch_label": b"one", b"labels": [3, 8], b"data": planes, b"filenames": [b"a.png", b"b.png"]}
    return tuple(pickle.dumps(batch, protocol) for protocol in (2, 3, 4))


def records() -> tuple[bytes, ...]:
    """Return batches of CIFAR-10's binary version."""
    return (bytes([3]) + bytes(range(256)) * 12) * 2, bytes([9]) + b"\xff" * 3072


def images() -> tuple[bytes, ...]:
    """Return images of every format that is read."""
    rng = np.random.default_rng(1)
    grey, colour = rng.integers(0, 256, (5, 7), np.uint8), rng.integers(0, 256, (9, 8, 3), np.uint8)
    flat = np.full((16, 16, 4), 200, np.uint8)
    jobs: list[tuple[str, np.ndarray, list[int]]] = [
        (".png", grey, []),
        (".png", flat, []),
        (".png", grey, [cv2.IMWRITE_PNG_BILEVEL, 1]),
        (".jpg", colour, []),
        (".jpg", grey, [cv2.IMWRITE_JPEG_PROGRESSIVE, 1, cv2.IMWRITE_JPEG_QUALITY, 30]),
        (".jpg", colour, [cv2.IMWRITE_JPEG_RST_INTERVAL, 1]),
        (".bmp", colour, []),
        (".bmp", grey, []),
        (".webp", colour, [cv2.IMWRITE_WEBP_QUALITY, 101]),
        (".webp", colour, [cv2.IMWRITE_WEBP_QUALITY, 50]),
        (".webp", flat, [cv2.IMWRITE_WEBP_QUALITY, 50]),
        (".tif", colour, []),
        (".tif", colour, [cv2.IMWRITE_TIFF_COMPRESSION, 1, cv2.IMWRITE_TIFF_ROWSPERSTRIP, 2]),
        (".tif", grey.astype(np.uint16) << 8, [cv2.IMWRITE_TIFF_COMPRESSION, 8]),
        (".tif", colour, [cv2.IMWRITE_TIFF_COMPRESSION, 7]),
    ]
    if cv2.haveImageWriter(".gif"):
        jobs.append((".gif", colour, []))
    single = tuple(cv2.imencode(suffix, pixels, options)[1].tobytes() for suffix, pixels, options in jobs)
    if not hasattr(cv2, "imencodeanimation"):
        return single
    moving = cv2.Animation()
    moving.frames, moving.durations = [flat, flat // 2], np.array([10, 20])
    return single + tuple(cv2.imencodeanimation(suffix, moving)[1].tobytes() for suffix in (".png", ".webp"))


def lists(image: str) -> tuple[bytes, ...]:
    """Return list files that name the file `image`, absolute or beside the list."""
    return f"{image} 0\n\n{image} 12\r\n  {image} 3".encode(), f"./{Path(image).name} 1\n".encode(), b"\xff\xfe.png 0\n"


def stores() -> tuple[bytes, ...]:
    """Return stores of tuning results."""
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / "tuning.sqlite")
        for number in range(2):
            configuration = Configuration(threads=2, choices={"channel": {"c": Choice("direct", (6, 4))}})
            store.put(Key({"net": str(number), "threads": 2}), Result({}, configuration, None, 1.5, 12.5))
            store.add_trial("study", number, Trial({"threads": 2}, 0.5, 1.25))
        with sqlite3.connect(store.path) as connection:
            connection.execute("PRAGMA journal_mode=DELETE")
        connection.close()
        return (store.path.read_bytes(),)


def requests() -> tuple[bytes, ...]:
    """Return requests to a service: JSON, and after the first line's end tensors in the binary form."""

    def tensor(name: str, datatype: str, shape: list[int], **fields: object) -> dict[str, object]:
        """Return an input."""
        return {"name": name, "datatype": datatype, "shape": shape, **fields}

    listed = {
        "id": "7",
        "inputs": [
            tensor("x", "FP32", [2, 2], data=[[1, 2.5], [-3e2, 0]]),
            tensor("t", "BYTES", [2], data=["a", "b]"]),
            tensor("b", "BOOL", [1], data=[True]),
        ],
        "outputs": [{"name": "x", "parameters": {"binary_data": True}}],
        "parameters": {"timeout": 1000},
    }
    raw = np.float32([1, 2]).tobytes() + struct.pack("<I2sI", 2, b"ab", 0)
    binary = {
        "inputs": [
            tensor("x", "FP32", [1, 2], parameters={"binary_data_size": 8}),
            tensor("z", "INT8", [3], data=[1, -2, 3]),
            tensor("t", "BYTES", [2], parameters={"binary_data_size": 10}),
        ],
        "parameters": {"binary_data_output": True},
    }
    return json.dumps(listed).encode(), json.dumps(binary).encode() + b"\n" + raw


def request_messages() -> tuple[bytes, ...]:
    """Return requests to a service as gRPC has them, with values in fields, and raw."""
    made = service().messages["ModelInferRequest"]
    inputs = [
        {"name": "x", "datatype": "FP32", "shape": [1, 2], "contents": {"fp32_contents": [1, 2]}},
        {"name": "z", "datatype": "INT8", "shape": [3], "contents": {"int_contents": [1, -2, 3]}},
        {"name": "t", "datatype": "BYTES", "shape": [2], "contents": {"bytes_contents": [b"a", b""]}},
    ]
    raw = np.float32([1, 2]).tobytes(), b"\1\2\3", struct.pack("<IcI", 1, b"a", 0)
    bare = [{name: value for name, value in each.items() if name != "contents"} for each in inputs]
    fields = {"model_name": "net", "id": "7", "outputs": [{"name": "x"}]}
    listed = made(inputs=inputs, parameters={"timeout": {"int64_param": 1000}}, **fields)
    return listed.SerializeToString(), made(inputs=bare, raw_input_contents=raw, **fields).SerializeToString()
