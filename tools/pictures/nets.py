"""What the pictures are drawn from: plans of nets that ship."""

from functools import cache
from pathlib import Path

from xdn import api
from xdn.codegen.target import target_named
from xdn.graph import Net
from xdn.kernels.core.layout import Schedule
from xdn.optimize import PLAIN, POST_FUSION, apply_stages, stage_names
from xdn.runtime.cpu.plan import Plan, make_plan

#: The processor of all pictures, whatever processor draws them.
TARGET = target_named("avx2")
NETS = Path(__file__).resolve().parent.parent.parent / "prototxt"


@cache
def fused(name: str) -> Net:
    """Return a net that ships as a session runs it; its weights are random, and no plan depends on them."""
    net = api.load(NETS / name / "deploy.prototxt", random_weights=True)
    return apply_stages(net, [*stage_names(PLAIN), *stage_names(POST_FUSION)])


@cache
def plan_of(name: str, schedule: Schedule) -> Plan:
    """Return the plan of a net that ships."""
    net = fused(name)
    shapes = {each: blob.shape[1:] for each, blob in net.inputs.items()}
    return make_plan(net, shapes, net.outputs, schedule=schedule, target=TARGET)
