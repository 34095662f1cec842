"""The protocol over gRPC, as a client sees it."""

import queue
import time
from contextlib import ExitStack

import numpy as np
import pytest

pytest.importorskip("uvicorn", reason="needs the extra [serve]")
pytest.importorskip("tritonclient", reason="needs the extra [serve-test]")

import grpc
from tritonclient.utils import InferenceServerException

from tests.serve.clients import grpc as client
from tests.serve.engines import Adder, serving, until
from xdn.errors import NetError
from xdn.serve import messages
from xdn.serve.grpc.proto import service as protocol
from xdn.serve.grpc.server import STATUS
from xdn.serve.limits import Limits
from xdn.serve.messages import OverloadedError, TimeLimitError, UnavailableError

pytestmark = pytest.mark.serve
LIMITS = Limits(request_bytes=1 << 20, time_limit_s=5.0, receive_s=0.5, connections=4)


@pytest.fixture
def triton(shared, engine):
    """Return Triton's client."""
    with client.InferenceServerClient(f"127.0.0.1:{shared[0].grpc_port}") as made:
        yield made


@pytest.fixture
def channel(shared):
    """Give a channel."""
    with grpc.insecure_channel(f"127.0.0.1:{shared[0].grpc_port}") as made:
        yield made


def inputs(x=((1, 2),), y=((3, 4),), datatype="FP32", dtype=np.float32):
    made = []
    for name, values in (("x", x), ("y", y)):
        array = np.array(values, dtype)
        made.append(client.InferInput(name, array.shape, datatype))
        made[-1].set_data_from_numpy(array)
    return made


def test_what_the_server_says_of_itself(triton):
    assert triton.is_server_live()
    assert triton.is_server_ready()
    assert triton.is_model_ready("add", "1")
    assert triton.get_server_metadata().name == "xdn"
    metadata = triton.get_model_metadata("add", as_json=True)
    assert metadata["outputs"][0] == {"name": "sum", "datatype": "FP32", "shape": ["-1", "2"]}


def test_tensors_there_and_back(triton):
    outputs = [client.InferRequestedOutput("double"), client.InferRequestedOutput("sum")]
    found = triton.infer("add", inputs(), model_version="1", outputs=outputs, request_id="7")
    assert found.as_numpy("sum").tolist() == [[4, 6]]
    assert found.as_numpy("double").tolist() == [[2, 4]]
    assert found.get_response().id == "7"


def test_the_configuration_that_generators_of_load_ask_for(triton):
    found = triton.get_model_config("add", as_json=True)["config"]
    assert (found["name"], found["max_batch_size"]) == ("add", 8)
    assert found["input"][0] == {"name": "x", "data_type": "TYPE_FP32", "dims": ["2"]}
    assert [each["name"] for each in found["output"]] == ["sum", "double"]


def test_texts(triton):
    words = inputs([[b"a"]], [["é".encode()]], "BYTES", object)
    assert triton.infer("add", words).as_numpy("sum").tolist() == [["aé".encode()]]


def test_large_requests_are_read_aside(triton):
    many = np.arange(60_000, dtype=np.float32).reshape(-1, 2)
    assert np.array_equal(triton.infer("add", inputs(many, many)).as_numpy("sum"), many + many)


def test_the_repository(triton):
    triton.unload_model("add")
    assert not triton.is_model_ready("add")
    assert [(each.name, each.state) for each in triton.get_model_repository_index().models] == [
        ("add", "LOADING"),
        ("slow", "READY"),
    ]
    triton.load_model("add")
    assert triton.is_model_ready("add")
    with pytest.raises(InferenceServerException, match="as they stand in the repository"):
        triton.load_model("add", config="{}")


def test_statistics(triton, engine):
    triton.infer("add", inputs())
    (found,) = triton.get_inference_statistics("add").model_stats
    assert found.inference_stats.success.count == engine.done.success.count
    assert found.inference_count == engine.done.inferences


