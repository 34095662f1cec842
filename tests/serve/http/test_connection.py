"""Clients that are slow, many, verbose, or leave."""

import asyncio
import json
import select
import socket
import struct
import time
from http.client import HTTPException, HTTPResponse
from types import SimpleNamespace

import pytest

pytest.importorskip("uvicorn", reason="needs the extra [serve]")
pytest.importorskip("grpc", reason="needs the extra [serve]")

from tests.serve.engines import BODY, Adder, serving, until
from xdn.serve.limits import Limits

pytestmark = pytest.mark.serve


SIZE = len(BODY)


def head(path="/v2/models/add/infer", size=SIZE, method="POST"):
    return f"{method} {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {size}\r\n\r\n".encode()


@pytest.fixture
def served():
    """Return a function that starts a service, which ends with the test; it returns the engine, and what connects."""
    from contextlib import ExitStack

    with ExitStack() as opened:

        def begin(**limits):
            engine = Adder()
            service = opened.enter_context(serving(engine, Limits(**limits)))

            def connect(sent=b""):
                made = opened.enter_context(socket.create_connection(("127.0.0.1", service.http_port), timeout=5))
                made.sendall(sent)
                return made

            return engine, connect

        yield begin


def status(connection):
    """Return the status code of the next response, 0 where the connection was closed without one."""
    response = HTTPResponse(connection)
    try:
        response.begin()
        response.read()
    except (ConnectionError, HTTPException):
        return 0
    return response.status


def ends_while_sending(connection, data, pause_s):
    """Return whether the connection is closed while a client sends on."""
    for _ in range(1000):
        try:
            connection.sendall(data)
        except ConnectionError:
            return True
        time.sleep(pause_s)
    return False


def test_two_hundred_slow_clients_hold_up_nobody_and_are_closed(served):
    _, connect = served(receive_s=0.5)
    begun = (b"", b"POST", head()[:-2], head() + BODY[:9])
    slow = [connect(begun[number % 4]) for number in range(200)]
    assert status(connect(head() + BODY)) == 200
    assert {status(each) for each in slow[3::4]} == {408}
    assert {status(each) for number, each in enumerate(slow) if number % 4 < 3} == {0}


def test_more_clients_than_allowed_are_sent_away(served):
    _, connect = served(connections=2)
    kept = [connect(head("/v2/health/live", 0, "GET")) for _ in range(2)]
    assert [status(each) for each in kept] == [200, 200]
    assert status(connect()) == 503
    kept[0].close()
    until(lambda: status(connect(head("/v2/health/live", 0, "GET"))) == 200)


def test_bodies_share_a_bounded_memory(served):
    _, connect = served(request_bytes=1 << 10, held_bytes=1 << 10)
    first = connect(head(size=1000) + b"a" * 900)
    until(lambda: status(connect(head(size=1000) + b"a" * 1000)) == 429)
    first.sendall(b"a" * 100)
    assert status(first) == 400
    assert status(connect(head() + BODY)) == 200


def test_a_large_body_is_refused_before_it_comes(served):
    _, connect = served(request_bytes=1 << 10)
    large = connect(head(size=1 << 30))
    assert status(large) == 413
    # What was on its way is passed over for a while, and the connection closed.
    large.sendall(bytes(1 << 17))


def test_the_rest_of_a_refused_body_does_not_come_for_ever(served):
    _, connect = served(request_bytes=1 << 10, receive_s=0.3)
    large = connect(head(size=1 << 40))
    assert status(large) == 413
    assert ends_while_sending(large, b"a" * 100, 0.005)


def test_a_request_follows_a_refused_one(served):
    _, connect = served(request_bytes=1 << 10)
    client = connect(head(size=1 << 20))
    assert status(client) == 413
    client.sendall(bytes(1 << 20))
    client.sendall(head() + BODY)
    assert status(client) == 200


@pytest.mark.parametrize("line", [b"X-A: " + b"a" * 1000 + b"\r\n", b"X: \r\n"])
def test_heads_are_bounded(served, line):
    _, connect = served()
    client = connect(b"GET /v2 HTTP/1.1\r\n")
    assert ends_while_sending(client, line * 100, 0.0005)


def test_what_is_not_http_is_refused(served):
    _, connect = served()
    assert status(connect(b"\x16\x03\x01\x02\x00\x01\r\n\r\n")) == 400
    assert status(connect(head("/%ff%00\xff"))) in (400, 404)


def test_a_client_that_leaves_cancels_its_request(served):
    engine, connect = served()
    client = connect(head("/v2/models/slow/infer") + BODY)
    until(lambda: engine.running)
    client.close()
    until(lambda: engine.cancelled == 1)
    assert engine.running == 0


def test_a_client_that_does_not_read_is_closed(served):
    engine, connect = served(send_s=0.3, request_bytes=64 << 20)
    # More than buffers of the system hold.
    values = bytes(8 << 20)
    inputs = (
        {"name": name, "datatype": "INT8", "shape": [8 << 20], "parameters": {"binary_data_size": 8 << 20}}
        for name in "xy"
    )
    text = json.dumps({"inputs": list(inputs), "parameters": {"binary_data_output": True}}).encode()
    size = b"Inference-Header-Content-Length: %d\r\n\r\n" % len(text)
    client, closed = connect(), select.poll()
    client.sendall(head(size=len(text) + (16 << 20))[:-2] + size + text + values + values)
    closed.register(client, 0)
    until(lambda: closed.poll(0))
    assert engine.done.success.count == 1


def test_an_idle_connection_that_is_reset_is_forgotten(served, caplog):
    _, connect = served(idle_s=1)
    client = connect(head("/v2/health/live", size=0, method="GET"))
    assert status(client) == 200
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    time.sleep(1.2)
    assert [record for record in caplog.records if record.name == "asyncio" and record.levelname == "ERROR"] == []


def test_the_small_parts_of_a_response_are_sent_together():
    from xdn.serve.http.connection import _SMALL_BYTES, _Gathering

    sent, large = [], bytes(_SMALL_BYTES + 1)
    inner = SimpleNamespace(write=sent.append, close=lambda: sent.append("closed"), is_closing=lambda: False)

    async def scenario():
        transport = _Gathering(asyncio.get_running_loop(), inner)
        assert not transport.is_closing()
        for part in (b"head", memoryview(b"body")):
            transport.write(part)
        assert sent == []
        await asyncio.sleep(0)
        assert sent == [b"headbody"]
        for part in (b"head", large, b"rest"):
            transport.write(part)
        transport.close()
        assert sent[1:] == [b"head", large, b"rest", "closed"]
        await asyncio.sleep(0)
        assert len(sent) == 5

    asyncio.run(scenario())
