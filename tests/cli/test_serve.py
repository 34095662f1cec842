"""xdn-serve, as it is started, asked and stopped."""

import json
import os
import signal
import sys
import threading
import time
from http.client import HTTPConnection

import pytest

from tests.serve.nets import SUM, write_net
from xdn.cli import serve
from xdn.cli.serve import main, parser
from xdn.serve.engine import LocalEngine

REQUEST = {
    "inputs": [
        {"name": name, "datatype": "FP32", "shape": [1, 3], "data": [1, 2, value]}
        for name, value in (("a", 3), ("b", -5))
    ],
    "outputs": [{"name": "z"}],
}
PORTS = ["--http-port", "0", "--grpc-port", "0"]


@pytest.fixture
def models(tmp_path):
    """Return a repository with one model, and one that is broken."""
    write_net(tmp_path / "models" / "sum", SUM)
    (tmp_path / "models" / "broken").mkdir()
    return tmp_path / "models"


@pytest.mark.serve
def test_a_service_from_start_to_stop(models, tmp_path, capsys):
    pytest.importorskip("uvicorn", reason="needs the extra [serve]")
    pytest.importorskip("grpc", reason="needs the extra [serve]")
    ready, answers, ended = tmp_path / "ready.json", [], threading.Event()

    def ask():
        """Ask when it is ready, and end it."""
        try:
            end = time.monotonic() + 60
            while not ready.exists() and time.monotonic() < end and not ended.wait(0.01):
                pass
            connection = HTTPConnection("127.0.0.1", json.loads(ready.read_text())["http_port"], timeout=5)
            connection.request("POST", "/v2/models/sum/infer", json.dumps(REQUEST))
            answers.append(json.loads(connection.getresponse().read()))
        finally:
            if not ended.is_set():
                os.kill(os.getpid(), signal.SIGTERM)

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    kept = signal.getsignal(signal.SIGTERM)
    try:
        assert main([str(models), *PORTS, "--threads", "1", "--verbose", "--json", str(ready)]) == 0
    finally:
        ended.set()
        asking.join()
    assert signal.getsignal(signal.SIGTERM) is kept
    assert answers[0]["outputs"] == [{"name": "z", "datatype": "FP32", "shape": [1, 3], "data": [2.0, 4.0, 0.0]}]
    states = {each["name"]: each["state"] for each in json.loads(ready.read_text())["models"]}
    assert states == {"broken": "UNAVAILABLE", "sum": "READY"}
    said = capsys.readouterr().err
    assert "model broken, version 1: UNAVAILABLE: " in said
    assert "http POST /v2/models/sum/infer 200 " in said


@pytest.mark.serve
def test_no_model_at_all_is_an_error(tmp_path, capsys, monkeypatch):
    pytest.importorskip("uvicorn", reason="needs the extra [serve]")
    pytest.importorskip("grpc", reason="needs the extra [serve]")
    monkeypatch.setattr(serve, "SupervisedEngine", LocalEngine)
    (tmp_path / "broken").mkdir()
    assert main([str(tmp_path), *PORTS]) == 1
    assert "no model could be loaded" in capsys.readouterr().err


def test_without_its_packages_it_says_what_to_install(models, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "xdn.serve.service", None)
    assert main([str(models)]) == 1
    assert "pip install 'xdn[serve]'" in capsys.readouterr().err


def test_a_place_without_nets_is_an_error(tmp_path, capsys):
    assert main([str(tmp_path / "none")]) == 1
    assert "there is no such folder, or net" in capsys.readouterr().err


@pytest.mark.parametrize(
    "options", [["--http-port", "65536"], ["--grpc-port", "-1"], ["--no-grpc", "--grpc-port", "1"]]
)
def test_ports_are_ports(options, capsys):
    with pytest.raises(SystemExit):
        parser().parse_args(["models", *options])
    assert "--grpc-port" in capsys.readouterr().err