def test_streams(triton):
    found = queue.Queue()
    triton.start_stream(lambda result, error: found.put((result, error)))
    triton.async_stream_infer("add", inputs(), request_id="1")
    triton.async_stream_infer("none", inputs(), request_id="2")
    triton.async_stream_infer("add", inputs(), request_id="3")
    results = [found.get(timeout=5) for _ in range(3)]
    triton.stop_stream()
    assert [result and result.get_response().id for result, _ in results] == ["1", None, "3"]
    assert "no model" in str(results[1][1])


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (OverloadedError, "RESOURCE_EXHAUSTED"),
        (UnavailableError, "UNAVAILABLE"),
        (TimeLimitError, "DEADLINE_EXCEEDED"),
        (NetError, "INTERNAL"),
        (RuntimeError, "INTERNAL"),
    ],
)
def test_errors_have_a_status(triton, engine, error, status, caplog):
    caplog.set_level(100)
    engine.error = error("what happened")
    with pytest.raises(InferenceServerException) as raised:
        triton.infer("add", inputs())
    assert raised.value.status() == f"StatusCode.{status}"
    assert ("what happened" in str(raised.value)) == (error is not RuntimeError)


def test_each_class_of_error_has_a_status():
    kinds = {kind for kind in vars(messages).values() if isinstance(kind, type)}
    assert {kind for kind in kinds if issubclass(kind, messages.ServeError)} - {messages.ServeError} == set(STATUS)


def infer(channel, **fields):
    """Send a request of these fields; return the response."""
    (method,) = (each for each in protocol().methods if each.name == "ModelInfer")
    call = channel.unary_unary(
        f"/{protocol().name}/ModelInfer", method.request.SerializeToString, method.response.FromString
    )
    return call(method.request(model_name="add", **fields), timeout=5)


def tensor(name, **fields):
    return {"name": name, "datatype": "FP32", "shape": [1, 2]} | fields


CONTENTS = {"fp32_contents": [1, 2]}


@pytest.mark.parametrize(
    ("datatype", "field"),
    [("INT8", "int"), ("UINT16", "uint"), ("INT64", "int64"), ("UINT64", "uint64"), ("FP32", "fp32"), ("FP64", "fp64")],
)
def test_values_in_the_fields_of_datatypes(channel, engine, datatype, field):
    contents = {f"{field}_contents": [1, 2]}
    found = infer(channel, inputs=[tensor(name, datatype=datatype, contents=contents) for name in "xy"])
    assert found.outputs[0].datatype == datatype
    assert [each.data.tolist() for each in engine.asked[-1].inputs] == [[[1, 2]], [[1, 2]]]


@pytest.mark.parametrize(
    "fields",
    [
        {"inputs": [tensor("x", contents=CONTENTS)], "raw_input_contents": [bytes(8)]},
        {"inputs": [tensor("x"), tensor("y")], "raw_input_contents": [bytes(8)]},
        {"inputs": [tensor("x")], "raw_input_contents": [bytes(7)]},
        {"inputs": [tensor("x")]},
        {"inputs": [tensor("x", contents={"fp64_contents": [1, 2]})]},
        {"inputs": [tensor("x", datatype="FP16", contents=CONTENTS)]},
        {"inputs": [tensor("x", datatype="INT8", contents={"int_contents": [1, 128]})]},
        {"inputs": [tensor("x", shape=[-1, -2], contents=CONTENTS)]},
        {"inputs": [tensor("x", shape=[300] * 10_000, contents=CONTENTS)]},
        {"inputs": [tensor("x", parameters={"shared_memory_region": {"string_param": "a"}}, contents=CONTENTS)]},
        {"parameters": {"timeout": {"string_param": "soon"}}},
        {"parameters": {"timeout": {"int64_param": -1}}},
    ],
)
def test_what_contradicts_itself_is_refused(channel, fields):
    with pytest.raises(grpc.RpcError) as raised:
        infer(channel, **fields)
    assert raised.value.code() == grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize("compression", [grpc.Compression.NoCompression, grpc.Compression.Gzip])
