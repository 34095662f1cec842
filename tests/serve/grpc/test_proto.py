"""The messages of the protocol over gRPC."""

import pytest

from xdn.serve.grpc.proto import service


def fields(descriptor, known=()):
    """Return (message, field, number, type, repeated, what it is a part of) of a message, and those in it."""
    found = set()
    for field in descriptor.fields:
        kind = field.message_type.full_name if field.message_type else field.type
        found.add(
            (
                descriptor.full_name,
                field.name,
                field.number,
                kind,
                field.is_repeated,
                field.containing_oneof is not None,
            )
        )
    for nested in descriptor.nested_types:
        found |= fields(nested)
    return found


def test_messages_nest_and_have_maps():
    request = service().messages["ModelInferRequest"]
    made = request(model_name="m", inputs=[{"name": "x", "shape": [1, 2], "contents": {"fp32_contents": [1, 2]}}])
    made.parameters["timeout"].int64_param = 5
    again = request.FromString(made.SerializeToString())
    assert again == made
    assert again.parameters["timeout"].WhichOneof("parameter_choice") == "int64_param"


def test_calls_have_messages():
    calls = {each.name: each for each in service().methods}
    assert service().name == "inference.GRPCInferenceService"
    assert calls["ModelInfer"].response is service().messages["ModelInferResponse"]
    assert [name for name, each in calls.items() if each.streams] == ["ModelStreamInfer"]


def test_names_and_numbers_are_those_of_another_client():
    calls = pytest.importorskip("tritonclient.grpc.service_pb2")
    from tritonclient.grpc import model_config_pb2 as configuration

    for name, made in service().messages.items():
        theirs = getattr(calls, name, None) or getattr(configuration, name)
        assert fields(made.DESCRIPTOR) <= fields(theirs.DESCRIPTOR), name
    datatypes = service().messages["ModelInput"].DESCRIPTOR.fields_by_name["data_type"].enum_type
    assert {each.name: each.number for each in datatypes.values} == dict(configuration.DataType.items())


def test_the_text_is_of_the_language(tmp_path):
    protoc = pytest.importorskip("grpc_tools.protoc")
    from pathlib import Path

    from google.protobuf import descriptor_pb2

    import xdn.serve.grpc as package

    (folder,) = package.__path__
    out = tmp_path / "set"
    assert protoc.main(["", f"-I{folder}", f"--descriptor_set_out={out}", "open_inference.proto"]) == 0
    (file,) = descriptor_pb2.FileDescriptorSet.FromString(Path(out).read_bytes()).file
    from google.protobuf import descriptor_pool

    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    for name, made in service().messages.items():
        assert fields(made.DESCRIPTOR) == fields(pool.FindMessageTypeByName(f"inference.{name}"))
