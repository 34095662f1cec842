"""The comparison of servers: what other engines are served by, and the ratios."""

import importlib
import json

import numpy as np
import pytest

from tests.conftest import ROOT


@pytest.fixture
def modules(monkeypatch):
    """Return bench/servers.py and bench/thin_server.py as modules; skip without the packages of a service."""
    for needed in ("starlette", "uvicorn"):
        pytest.importorskip(needed, reason="needs the extra [serve]")
    monkeypatch.syspath_prepend(str(ROOT / "bench"))
    return importlib.import_module("servers"), importlib.import_module("thin_server")


class Doubling:
    """An engine whose output is twice the sum of an image.

    Parameters
    ----------
    fixed_batch : bool
        Whether all calls have as many images.
    """

    def __init__(self, fixed_batch):
        self.fixed_batch, self.calls = fixed_batch, []

    def infer(self, feeds):
        for feed in feeds:
            self.calls.append(len(feed["data"]))
            yield [2 * feed["data"].sum(axis=(1, 2, 3))[:, None]]


@pytest.mark.serve
@pytest.mark.parametrize(("fixed", "batch"), [(False, 1), (False, 4), (True, 4)])
def test_a_thin_server_gives_each_image_its_own_result(modules, fixed, batch):
    engine = Doubling(fixed)
    runner = modules[1].Runner(engine, "data", batch)
    waiting = [runner.put(np.full((1, 1, 2, 2), value, np.float32)) for value in range(11)]
    assert [future.result(5).tolist() for future in waiting] == [[[8.0 * value]] for value in range(11)]
    assert set(engine.calls) == {4} if fixed else max(engine.calls) <= batch


@pytest.mark.serve
def test_ratios_are_of_rounds_that_had_one_machine(modules):
    found = {
        "xdn": {"alone": [10.0, 5.0, 20.0], "served": [8.0, 4.0, 16.0]},
        "other": {"alone": [5.0, 2.5, 10.0], "served": [4.0, 2.0, 4.0]},
    }
    assert modules[0].ratios(found) == {
        "xdn": {"alone": 1.0, "served": 1.0},
        "other": {"alone": 2.0, "served": 2.0},
    }


@pytest.mark.serve
def test_clients_send_what_the_protocol_says(modules, tmp_path):
    from engine import Model

    request = modules[0].request_of(Model(tmp_path, None, "pixels", "prob", (3, 4, 5)))
    head, body = request.split(b"\r\n\r\n", 1)
    said = dict(line.split(b": ") for line in head.splitlines()[1:])
    assert int(said[b"Content-Length"]) == len(body)
    document = json.loads(body[: int(said[b"Inference-Header-Content-Length"])])
    assert document["inputs"][0]["shape"] == [1, 3, 4, 5]
    assert document["inputs"][0]["parameters"]["binary_data_size"] == 4 * 60
    assert head.startswith(b"POST /v2/models/net/infer HTTP/1.1")
