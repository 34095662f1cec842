"""Values that stay where they lie in the file."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from tests.frontend.onnx.read.onnx_models import f32, model_of
from xdn.errors import ParseError
from xdn.frontend.onnx.read.mapped import array_at, mapped, parted

LARGE, SMALL = f32(16, 32), f32(3)


def _content(*tensors):
    model = model_of([helper.make_node("Relu", ["x"], ["y"])], {"x": (1, 3)})
    model.graph.initializer.extend(tensors)
    return model, model.SerializeToString()


def test_only_large_values_are_taken_out():
    tensors = [numpy_helper.from_array(array, name) for name, array in (("small", SMALL), ("large", LARGE))]
    model, content = _content(*tensors)
    message, values = parted(memoryview(content), "model")
    rest = onnx.ModelProto.FromString(message)
    assert list(values) == [1]
    np.testing.assert_array_equal(array_at(rest.graph.initializer[1], values[1]), LARGE)
    assert len(message) < len(content) - LARGE.nbytes
    rest.graph.initializer[1].raw_data = bytes(values[1])
    assert rest == model


@pytest.mark.parametrize("kind", [np.float64, np.float16, np.int8, np.uint8, np.int32, np.int64])
def test_types_that_lie_in_a_file_as_in_memory(kind):
    array = np.arange(2048).astype(kind)
    _, content = _content(numpy_helper.from_array(array, "w"))
    _, values = parted(memoryview(content), "model")
    found = array_at(TensorProto(dims=array.shape, data_type=helper.np_dtype_to_tensor_dtype(array.dtype)), values[0])
    np.testing.assert_array_equal(found, array)


def test_other_types_stay_in_their_message():
    tensor = helper.make_tensor("w", TensorProto.BFLOAT16, (1024,), bytes(2048), raw=True)
    assert parted(memoryview(_content(tensor)[1]), "model")[1] == {}
    assert array_at(tensor, memoryview(bytes(2048))) is None


@pytest.mark.parametrize("dims", [(3,), (-1, -2), (1 << 40, 1 << 40)])
def test_shapes_of_other_sizes(dims):
    with pytest.raises(ParseError, match="'w' are damaged: 8 bytes for a shape"):
        array_at(TensorProto(name="w", dims=dims, data_type=TensorProto.FLOAT), memoryview(bytes(8)))


def test_an_empty_file(tmp_path):
    (tmp_path / "empty").write_bytes(b"")
    assert mapped(tmp_path / "empty", 10) == b""
