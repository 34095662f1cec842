"""The protocol over HTTP, as a client sees it: paths, status codes, and both forms of tensors."""

import gzip
import json
import zlib
from http.client import HTTPConnection

import numpy as np
import pytest

pytest.importorskip("uvicorn", reason="needs the extra [serve]")
pytest.importorskip("tritonclient", reason="needs the extra [serve-test]")

from tritonclient.utils import InferenceServerException

from tests.serve.clients import http as client
from tests.serve.engines import BODY
from xdn.errors import NetError
from xdn.serve.http.refusals import STATUS
from xdn.serve.limits import Limits
from xdn.serve.messages import BadRequestError, OverloadedError, TimeLimitError, UnavailableError

pytestmark = pytest.mark.serve
LIMITS = Limits(request_bytes=1 << 20, time_limit_s=5.0)


@pytest.fixture
def service(shared):
    """Give the service."""
    return shared[0]


@pytest.fixture
def ask(service):
    """Return a function that sends a request and returns status, headers and body."""
    connection = HTTPConnection("127.0.0.1", service.http_port, timeout=5)

    def sent(method, path, body=None, headers=None):
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        return response.status, response.headers, response.read()

    yield sent
    connection.close()


@pytest.fixture
def triton(service):
    """Return Triton's client."""
    with client.InferenceServerClient(f"127.0.0.1:{service.http_port}") as made:
        yield made


def inputs(binary, x=((1, 2),), y=((3, 4),), datatype="FP32", dtype=np.float32):
    made = []
    for name, values in (("x", x), ("y", y)):
        array = np.array(values, dtype)
        made.append(client.InferInput(name, array.shape, datatype))
        made[-1].set_data_from_numpy(array, binary_data=binary)
    return made


def test_what_the_server_says_of_itself(triton, engine):
    assert triton.is_server_live()
    assert triton.is_server_ready()
    assert triton.get_server_metadata()["name"] == "xdn"
    metadata = triton.get_model_metadata("add")
    assert metadata["inputs"][0] == {"name": "x", "datatype": "FP32", "shape": [-1, 2]}
    assert metadata == triton.get_model_metadata("add", "1")


def test_the_configuration_that_generators_of_load_ask_for(triton):
    found = triton.get_model_config("add")
    assert (found["name"], found["max_batch_size"]) == ("add", 8)
    assert found["input"][0] == {"name": "x", "data_type": "TYPE_FP32", "dims": [2]}
    assert [each["name"] for each in found["output"]] == ["sum", "double"]


@pytest.mark.parametrize("binary_out", [True, False])
@pytest.mark.parametrize("binary_in", [True, False])
@pytest.mark.parametrize("compressed", [None, "gzip", "deflate"])
def test_both_forms_of_tensors(triton, binary_in, binary_out, compressed):
    outputs = [client.InferRequestedOutput(name, binary_data=binary_out) for name in ("double", "sum")]
    found = triton.infer(
        "add", inputs(binary_in), model_version="1", outputs=outputs, request_id="7",
        request_compression_algorithm=compressed,
    )  # fmt: skip
    assert found.as_numpy("sum").tolist() == [[4, 6]]
    assert found.as_numpy("double").tolist() == [[2, 4]]
    assert found.get_response()["id"] == "7"
    assert [each["name"] for each in found.get_response()["outputs"]] == ["double", "sum"]


@pytest.mark.parametrize("binary", [True, False])
def test_texts(triton, binary):
    words = inputs(binary, [[b"a"]], [["é".encode()]], "BYTES", object)
    assert triton.infer("add", words).as_numpy("sum").tolist() == [["aé".encode()]]


def test_large_lists_of_numbers(triton):
    many = np.arange(60_000, dtype=np.float32).reshape(-1, 2)
    outputs = [client.InferRequestedOutput("sum", binary_data=False)]
    found = triton.infer("add", inputs(False, many, many), outputs=outputs)
    assert np.array_equal(found.as_numpy("sum"), many + many)


def test_the_repository(triton, engine):
    triton.unload_model("add")
    assert not triton.is_model_ready("add")
    assert {each["name"]: each["state"] for each in triton.get_model_repository_index()} == {
        "add": "LOADING",
        "slow": "READY",
    }
    with pytest.raises(InferenceServerException, match="not ready"):
        triton.infer("add", inputs(True))
    triton.load_model("add")
    assert triton.is_model_ready("add", "1")
    with pytest.raises(InferenceServerException, match="as they stand in the repository"):
        triton.load_model("add", config="{}")


