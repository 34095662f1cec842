"""The result of a run: what it takes from the session, and its JSON form."""

import json

from tests.evaluate.building import Stripes, brightest_channel
from xdn import api
from xdn.data.packed import pack
from xdn.evaluate.contest import run_packed
from xdn.evaluate.job import RunResult
from xdn.kernels.layout import B
from xdn.runtime.session import Session

NAMES = {"net": "brightest", "data": "Stripes, test", "preprocessing": "packed data"}


def test_the_result_says_what_ran_and_is_plain_json(tmp_path):
    path = tmp_path / "stripes.packed"
    pack(Stripes(), path)
    session = Session(brightest_channel(), threads=2)
    contest = run_packed(session, path, api.pixel_transform(session.net, Stripes.shape), repeat=3)
    result = RunResult.of(session, contest, 0.25, NAMES)
    plan = session.plan()
    assert (result.threads, result.plan, result.macs) == (2, plan.digest, plan.macs)
    assert (result.arena_bytes, result.liveness_bytes) == (plan.arena.size, plan.arena.bound)
    assert result.chunk_images == plan.chunk_blocks * B
    assert result.compile_s == session.compile_s > 0
    document = json.loads(json.dumps(result.document(), allow_nan=False))
    assert document["contest"]["accuracy"] == {"correct": 70, "images": 70, "invalid": 0}
    assert document["accuracy_percent"] == 100.0
    assert document["images_per_s"] == contest.images_per_s
    assert len(document["contest"]["runs_s"]) == 3
    assert document["machine"]["cpu"]
    assert document["profile"] is None
