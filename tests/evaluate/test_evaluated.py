"""What is taken from the session of what came of a net and a data set."""

from tests.evaluate.conftest import TOLD
from xdn import __version__
from xdn.evaluate.evaluated import evaluated


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
