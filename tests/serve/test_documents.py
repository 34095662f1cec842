"""What the protocols tell of models."""

import pytest

from xdn.serve import documents
from xdn.serve.datatypes import DATATYPES
from xdn.serve.messages import ModelMetadata, TensorMetadata


def test_a_configuration_leaves_the_batch_to_its_limit():
    tensors = (TensorMetadata("files", "BYTES", (-1,)), TensorMetadata("flags", "BOOL", (-1, 3, -1)))
    found = documents.configuration(ModelMetadata("m", ("1",), "xdn", tensors, (), 32))
    assert found["max_batch_size"] == 32
    assert found["input"] == [
        {"name": "files", "data_type": "TYPE_STRING", "dims": []},
        {"name": "flags", "data_type": "TYPE_BOOL", "dims": [3, -1]},
    ]


def test_a_configuration_without_a_batch_has_all_axes():
    found = documents.configuration(ModelMetadata("m", ("1",), "xdn", (), (TensorMetadata("y", "FP32", (4, 2)),)))
    assert found["max_batch_size"] == 0
    assert found["output"] == [{"name": "y", "data_type": "TYPE_FP32", "dims": [4, 2]}]


def test_each_datatype_is_one_of_the_configuration():
    proto = pytest.importorskip("xdn.serve.grpc.proto", reason="needs the extra [serve]")
    kinds = proto.service().messages["ModelInput"].DESCRIPTOR.fields_by_name["data_type"].enum_type
    told = {documents.configuration(_with(name))["input"][0]["data_type"] for name in DATATYPES}
    assert told == {each.name for each in kinds.values} - {"TYPE_INVALID"}


def _with(datatype):
    return ModelMetadata("m", ("1",), "xdn", (TensorMetadata("x", datatype, (1,)),), ())