def test_the_index_of_what_is_ready(ask, engine):
    engine.loaded.discard("slow")
    _, _, body = ask("POST", "/v2/repository/index", b'{"ready": true}')
    assert [each["name"] for each in json.loads(body)] == ["add"]
    assert ask("POST", "/v2/repository/index", b"[]")[0] == 400


def test_statistics(triton, engine):
    before = engine.done.success.count
    triton.infer("add", inputs(True))
    (found,) = triton.get_inference_statistics("add")["model_stats"]
    assert found["inference_stats"]["success"] == {"count": before + 1, "ns": engine.done.success.ns}


def test_metrics(ask, triton):
    triton.infer("add", inputs(True))
    status, headers, body = ask("GET", "/metrics")
    assert (status, headers["content-type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    assert b'xdn_request_seconds_count{protocol="http",model="add"}' in body


INFER = "/v2/models/add/infer"
#: Without the time at which it was made.
ZIPPED = gzip.compress(BODY, mtime=0)


@pytest.mark.parametrize(
    ("error", "status"),
    [(OverloadedError, 429), (UnavailableError, 503), (TimeLimitError, 504), (NetError, 500), (RuntimeError, 500)],
)
def test_errors_have_status_codes(ask, engine, error, status, caplog):
    caplog.set_level(100)
    engine.error = error("what happened")
    found, headers, body = ask("POST", INFER, BODY)
    assert found == status
    said = json.loads(body)["error"]
    assert said == ("internal error" if error is RuntimeError else "what happened")
    assert (headers["retry-after"] == "1") == (status in (429, 503))


def test_errors_may_name_what_is_no_text(ask, engine):
    engine.error = BadRequestError("no input \ud800")
    status, headers, body = ask("POST", INFER, BODY)
    assert (status, headers["content-type"], json.loads(body)) == (
        400,
        "application/json",
        {"error": "no input \ud800"},
    )


def test_each_class_of_error_has_a_status():
    from xdn.serve import messages

    kinds = {
        each for each in vars(messages).values() if isinstance(each, type) and issubclass(each, messages.ServeError)
    }
    assert kinds - {messages.ServeError} <= set(STATUS)


@pytest.mark.parametrize(
    ("method", "path", "body", "headers", "status"),
    [
        ("GET", "/", None, {}, 404),
        ("GET", INFER, None, {}, 405),
        ("GET", "/v2/models/none", None, {}, 404),
        ("GET", "/v2/models/add/versions/9", None, {}, 404),
        ("GET", "/v2/models/none/ready", None, {}, 404),
        ("POST", INFER, b"", {}, 400),
        ("POST", INFER, b"{}", {}, 400),
        ("POST", INFER, b"\x00\xff", {}, 400),
        ("POST", INFER, b"[" * 100_000, {}, 400),
        ("POST", INFER, BODY, {"Inference-Header-Content-Length": "-1"}, 400),
        ("POST", INFER, BODY, {"Inference-Header-Content-Length": "9" * 30}, 400),
        ("POST", INFER, BODY, {"Inference-Header-Content-Length": str(len(BODY) + 1)}, 400),
        ("POST", INFER, BODY, {"X-Request-Timeout": "soon"}, 400),
        ("POST", INFER, BODY, {"X-Request-Timeout": "nan"}, 400),
        ("POST", INFER, BODY, {"Content-Encoding": "br"}, 400),
        ("POST", INFER, BODY, {"Content-Encoding": "gzip"}, 400),
        ("POST", INFER, ZIPPED[:-1], {"Content-Encoding": "gzip"}, 400),
        ("POST", INFER, ZIPPED + b"x", {"Content-Encoding": "gzip"}, 400),
        ("POST", INFER, zlib.compress(bytes(2 << 20)), {"Content-Encoding": "deflate"}, 413),
        ("POST", INFER, bytes((1 << 20) + 1), {}, 413),
        ("POST", "/v2/repository/models/add/load", bytes(1 << 17), {}, 413),
    ],
)
def test_bad_requests_are_refused(ask, method, path, body, headers, status):
    found, _, answer = ask(method, path, body, headers)
    assert found == status
    assert json.loads(answer)["error"]
    assert ask("GET", "/v2/health/live")[0] == 200


def test_time_limits_are_those_of_parameters_headers_and_the_service(ask, triton, engine):
    ask("POST", INFER, BODY, {"X-Request-Timeout": "2.5"})
    ask("POST", INFER, BODY)
    assert engine.asked[-1].deadline - engine.asked[-2].deadline > 1.0
    with pytest.raises(InferenceServerException, match="not done in time"):
        triton.infer("slow", inputs(True), timeout=10_000)
