"""OpenCV 4.x's Caffe importer as an oracle, fed through its own schema.

OpenCV carries its caffe.proto inside its library. Read from there, it says what fields and numbers another Caffe
reader knows, and lets a test write prototxt and caffemodel without XDN's frontend.
"""

import functools
import mmap
from pathlib import Path

import cv2
import numpy as np
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format

#: How a serialised FileDescriptorProto starts: field 1, the file's name.
MARK = b"\x0a\x12opencv-caffe.proto"
FILE_FIELDS = range(1, 13)


def _varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at


@functools.cache
def schema():
    """Return OpenCV's caffe.proto as a FileDescriptorProto; skip the test where the library does not hold it."""
    for library in sorted(Path(cv2.__file__).parent.glob("cv2*")):
        if not library.is_file() or library.suffix not in (".so", ".pyd"):
            continue
        with library.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            start = end = data.find(MARK)
            while start >= 0:
                tag, at = _varint(data, end)
                if tag & 7 != 2 or tag >> 3 not in FILE_FIELDS:
                    return descriptor_pb2.FileDescriptorProto.FromString(data[start:end])
                size, at = _varint(data, at)
                end = at + size
    return pytest.skip("this build of OpenCV does not hold its caffe.proto")


@functools.cache
def _net_class():
    pool = descriptor_pool.DescriptorPool()
    pool.Add(schema())
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{schema().package}.NetParameter"))


def _fill(message, params, every):
    """Set in OpenCV's message what differs from the defaults, and what it has other defaults for, or every field."""
    default = type(params)()
    for name, field in params.proto_fields().items():
        value = getattr(params, name)
        spelled = isinstance(value, float) or field.type == "enum" or every
        spelled = spelled and name in message.DESCRIPTOR.fields_by_name
        if value == getattr(default, name) and not spelled:
            continue
        if field.type == "BlobShape":
            getattr(message, name).dim.extend(value)
        elif isinstance(value, tuple) and not field.repeated:
            for nested, each in value:
                setattr(getattr(message, name), nested, each)
        elif field.type == "enum":
            setattr(message, name, field.values[value])
        elif field.repeated and hasattr(getattr(message, name), "extend"):
            getattr(message, name).extend(value)
        elif field.repeated:
            # OpenCV takes one value, for all axes.
            for each in value:
                setattr(message, name, each)
        else:
            setattr(message, name, value)


def run_opencv(params, bottoms, weights=None, **more):
    """Return the first top that OpenCV computes for one layer; see `run_opencv_tops`."""
    return run_opencv_tops(params, bottoms, weights, **more)[0]


def run_opencv_tops(params, bottoms, weights=None, *, n_tops=1, other=None, every=False):
    """Return all tops that OpenCV computes for one layer.

    Where OpenCV knows the type but not its message, it computes it with every default, and so must the layer. Or
    `other` says the parameters, (message, field) -> value, in any messages that have such fields: OpenCV reads those of
    all messages of a layer into one dictionary. With `every`, fields are said though they have their defaults.
    """
    net = _net_class()(name="one layer")
    names = [f"in{i}" for i in range(len(bottoms))]
    for name, bottom in zip(names, bottoms, strict=True):
        entry = net.layer.add(name=name, type="Input", top=[name])
        entry.input_param.shape.add(dim=bottom.shape)
    layer = net.layer.add(name="out", type=params.type, bottom=names, top=["out", *map(str, range(1, n_tops))])
    if other is not None:
        for (message, field), value in other.items():
            held = getattr(layer, message)
            getattr(held, field).extend(value) if isinstance(value, tuple) else setattr(held, field, value)
    elif params.message is None or params.message.field not in layer.DESCRIPTOR.fields_by_name:
        assert params == type(params)()
    else:
        _fill(getattr(layer, params.message.field), params, every)
    text = text_format.MessageToString(net).encode()
    for array in (weights or {}).values():
        blob = layer.blobs.add(data=array.ravel().tolist())
        blob.shape.dim.extend(array.shape or (1,))
    read = cv2.dnn.readNetFromCaffe(np.frombuffer(text, np.uint8), np.frombuffer(net.SerializeToString(), np.uint8))
    read.setPreferableBackend(cv2.dnn.DNN_BACKEND_OPENCV)
    for name, bottom in zip(names, bottoms, strict=True):
        read.setInput(bottom, name)
    return [read.forward("out")] if n_tops == 1 else list(read.forwardAndRetrieve(["out"])[0])