def test_large_requests_are_refused(channel, compression):
    send = channel.unary_unary(f"/{protocol().name}/ModelInfer")
    with pytest.raises(grpc.RpcError) as raised:
        send(bytes((1 << 20) + 1), compression=compression, timeout=5)
    assert raised.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"\xff" * 20, "INVALID_ARGUMENT"),
        (b"\x2a\x01\xff", "INVALID_ARGUMENT"),
        (b"\x2a\0" * 2000, "RESOURCE_EXHAUSTED"),
    ],
    ids=["no fields", "no tensor", "many tensors"],
)
def test_what_is_not_a_message_is_refused(channel, content, status):
    with pytest.raises(grpc.RpcError) as raised:
        channel.unary_unary(f"/{protocol().name}/ModelInfer")(content, timeout=5)
    assert raised.value.code().name == status
    assert infer(channel, inputs=[tensor(name, contents=CONTENTS) for name in "xy"]).outputs


def test_a_message_must_come_in_time_and_there_must_be_one(channel):
    call = channel.stream_unary(f"/{protocol().name}/ServerLive")
    for messages_sent, status in ((never(), "DEADLINE_EXCEEDED"), (iter(()), "INVALID_ARGUMENT")):
        with pytest.raises(grpc.RpcError) as raised:
            call(messages_sent, timeout=5)
        assert raised.value.code().name == status


def never():
    """Give no message for long."""
    time.sleep(2)
    yield b""


def test_messages_that_are_long_on_their_way_share_a_bounded_memory():
    limits = Limits(request_bytes=1 << 20, receiving_bytes=2 << 20, at_once_s=0.05)
    with serving(Adder(), limits) as service, grpc.insecure_channel(f"127.0.0.1:{service.grpc_port}") as channel:
        call, stream = (f"/{protocol().name}/{name}" for name in ("ModelInfer", "ModelStreamInfer"))
        slow = [
            channel.stream_unary(call).future(never(), timeout=5),
            channel.stream_stream(stream)(never(), timeout=5),
        ]
        time.sleep(0.2)
        with pytest.raises(grpc.RpcError, match="on their way") as raised:
            channel.stream_unary(call)(never(), timeout=5)
        assert raised.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert infer(channel, inputs=[tensor(name, contents=CONTENTS) for name in "xy"]).outputs
        for each in slow:
            each.cancel()


def test_more_calls_than_allowed_are_sent_away(triton, engine):
    found = queue.Queue()
    calls = [triton.async_infer("slow", inputs(), lambda result, error: found.put(error)) for _ in range(5)]
    assert "RESOURCE_EXHAUSTED" in str(found.get(timeout=5))
    for call in calls:
        call.cancel()
    assert len([found.get(timeout=5) for _ in range(4)]) == 4
    until(lambda: not engine.running)  # the service learns that later than the client


def test_idle_connections_and_streams_end():
    """It takes a second: the least that the limit can say."""
    with serving(Adder(), Limits(idle_s=1)) as service, ExitStack() as opened:
        address = f"127.0.0.1:{service.grpc_port}"
        idle, used = (opened.enter_context(grpc.insecure_channel(address)) for _ in range(2))
        states = queue.Queue()
        idle.subscribe(states.put, try_to_connect=True)
        stream = used.stream_stream(f"/{protocol().name}/ModelStreamInfer")(never(), timeout=5)
        while states.get(timeout=5) != grpc.ChannelConnectivity.READY:
            pass
        assert states.get(timeout=5) == grpc.ChannelConnectivity.IDLE
        with pytest.raises(grpc.RpcError) as raised:
            next(stream)
        assert raised.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED


def test_deadlines_are_those_of_calls_and_parameters(triton, engine):
    with pytest.raises(InferenceServerException, match=r"DEADLINE_EXCEEDED"):
        triton.infer("slow", inputs(), client_timeout=0.2)
    with pytest.raises(InferenceServerException, match="not done in time"):
        triton.infer("slow", inputs(), timeout=10_000)
    first, second = (each.deadline for each in engine.asked[-2:])
    assert second - first < 0.2


def test_a_cancelled_call_is_cancelled_in_the_engine(triton, engine):
    before, found = engine.cancelled, queue.Queue()
    call = triton.async_infer("slow", inputs(), lambda result, error: found.put(error))
    until(lambda: engine.running)
    call.cancel()
    assert "ancel" in str(found.get(timeout=5))
    until(lambda: not engine.running)
    assert engine.cancelled == before + 1
