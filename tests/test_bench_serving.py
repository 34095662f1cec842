"""The benchmark of the service's engine: what is reported."""

import json
import subprocess
import sys

import pytest

from tests.conftest import ROOT
from tests.serve.nets import IMAGES


@pytest.mark.slow
def test_session_and_engine_are_reported(tmp_path):
    net, target = tmp_path / "net.prototxt", tmp_path / "serving.json"
    net.write_text(IMAGES)
    sizes = ("--threads", "1", "--clients", "2", "--rounds", "1", "--seconds", "0.1", "--load-seconds", "0.2")
    command = [sys.executable, str(ROOT / "bench" / "serving.py"), "--net", str(net), "--engine", "local", *sizes]
    done = subprocess.run(
        [*command, "--loads", "0.1,0.2", "--arrivals", "even", "--json", str(target)],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    document = json.loads(target.read_text())
    assert document["machine"]["cpu"]
    assert document["found"]["served"][0] > 0
    assert [load["share"] for load in document["found"]["loads"]] == [0.1, 0.2]
    assert "% of the session" in done.stdout
