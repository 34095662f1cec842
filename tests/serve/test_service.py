"""The service as a whole."""

import asyncio
import socket
import threading
import time
from http.client import HTTPConnection

import pytest

pytest.importorskip("uvicorn", reason="needs the extra [serve]")
pytest.importorskip("grpc", reason="needs the extra [serve]")

from tests.serve.engines import BODY, Adder, serving, until
from xdn.errors import SettingError
from xdn.serve.front import Front
from xdn.serve.grpc.server import GrpcServer
from xdn.serve.http.server import HttpServer
from xdn.serve.limits import Limits
from xdn.serve.service import Service

pytestmark = pytest.mark.serve


def ask(service, method, path, body=None):
    """Return status and body of a response."""
    connection = HTTPConnection("127.0.0.1", service.http_port, timeout=5)
    connection.request(method, path, body)
    response = connection.getresponse()
    found = response.status, response.read()
    connection.close()
    return found


def test_a_stop_answers_what_is_at_hand_and_refuses_what_comes():
    engine, answers, lines = Adder(), [], []
    with serving(engine, log=lines.append) as service:
        sent = threading.Thread(target=lambda: answers.append(ask(service, "POST", "/v2/models/slow/infer", BODY)))
        sent.start()
        until(lambda: engine.running)
        assert ask(service, "GET", "/v2/health/ready")[0] == 200
        stopped = asyncio.run_coroutine_threadsafe(service.stop(5.0), service.loop)
        until(lambda: ask(service, "GET", "/v2/health/ready")[0] == 400)
        assert ask(service, "GET", "/v2/health/live")[0] == 200
        assert ask(service, "POST", "/v2/models/add/infer", BODY)[0] == 503
        assert answers == []
        engine.let_go.set()
        sent.join(5)
        assert answers[0][0] == 200
        stopped.result(5)
        with pytest.raises(ConnectionRefusedError):
            ask(service, "GET", "/v2/health/live")
    assert any(line.startswith("http POST /v2/models/slow/infer 200 ") for line in lines)


def test_a_stop_does_not_wait_for_ever():
    engine = Adder()
    with serving(engine) as service:
        thread = threading.Thread(target=lambda: ask(service, "POST", "/v2/models/slow/infer", BODY))
        thread.start()
        until(lambda: engine.running)
        began = time.monotonic()
        asyncio.run_coroutine_threadsafe(service.stop(0.1), service.loop).result(5)
        thread.join(5)
        assert time.monotonic() - began < 4
    assert engine.cancelled == 1


def test_engine_and_protocols_share_the_time_of_a_stop(monkeypatch):
    """A client that sends its request slowly does not make a stop longer."""
    engine, given = Adder(), []

    async def stop(engine_or_server, grace_s):
        given.append(grace_s)
        await asyncio.sleep(0.02)

    for kind in (Adder, HttpServer, GrpcServer):
        monkeypatch.setattr(kind, "stop", stop)
    asyncio.run(Service(Front(engine, Limits()), "127.0.0.1", 0, 0).stop(5.0))
    asyncio.run(Service(Front(engine, Limits()), "127.0.0.1", 0, 0).stop(0.01))
    assert given[0] == 5.0
    assert given[1] == given[2] <= 4.98
    assert given[3:] == [0.01, 1.0, 1.0]


def test_a_port_that_is_taken_is_said():
    with serving(Adder()) as service:
        for ports in ((service.http_port, None), (0, service.grpc_port)):
            second = Service(Front(Adder(), Limits()), "127.0.0.1", *ports)
            with pytest.raises(SettingError, match="cannot listen at"):
                asyncio.run(second.start())


def test_parts_of_responses_are_not_held_back():
    async def nodelay():
        """Return the option of the socket at which a server listens, which those of connections take over."""
        bound, server = socket.create_server(("127.0.0.1", 0)), HttpServer(Front(Adder(), Limits()))
        await server.start(bound)
        found = bound.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        await server.stop(0.0)
        return found

    assert asyncio.run(nodelay())
