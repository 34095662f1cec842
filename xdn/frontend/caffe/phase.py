"""Which layers take part: phase, level and stage against the layers' include and exclude rules."""

from collections.abc import Sequence

from xdn.errors import NetError
from xdn.frontend.caffe.text import Message, schema, with_layers

PHASES = {"TRAIN": 0, "TEST": 1}


def net_state(net: Message, phase: str | None = None, level: int = 0, stages: Sequence[str] = ()) -> Message:
    """Return the NetState for `net`: the file's own, with what the caller says on top.

    Parameters
    ----------
    net : NetParameter
    phase : str, optional
        ``"TRAIN"`` or ``"TEST"``; None leaves the file's own, whose default is TEST as in Caffe's Net::Init.
    level : int
        0 leaves the file's own.
    stages : sequence of str
        Added to the file's own.
    """
    state = schema.new("NetState")
    state.CopyFrom(net.state)
    if phase is not None:
        if phase not in PHASES:
            raise NetError(f"the phase {phase!r} is unknown", mend=f"Known: {', '.join(PHASES)}")
        state.phase = PHASES[phase]
    elif not state.HasField("phase"):
        state.phase = PHASES["TEST"]
    if level:
        state.level = level
    state.stage.extend(stages)
    return state


def _meets(state: Message, stages: frozenset[str], rule: Message) -> bool:
    """Return whether `state`, whose stages are `stages`, meets `rule` (Caffe's Net::StateMeetsRule)."""
    if rule.HasField("phase") and rule.phase != state.phase:
        return False
    if rule.HasField("min_level") and state.level < rule.min_level:
        return False
    if rule.HasField("max_level") and state.level > rule.max_level:
        return False
    return stages.issuperset(rule.stage) and stages.isdisjoint(rule.not_stage)


def filter_layers(net: Message, state: Message) -> Message:
    """Return `net` with the layers that take part in `state` (Caffe's Net::FilterNet).

    A layer without rules takes part; with include rules when any is met; with exclude rules when none is.

    Raises
    ------
    NetError
        When a layer has both kinds of rules.
    """
    stages = frozenset(state.stage)
    kept = []
    for layer in net.layer:
        if layer.include and layer.exclude:
            raise NetError("the layer has include and exclude rules; give one kind", where=f"layer {layer.name!r}")
        included = not layer.include or any(_meets(state, stages, rule) for rule in layer.include)
        if included and not any(_meets(state, stages, rule) for rule in layer.exclude):
            kept.append(layer)
    return with_layers(net, "layer", kept)
