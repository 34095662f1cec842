"""The soak of the service: what is said of memory, and a short one."""

import asyncio
import importlib
import json
import subprocess
import sys

import numpy as np
import pytest

from tests.conftest import ROOT
from xdn.errors import XdnError

HOUR_S, MIB = 3600, 1 << 20


@pytest.fixture
def soak(monkeypatch):
    """Return bench/soak.py as a module; skip without the packages of a service and its clients."""
    for needed in ("aiohttp", "tritonclient", "grpc", "uvicorn"):
        pytest.importorskip(needed, reason="needs the extras [serve] and [serve-test]")
    monkeypatch.syspath_prepend(str(ROOT / "bench"))
    return importlib.import_module("soak")


def resident(rng, *, mib_an_hour, hours=1.0):
    """Return times and memory, sampled each 10 s, of which neighbours are alike."""
    at_s = np.arange(0, hours * HOUR_S, 10)
    wander = np.convolve(rng.standard_normal(len(at_s)), np.ones(12) / 12, "same")
    return at_s, (200 + mib_an_hour * at_s / HOUR_S + 0.3 * wander) * MIB


@pytest.mark.serve
@pytest.mark.parametrize(("mib_an_hour", "verdict"), [(0.0, "flat"), (20.0, "grows"), (-20.0, "not known yet")])
def test_memory_is_flat_or_grows(soak, rng, mib_an_hour, verdict):
    line = soak.slope(*resident(rng, mib_an_hour=mib_an_hour))
    assert abs(line[0] / MIB - mib_an_hour) < line[1] / MIB < 2
    assert soak.verdict(line, 2 * MIB) == verdict


@pytest.mark.serve
def test_of_a_short_soak_nothing_is_known(soak, rng):
    line = soak.slope(*resident(rng, mib_an_hour=0, hours=0.15))
    assert line is None
    assert soak.verdict(line, 2 * MIB) == "not known yet"


@pytest.mark.serve
def test_what_a_stop_delays_is_no_latency(soak):
    found = soak.Soak(front=None)
    found.stops.append((10.0, 20.0))
    told = [("GOOD", 1.0, 1.5), ("GOOD", 9.0, 19.0), ("BAD", 12.0, 30.0), ("BAD", 61.0, 62.0), ("GOOD", 70.0, 70.25)]
    found.requests += [soak.Request("kind", due, over, came, "GOOD") for came, due, over in told]
    assert [(each["minute"], each["requests"], each["p50_ms"]) for each in soak.minutes(found)] == [
        (0, 1, 500.0),
        (1, 1, 250.0),
    ]
    assert [found.undisturbed(each) for each in found.requests] == [True, False, False, True, True]


@pytest.mark.serve
def test_what_fails_is_found_and_ends_nothing(soak):
    class Traffic:
        async def reload(self, model):
            raise TimeoutError

    async def scenario():
        found = soak.Soak(front=None)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(found.reload(Traffic(), every_s=0.001), timeout=0.1)
        await found.send(soak.Kind("kind", 1, lambda: Traffic().reload("m"), "200"), 0.0)
        return found

    found = asyncio.run(scenario())
    assert {(each.came, each.expected) for each in found.reloads} == {("TimeoutError: ", "200")}
    assert len(found.reloads) > 1
    assert [each.came for each in found.requests] == ["TimeoutError: "]


@pytest.mark.serve
def test_nothing_is_said_of_a_single_sample(soak):
    sample = soak.Sample(10.0, "front", 1, MIB, 10, 2, 1.0)
    with pytest.raises(XdnError, match="too few samples"):
        soak.growth([sample], "front", 5.0)


@pytest.mark.serve
@pytest.mark.slow
def test_a_short_soak_is_reported(soak, tmp_path):
    target, picture = tmp_path / "soak.json", tmp_path / "soak.svg"
    command = [sys.executable, str(ROOT / "bench" / "soak.py"), "--minutes", "0.1", "--warm-up", "0.01"]
    often = ["--sample-seconds", "0.5", "--reload-seconds", "2", "--slow", "40"]
    done = subprocess.run(
        [*command, *often, "--json", str(target), "--picture", str(picture)],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(target.read_text())["found"]
    assert found["requests"] > 20
    assert found["wrong"] == {}
    assert found["processes"]["front"]["descriptors"]["second_half"] > 40
    assert found["processes"]["worker"]["processes"] == 1
    assert "not known yet" in done.stdout
    assert picture.exists()
