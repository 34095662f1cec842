"""Run stages over a net, and check each: verification, and outputs against the net before it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from xdn import memory, settings
from xdn.errors import CheckError, NetError, WeightsError
from xdn.graph import Layer, Net
from xdn.graph.codebook import with_held_codebooks
from xdn.graph.cost import Cost, net_cost
from xdn.graph.net import reference_needs
from xdn.graph.verify import verify
from xdn.memory import Need
from xdn.optimize.check import (
    Arrays,
    Forward,
    after_jumps,
    in_f32,
    largest_difference,
    reference,
    run,
    seeded_batch,
    sized_for,
)
from xdn.optimize.execution import Execute, Execution, check_execution
from xdn.optimize.stage import PLAIN, STAGES, Note, Rewrite, stage_names


@dataclass(frozen=True)
class StageReport:
    """What one stage did, and how far the net's values moved.

    Parameters
    ----------
    stage : str
        The stage's name.
    changes, refusals : tuple of Note
        What was done, and what was left with the reason.
    cost : Cost
        The net's cost after the stage, an image.
    difference : float or None
        Largest difference to the net before the stage, over all outputs and all other blobs that both
        nets have, each relative to the blob's largest value. None where nothing could be compared.
    """

    stage: str
    changes: tuple[Note, ...]
    refusals: tuple[Note, ...]
    cost: Cost
    difference: float | None = None


@dataclass(frozen=True, eq=False)
class Result:
    """An optimized net and how it came about.

    Parameters
    ----------
    net : Net
    reports : tuple of StageReport
        In the order in which the stages ran.
    cost : Cost
        The cost of the net that was given, an image.
    difference : float or None
        Largest relative difference of the outputs to those of the net that was given; None where the
        net has no weights, so that nothing could be compared.
    execution : Execution or None
        How far the ways to run the net lie from the references; None where none was given, or the net has no weights.
    """

    net: Net
    reports: tuple[StageReport, ...]
    cost: Cost
    difference: float | None
    execution: Execution | None = None


def optimize(
    net: Net,
    stages: Sequence[str] | None = None,
    data: Arrays | None = None,
    *,
    forward: Forward | None = None,
    execute: Execute | None = None,
    tolerance: float = settings.STAGE_TOLERANCE,
    progress: Callable[[int, int], None] | None = None,
) -> Result:
    """Run stages one after another, each checked against the net before it; then check how the last net runs.

    Parameters
    ----------
    net : Net
        Stays as it is.
    stages : sequence of str, optional
        Names of stages, run in this order; all that plain Caffe can express where None.
    forward : Forward, optional
        Runs a net; by default the NumPy references.
    execute : Execute, optional
        The machine's ways to run a net; the net that is left must give by them what the references give.
    tolerance : float
        Largest relative difference that a stage may cause.
    data : mapping, optional
        Input name -> array, the batch on which nets are compared; a seeded one where None.
    progress : callable, optional
        Told (stages done, stages).

    Raises
    ------
    CheckError
        A stage broke the net or moved its values by more than `tolerance`, or a way to run it gives others.
    UnknownNameError
        A stage is not registered.
    """
    verify(net)
    chosen = [(name, STAGES[name]()) for name in (stage_names(PLAIN) if stages is None else stages)]
    guard = _Guard(forward or reference, data or seeded_batch(net), tolerance) if net.has_weights else None
    if guard:
        guard.start(net)
    reports, current = [], net
    for done, (name, stage) in enumerate(chosen):
        if progress is not None:
            progress(done, len(chosen))
        rewrite = stage.apply(current)
        if rewrite.changes:
            _verify(name, current, rewrite.net)
        difference = guard.step(name, rewrite) if guard else None
        current = rewrite.net
        reports.append(StageReport(name, rewrite.changes, rewrite.refusals, net_cost(current), difference))
    total = guard.total() if guard else None
    current = with_held_codebooks(current)
    execution = None
    if guard and execute:
        same = forward is None and not any(layer.quantized for layer in current.layers)
        expected = guard.values if same else run(reference, current, guard.batch)
        execution = check_execution(current, guard.batch, expected, execute)
    return Result(current, tuple(reports), net_cost(net), total, execution)


def apply_stages(net: Net, stages: Sequence[str]) -> Net:
    """Run stages without comparing numbers, as a session does at each start; the result is verified."""
    for name in stages:
        net = STAGES[name]().apply(net).net
    verify(net)
    return net


class _Guard:
    """Holds what the net before the current stage computes; every net is run once.

    Of a layer whose tops jump (`LayerParams.jumps`), such as one that suppresses boxes, the net before a stage is
    expected to give what it makes of the bottoms after the stage: these are compared themselves, and rounding decides
    what lies at the jump.
    """

    def __init__(self, forward: Forward, batch: Arrays, tolerance: float):
        self.forward, self.batch, self.tolerance = forward, batch, tolerance
        self.values: Arrays = {}

    def start(self, net: Net) -> None:
        """Run the net that is given."""
        sized = sized_for(net, self.batch)
        blobs = [Need(layer.place, sum(blob.bytes for blob in sized.top_blobs(layer))) for layer in sized.layers]
        memory.require([*blobs, *reference_needs(sized)], "comparing nets before and after each stage")
        self._net, self.values = self._first = net, self._run(net)

    def _run(self, net: Net) -> Arrays:
        """Return what a net computes with all layers in f32: rounding decides which integer a value becomes."""
        return run(self.forward, in_f32(net), self.batch)

    def step(self, stage: str, rewrite: Rewrite) -> float:
        """Return the difference that the stage caused; raise CheckError where it is too large."""
        if not rewrite.changes:
            return 0.0
        after = self._run(rewrite.net)
        before = self._expected(self._net, self.values, rewrite.net, after)
        common = {*rewrite.net.outputs, *(before.keys() & after.keys())}
        for name in sorted(common):
            difference = largest_difference(before, after, [name])
            if difference > self.tolerance:
                raise CheckError(
                    f"blob {name!r} moved by {difference:.2g} of its largest value; {self.tolerance:g} is allowed",
                    where=f"stage {stage!r}",
                    mend="Leave the stage out with xdn-optimize --stages, and report the net",
                )
        self._net, self.values = rewrite.net, after
        return largest_difference(before, after, common)

    def total(self) -> float:
        """Return the largest difference of the outputs of the last net to those of the first."""
        net, values = self._first
        return largest_difference(self._expected(net, values, self._net, self.values), self.values, net.outputs)

    def _expected(self, net: Net, values: Arrays, other: Net, found: Arrays) -> Arrays:
        """Return what `net`, of these `values`, gives where its layers that jump read what they read in `other`."""
        # A runner may keep nothing but the outputs.
        if not values.keys() >= net.blobs.keys():
            return values
        own = {layer.name: layer for layer in net.layers if layer.params.jumps(len(layer.tops))}
        read = {
            layer.name: [found[name] for name in layer.bottoms]
            for layer in other.layers
            if layer.name in own and _is_same(own[layer.name], values, layer, found)
        }
        return after_jumps(sized_for(in_f32(net), self.batch), values, read) if read else values


def _is_same(layer: Layer, values: Arrays, other: Layer, found: Arrays) -> bool:
    """Return whether two layers compute the same of bottoms of the same shapes, which are among `values`, `found`."""
    return (
        layer.params == other.params
        and found.keys() >= set(other.bottoms)
        and [values[name].shape for name in layer.bottoms] == [found[name].shape for name in other.bottoms]
    )


def _verify(stage: str, before: Net, after: Net) -> None:
    where = f"stage {stage!r}"
    try:
        verify(after)
    except (NetError, WeightsError) as error:
        raise CheckError(f"the net is broken: {error}", where=where) from error
    if (after.inputs, after.outputs) != (before.inputs, before.outputs):
        raise CheckError("the net's inputs or outputs are others than before", where=where)
