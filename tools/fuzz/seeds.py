"""What mutations start from: small valid inputs of every reader, all made here."""

import io
import json
import pickle
import sqlite3
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
from xdn.kernels.core.choice import Choice
from xdn.runtime.configuration import Configuration
from xdn.tune.store import Key, Result, Store
from xdn.tune.trial import Trial

#: The net whose weights are fuzzed, and which the prototxts vary.
NET = """name: "small"
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 2 dim: 6 dim: 6 } } }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
  convolution_param { num_output: 2 kernel_size: 3 pad: 1 group: 2 bias_term: true weight_filler { type: "xavier" } } }
layer { name: "bn" type: "BatchNorm" bottom: "conv" top: "conv" batch_norm_param { eps: 1e-3 } }
layer { name: "relu" type: "ReLU" bottom: "conv" top: "conv" relu_param { negative_slope: 0.1 } }
layer { name: "fc" type: "InnerProduct" bottom: "conv" top: "fc" inner_product_param { num_output: 3 }
  xdn_param { int8 { scale: 0.25 signed: true } } }
layer { name: "prob" type: "Softmax" bottom: "fc" top: "prob" }
"""
_SHAPES = {"conv": [(2, 1, 3, 3), (2,)], "bn": [(2,), (2,), (1,)], "fc": [(3, 72), (3,)]}

