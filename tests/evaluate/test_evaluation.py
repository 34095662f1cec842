"""What came of a net and a data set: what is taken from the session, and its JSON form."""

import json

import pytest

from tests.evaluate.building import Stripes, brightest_channel
from xdn import __version__, api
from xdn.data.packed import pack
from xdn.errors import DataError
from xdn.evaluate.contest import timed
from xdn.evaluate.contestants import PackedJob
from xdn.evaluate.evaluation import SCHEMA, Evaluation, evaluated
from xdn.record import Reader
from xdn.runtime.session import Session

TOLD = {"net": "brightest", "data": "Stripes, test", "preprocessing": "packed data", "load_s": 0.25}


@pytest.fixture
def ran(tmp_path):
    """Return a session, its contest result, and the result of the run."""
    path = tmp_path / "stripes.packed"
    pack(Stripes(), path)
    session = Session(brightest_channel(), threads=2, winograd=False, precision="fma")
    job = PackedJob(session, path, api.pixel_transform(session.net, Stripes.shape), batch=50)
    (contest,) = timed([job], 3)
    return session, contest, evaluated(session, contest=contest, batch=50, peak_gflops=200.0, **TOLD)


def test_the_result_says_what_ran(ran):
    session, _, result = ran
    plan = session.plan()
    assert (result.threads, result.plan, result.macs) == (2, plan.digest, plan.macs)
    assert (result.arena_bytes, result.liveness_bytes) == (plan.arena.size, plan.arena.bound)
    assert result.chunk_images == plan.chunk_blocks * plan.block_images
    assert result.compile_s == session.compile_s > 0
    assert (result.layers, result.fused_layers, result.winograd) == (1, 0, False)
    assert (result.weights_as, result.precision) == ("f32", "fma")
    assert (result.engine, result.batch) == (f"XDN {__version__}", 50)


def test_the_plan_of_many_parts_has_a_short_name(ran):
    session, contest, result = ran
    plans = [session.plan()] * 2, [session.plan()] * 400
    two, many = (evaluated(session, each, contest=contest, **TOLD).plan for each in plans)
    assert two.endswith(" of 2 parts")
    assert many.endswith(" of 400 parts")
    assert two.split()[0] != many.split()[0]
    assert len(many) < 3 * len(result.plan)


def test_the_document_is_plain_json_and_can_be_read_again(ran):
    _, contest, result = ran
    document = json.loads(json.dumps(result.document(), allow_nan=False))
    accuracy = document["contest"]["accuracy"]
    assert {key: accuracy[key] for key in ("correct", "images", "invalid", "top5")} == {
        "correct": 70, "images": 70, "invalid": 0, "top5": None,
    }  # fmt: skip
    assert [row["name"] for row in accuracy["classes"]] == ["red", "green", "blue"]
    assert document["accuracy_percent"] == 100.0
    assert document["images_per_s"] == contest.images_per_s
    assert len(document["contest"]["runs_s"]) == 3
    assert document["machine"]["cpu"]
    assert document["profile"] is None
    assert document["schema"] == SCHEMA
    assert Reader(DataError, whole=True).read(Evaluation, document) == result


def test_the_limit_is_the_arithmetic_at_the_peak(ran):
    result = ran[2]
    assert result.macs == 0
    assert result.limit_s is None
    fields = {name: getattr(result, name) for name in result.__dataclass_fields__}
    assert Evaluation(**fields | {"macs": 10**9}).limit_s == pytest.approx(70 * 2 / 200)
    assert Evaluation(**fields | {"macs": 10**9, "peak_gflops": None}).limit_s is None