_TRAINING = """name: 'train' state { phase: TEST stage: "deploy" }
layer { name: "d" type: "Data" top: "data" top: "label" include { phase: TEST }
  transform_param { scale: 0.0039 mirror: true crop_size: 8 mean_value: 104 mean_value: 117 mean_value: 123 }
  data_param { source: "cifar" batch_size: 100 backend: LMDB cudnn_prefetch: 3 } }
layer { name: "c" type: "Convolution" bottom: "data" top: "c" param { name: "w" lr_mult: 1 } param { lr_mult: 2 }
  convolution_param { num_output: 4 kernel_h: 3 kernel_w: 1 stride: 2 dilation: 2 engine: MKL2017 } }
layer { name: "p" type: "Pooling" bottom: "c" top: "p" pooling_param { pool: AVE kernel_size: 2 stride: 1 } }
layer { name: "n" type: "LRN" bottom: "p" top: "n" lrn_param { local_size: 3 alpha: 1e-4 beta: .75 } }
layer { name: "s" type: "Slice" bottom: "n" top: "s1" top: "s2" slice_param { axis: 1 slice_point: 2 } }
layer { name: "e" type: "Eltwise" bottom: "s1" bottom: "s2" top: "e" eltwise_param { operation: SUM coeff: [1, -1] } }
layer { name: "f" type: "InnerProduct" bottom: "e" top: "f" inner_product_param { num_output: 10 axis: 1 } }
layer { name: "acc" type: "Accuracy" bottom: "f" bottom: "label" top: "acc" include: { stage: "deploy" } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "f" bottom: "label" top: "loss" loss_weight: 0.3 }
"""
_V1 = """input: "data" input_dim: 1 input_dim: 3 input_dim: 0x10 input_dim: 020
layers { name: "c" type: CONVOLUTION bottom: "data" top: "c" blobs_lr: 1 blobs_lr: 2 weight_decay: 1
  convolution_param < num_output: 4; kernel_size: 5, pad: 2 > }
layers: [{ name: "r" type: RELU bottom: "c" top: "c" }, { name: "t" type: TANH bottom: "c" top: "t" }]
"""
_V0 = """name: "v0" input: "data" input_shape { dim: [1, 3, 12, 12] }
layers { layer { name: "pad" type: "padding" pad: 1 } bottom: "data" top: "pad" }
layers { layer { name: "c" type: "conv" num_output: 4 kernelsize: 3 stride: 1 biasterm: false } bottom: "pad" top: "c" }
layers { layer { name: "i" type: "innerproduct" num_output: 5 } bottom: "c" top: "i" }
"""
_SHAPING = """# axes and shapes
layer { name: "in" type: "Input" top: "a" top: "b" input_param { shape: { dim: 2 dim: 4 dim: 6 } } }
layer { name: "cat" type: "Concat" bottom: "a" bottom: "b" top: "cat" concat_param { axis: -1 } }
layer { name: "re" type: "Reshape" bottom: "cat" top: "re"
  reshape_param { shape { dim: 0 dim: -1 } axis: 1 num_axes: 2 } }
layer { name: "fl" type: "Flatten" bottom: "re" top: "fl" }
layer { name: "sc" type: "Scale" bottom: "fl" top: "sc" scale_param { bias_term: true axis: 1 } }
layer { name: "dr" type: "Dropout" bottom: "sc" top: "sc" dropout_param { dropout_ratio: 0.5 } }
layer { name: "po" type: "Power" bottom: "sc" top: "po" power_param { power: 2 scale: 1 shift: -inf } }
"""
_FORKS = """layer { name: "image" type: "VideoData" top: "data" top: "label"
  transform_param { crop_size: 32 } video_param { x: [1, 2] } }
layer { name: "bn" type: "BN" bottom: "data" top: "bn" bn_param { scale_filler { value: 1 } bn_mode: INFERENCE } }
layer { name: "up" type: "Upsample" bottom: "bn" top: "up" upsample_param { scale: 2 } }
layer { name: "ip" type: "Interp" bottom: "up" top: "ip" interp_param { height: 33 width: 33 } }
layer { name: "ax" type: "Permute" bottom: "ip" top: "ax" permute_param { order: 0 order: 2 order: 3 order: 1 } }
layer { name: "pb" type: "PriorBox" bottom: "up" bottom: "data" top: "pb"
  prior_box_param { min_size: 4 max_size: 8 aspect_ratio: 2 flip: true clip: false variance: 0.1 } }
layer { name: "q" type: "ReLU6" bottom: "ax" top: "q" engine: "CAFFE" }
layer { name: "t" type: "TanH" bottom: "q" top: "t" quantization_param { bits: 8 } }
"""
_FILMS = """name: "films"
layers { name: "d" type: VIDEO_DATA top: "d" top: "label" image_data_param { crop_size: 8 new_length: 4 } }
layers { name: "c" type: CONVOLUTION3D bottom: "d" top: "c"
  convolution_param { num_output: 2 kernel_size: 3 kernel_depth: 3 pad: 1 temporal_pad: 1 filter_group: 1 } }
layers { name: "p" type: POOLING3D bottom: "c" top: "p"
  pooling_param { pool: MAX kernel_size: 2 kernel_depth: 1 stride: 2 temporal_stride: 1 } }
layers { name: "u" type: DECONVOLUTION3D bottom: "p" top: "u"
  convolution_param { num_output: 2 kernel_size: 4 kernel_depth: 1 stride: 2 pad: 1 } }
layers { name: "v" type: VOXEL_SOFTMAX bottom: "u" top: "v" }
"""
_VOLUMES = """input: "data" input_shape { dim: 1 dim: 2 dim: 4 dim: 5 dim: 6 }
layer { name: "c" type: "Convolution" bottom: "data" top: "c"
  convolution_param { num_output: 2 kernel_size: 3 kernel_size: 1 kernel_size: 2 pad: [1, 0, 1] dilation: 1 } }
layer { name: "t" type: "Convolution3D" bottom: "c" top: "t"
  convolution3d_param { num_output: 3 kernel_size: 1 kernel_depth: 2 stride: 2 temporal_stride: 1 bias_term: false } }
layer { name: "p" type: "Pooling" bottom: "t" top: "p" pooling_param { pool: AVE global_pooling: true } }
"""
_PYTHON = r"""input: "p" input: "d" input: "i"
input_shape { dim: [1, 6, 4, 5] } input_shape { dim: [1, 12, 4, 5] } input_shape { dim: [1, 3] }
layer { name: "r" type: "Python" bottom: "p" bottom: "d" bottom: "i" top: "r" python_param { module: "rpn"
  layer: "ProposalLayer" param_str: "'feat_stride': 16 # b\n'scales': !!python/tuple\n- 4\nratios: (0.5, 1, 2.0e+0)" } }
layer { name: "n" type: "Normalize" bottom: "p" top: "n" softmax_param { normalize_type: "L1" } }
"""
_INTEGERS = """input: "data" input_shape { dim: 1 dim: 4 dim: 6 dim: 5 }
layer { name: "c" type: "Convolution" bottom: "data" top: "c"
  convolution_param { num_output: 4 kernel_size: 3 pad: 1 group: 2 } xdn_param { int8 { scale: 0.5 signed: true } } }
layer { name: "m" type: "Pooling" bottom: "c" top: "m" pooling_param { kernel_size: 3 stride: 1 pad: 1 } }
layer { name: "p" type: "Convolution" bottom: "m" bottom: "c" top: "p"
  convolution_param { num_output: 4 kernel_size: 1 }
  xdn_param { activation: "PReLU" projection { num_output: 4 kernel_size: 1 } }
  xdn_param { int8 { scale: 0.25 } }
  xdn_param { int8 { scale: 3e-2 } } }
layer { name: "e" type: "Eltwise" bottom: "p" bottom: "c" bottom: "m" top: "e" eltwise_param { coeff: [1, -2, 0.5] }
  xdn_param { int8 { scale: 1 } int8: [{ scale: 2 signed: true }, { scale: 1e-20 }] } }
layer { name: "a" type: "Pooling" bottom: "e" top: "a" pooling_param { pool: AVE global_pooling: true }
  xdn_param { int8 { scale: 8 } } }
layer { name: "q" type: "Quantize" bottom: "a" top: "q" quantize_param { scale: 0.125 signed: true } }
layer { name: "d" type: "Deconvolution" bottom: "q" top: "d" convolution_param { num_output: 2 kernel_size: 2 }
  xdn_param { int8 { scale: 0.125 signed: true } } }
"""
_SEQUENCES = """input: "x" input_shape { dim: [6, 2, 4] } input: "cont" input_shape { dim: [6, 2] }
input: "s" input_shape { dim: [2, 3] }
input: "h" input_shape { dim: [1, 2, 5] } input: "k" input_shape { dim: [1, 2, 5] }
layer { name: "g" type: "GRU" bottom: ["x", "s", "h"] top: ["g", "gh"]
  recurrent_param { num_output: 5 expose_hidden: true continue_recur: true linear_before_reset: 1 } }
layer { name: "g0" type: "GRU" bottom: ["g", "cont"] top: "g0" recurrent_param { num_output: 2 } }
layer { name: "r0" type: "RNN" bottom: "g0" bottom: "cont" top: "r0" recurrent_param { num_output: 3 tf_rnn: true } }
layer { name: "l" type: "LSTM" bottom: ["x", "cont", "s", "h", "k"] top: ["l", "lh", "lk"]
  recurrent_param { num_output: 5 expose_hidden: true weight_filler { type: "uniform" } } }
layer { name: "r" type: "RNN" bottom: "l" bottom: "cont" top: "r" recurrent_param { num_output: 3 } }
layer { name: "rev" type: "Reverse" bottom: "r" top: "rev" reverse_param { axis: 0 } }
layer { name: "f" type: "Lstm" bottom: "rev" top: "f" lstm_param { num_output: 4 } }
layer { name: "fc" type: "InnerProduct" bottom: "f" top: "fc" inner_product_param { num_output: 7 axis: 2 } }
"""
_DETECTORS = """input: "a" input_shape { dim: [2, 16, 4, 6] } input: "b" input_shape { dim: [2, 16, 2, 3] }
layer { name: "p" type: "Pooling" bottom: "a" top: "p" pooling_param { kernel_size: 2 stride: 1 dilation: 2 pad: 1 } }
layer { name: "s" type: "Pooling" bottom: "a" top: "s"
  pooling_param { kernel_size: 3 stride: 2 pad_t: 1 pad_b: 0 pad_l: 2 pad_r: 1 ceil_mode: false } }
layer { name: "pad" type: "Pad" bottom: "a" top: "pad" pad_param { pad_t: 1 pad_b: 0 pad_l: 2 pad_r: 3 } }
layer { name: "g" type: "GroupNorm" bottom: "a" top: "g" group_norm_param { group_num: 4 eps: 1e-3 } }
layer { name: "v2" type: "YoloDetectionOutput" bottom: "g" top: "v2" yolo_detection_output_param {
  num_classes: 3 num_box: 2 confidence_threshold: 0.3 nms_threshold: 0.4 biases: [1.2, 2.5, 3.1, 1.7] } }
layer { name: "v3" type: "Yolov3DetectionOutput" bottom: "b" bottom: "a" top: "v3" yolov3_detection_output_param {
  num_classes: 3 num_box: 2 biases: [10, 13, 16, 30, 33, 23, 30, 17] mask: [2, 0, 1, 3] anchors_scale: [32, 16]
  mask_group_num: 2 confidence_threshold: 0.5 } }
layer { name: "re" type: "Region" bottom: "b" top: "re" region_param { classes: 3 coords: 4 num: 2 } }
layer { name: "l" type: "Flatten" bottom: "b" top: "l" }
layer { name: "pb" type: "PriorBoxClustered" bottom: "b" bottom: "a" top: "pb" prior_box_param {
  width: [8, 12] height: [9, 4] step: 16 offset: 0.5 variance: [0.1, 0.1, 0.2, 0.2] } }
layer { name: "lc" type: "Slice" bottom: "l" top: "l1" top: "l2" slice_param { axis: 1 slice_point: 48 } }
layer { name: "cf" type: "Slice" bottom: "l2" top: "c1" top: "c2" slice_param { axis: 1 slice_point: 24 } }
layer { name: "d" type: "DetectionOutput" bottom: "l1" bottom: "c1" bottom: "pb" bottom: "c2" bottom: "l1" top: "d"
  detection_output_param { num_classes: 2 objectness_score: 0.01 confidence_threshold: 0.1 keep_top_k: 20
    nms_param { nms_threshold: 0.45 top_k: 40 eta: 0.9 } code_type: CENTER_SIZE } }
"""
PROTOTXTS = (NET, _TRAINING, _V1, _V0, _SHAPING, _FORKS, _FILMS, _VOLUMES, _PYTHON, _INTEGERS, _SEQUENCES, _DETECTORS)

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


def caffemodels() -> tuple[bytes, ...]:
    """Return the weights of `NET`: current format, V1 and C3D's; numbers not packed, of f64, and 8-bit integers."""

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
    )


def hdf5_weights() -> tuple[bytes, ...]:
    """Return the weights of `NET` in the HDF5 format, none without h5py.

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
    """Return the weights of `NET` under ``data``, and under `more` groups; `links` lead to the first of them."""
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
