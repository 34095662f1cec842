"""The plan: which kernels run, in which order, in which memory, for one input shape."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial

from xdn import memory, settings
from xdn.codegen.target import Target, host_target
from xdn.element import ELEMENTS
from xdn.errors import SettingError, UnsupportedError
from xdn.graph import Array, Blob, Net, Shape
from xdn.graph.verify import verify
from xdn.kernels.contract.matrix.split import split_step
from xdn.kernels.core.choice import BF16, BF16X3, F32, RULE, Choice
from xdn.kernels.core.family import Family, Lowering, Step, legal_choices, select
from xdn.kernels.core.layout import BATCH, CHANNEL, BlockLayout, Schedule
from xdn.kernels.core.parts import joined_layouts, parts_name
from xdn.kernels.core.tables import sharing
from xdn.kernels.core.work import Setting, cycles_of
from xdn.kernels.move.images import PixelSource, store_planes
from xdn.runtime.configuration import DEFAULT, Configuration
from xdn.runtime.cpu.arena import Arena, place
from xdn.runtime.cpu.buffers import Placed, intervals, scratch_name, share_buffers, touches
from xdn.runtime.cpu.entries import entry_steps, quantized_inputs, run_layers
from xdn.runtime.cpu.schedule import Order, Segment, Segmenting, SegmentRule
from xdn.runtime.needs import FEWER, plan_needs

#: A batch that no layer's own extents have, so that a layer which mixes images shows.
PROBE_BATCH = 7
#: Any number but one: caches and memory give each thread what they give where all run.
ALL_THREADS = 2


@dataclass(frozen=True, eq=False)
class Plan:
    """Steps in order and an arena for `chunk_blocks` blocks of images.

    Parameters
    ----------
    inputs, outputs : mapping
        Name -> shape of one image (without the batch).
    steps : tuple of Step
        First the inputs' conversion, last the outputs'.
    owners : mapping
        Blob -> the buffer that it lies in.
    arena : Arena
        Places of the buffers, for one chunk.
    segments : tuple of Segment
        In which order the steps pass over a chunk.
    chunk_blocks : int
        Blocks of images that a worker takes at a time; at the end of a run, fewer.
    layers : tuple of Placed
        The layers and which of the steps are theirs; the conversions at the edges belong to none.
    blobs : mapping
        Blob -> shape, at a probe batch.
    layouts : mapping
        Blob -> how it lies.
    target : Target
        The processor that the steps' kernels are made for.
    schedule : Schedule
    """

    inputs: Mapping[str, Shape]
    outputs: Mapping[str, Shape]
    steps: tuple[Step, ...]
    owners: Mapping[str, str]
    arena: Arena
    segments: tuple[Segment, ...]
    chunk_blocks: int
    layers: tuple[Placed, ...]
    blobs: Mapping[str, Blob]
    layouts: Mapping[str, BlockLayout]
    target: Target
    schedule: Schedule = BATCH

    @property
    def block_images(self) -> int:
        """Images of a block."""
        return self.schedule.block_images(self.target)

    def offset(self, blob: str) -> int:
        """Return where `blob` lies in the arena, for the first block of a chunk, in bytes."""
        return self.arena.offsets[self.owners[blob]]

    def offsets(self, blob: str, blocks: Array) -> Array:
        """Return where `blob` lies in the arena for each of the blocks numbered `blocks` of a chunk, in bytes."""
        own = self._own_segment[self.owners[blob]]
        return self.offset(blob) + (blocks % own.blocks if own else blocks) * self.layouts[blob].block_bytes

    def scratch_offset(self, step: int, slot: int) -> int:
        """Return where the scratch of a step's slot lies in the arena, in bytes."""
        return self.arena.offsets[scratch_name(step, slot)]

    @cached_property
    def _own_segment(self) -> dict[str, Segment | None]:
        """Buffer -> the only segment that touches it, None where several do."""
        order = Order(self.segments)
        return {owner: order.segment_of(numbers) for owner, numbers in touches(self.steps, self.owners).items()}

    @cached_property
    def macs(self) -> int:
        """Multiply-accumulates executed for one image; padding is not multiplied."""
        return sum(step.macs for step in self.steps)

    @cached_property
    def weight_bytes(self) -> int:
        """Bytes of packed weights and tables; steps share some of these."""
        return sum({id(array): array.nbytes for step in self.steps for array in step.keep}.values())

    @cached_property
    def digest(self) -> str:
        """A short name of what runs: kernels, order, places. The number of threads plays no part."""
        text = [(str(s.source.name), sorted((slot, self.offset(b)) for slot, b in s.blobs.items())) for s in self.steps]
        return hashlib.sha256(repr((text, self.segments, self.chunk_blocks)).encode()).hexdigest()[:12]


def probe(net: Net, shapes: Mapping[str, Shape]) -> Net:
    """Return the net at a probe batch; raise UnsupportedError where a layer mixes the images of a batch.

    Parameters
    ----------
    net : Net
    shapes : mapping
        Input -> shape of one image.
    """
    resized = net.reshape({name: (PROBE_BATCH, *shape) for name, shape in shapes.items()})
    for layer in resized.layers:
        for top in layer.tops:
            shape = resized.blobs[top].shape
            if not shape or shape[0] != PROBE_BATCH:
                raise UnsupportedError(
                    f"the blob {top!r} has the shape {shape} for a batch of {PROBE_BATCH}: axis 0 is not the batch",
                    where=layer.place,
                    mend="The executor runs nets whose layers treat each image of a batch alone",
                )
    return resized


@sharing()
def make_plan(
    net: Net,
    shapes: Mapping[str, Shape],
    outputs: tuple[str, ...],
    pixels: PixelSource | None = None,
    schedule: Schedule = BATCH,
    configuration: Configuration = DEFAULT,
    target: Target | None = None,
) -> Plan:
    """Return the plan for a net whose images have `shapes`.

    Parameters
    ----------
    net : Net
        With weights.
    shapes : mapping
        Input -> shape of one image (C, H, W).
    outputs : tuple of str
        Blobs to give.
    pixels : PixelSource, optional
        The only input is u8 images instead of f32 planes.
    schedule : Schedule
        How the blobs lie.
    configuration : Configuration
        Chunks, segments, and how layers are computed; its own schedule plays no part.
    target : Target, optional
        The processor; default: this one.

    Raises
    ------
    UnsupportedError
        Where no kernel of the schedule executes a layer.
    SettingError
        For a choice that a layer does not have, or a precision that the processor does not have.
    MemoryLimitError
        Where weights, tables and blobs take too much.
    """
    net.require_weights()
    target = target or host_target()
    _require_precision(configuration, target)
    sized = probe(net, shapes)
    # Kernels trust what they are told: weights that another image size made too large would end in foreign memory.
    verify(sized)
    steps: list[Step] = []
    placed: list[Placed] = []
    chosen = [(lowering, select(lowering)) for lowering in lowerings(sized, outputs, target, schedule, configuration)]
    exact = _exact(sized, outputs, chosen) if schedule is CHANNEL else frozenset()
    layouts = {name: BlockLayout.of(blob, target, schedule, name in exact) for name, blob in sized.blobs.items()}
    steps += entry_steps(list(sized.inputs), quantized_inputs(sized, outputs), layouts, pixels)
    parts = joined_layouts(family.parts(lowering) for lowering, family in chosen)
    layouts |= {parts_name(blob): layout for blob, layout in parts.items()}
    memory.require(plan_needs(sized, outputs, layouts, chosen), "running the net", FEWER)
    # Conversions at the edges are layers of their own.
    layer_of = [~number for number in range(len(steps))]
    unsplit = dict(parts)
    for lowering, family in chosen:
        # The first reader of a blob's parts has them made.
        splits = [split_step(b, layouts[b], unsplit.pop(b)) for b in family.parts(lowering) if b in unsplit]
        whole = replace(lowering, exact=exact, parts=parts)
        lowered = family.lower(whole)
        own = [*splits, *lowered.steps]
        layer_of += [len(placed)] * len(own)
        phases = family.phases(whole) if own else ()
        placed.append(Placed(lowering.layer, lowered, len(steps), len(steps) + len(own), phases))
        steps += own
    for number, name in enumerate(outputs, start=len(sized.inputs)):
        layer_of.append(~number)
        steps.append(store_planes(name, number, layouts[name]))
    owners = share_buffers(sized.blobs, steps, placed)
    image = {name: blob.shape[1:] for name, blob in sized.blobs.items()}
    inputs, given = ({name: image[name] for name in names} for names in (sized.inputs, outputs))
    fastest = partial(_fastest_blocks, placed, target, rule_setting(sized, schedule, target))
    arranged = _arranged(Segmenting(steps, layer_of, layouts, owners), configuration, fastest)
    return Plan(inputs, given, tuple(steps), owners, *arranged, tuple(placed), sized.blobs, layouts, target, schedule)


def _require_precision(configuration: Configuration, target: Target) -> None:
    """Raise SettingError where a precision is asked for that the target has no unit for."""
    if target.tiles is not None or (configuration.precision == BF16 and target.multiplies_bf16):
        return
    units = {
        BF16X3: "a tile unit for bf16 (AMX)",
        BF16: "a tile unit for bf16 (AMX), or by vectors of pairs of bf16 (AVX512-BF16)",
    }
    if configuration.precision in units:
        what = f"{configuration.precision} is computed by {units[configuration.precision]}"
        raise SettingError(
            f"{what}, which {target.name} does not have here",
            where="precision",
            mend=f"Leave the precision at {F32}; XDN_TARGET=amx-emulated shows the results, slowly",
        )


def _arranged(
    cut: Segmenting, configuration: Configuration, fastest: Callable[[Sequence[Segment], int], int]
) -> tuple[Arena, tuple[Segment, ...], int]:
    """Return arena, segments and blocks of a chunk.

    Where the configuration has none, they are the `fastest` of those that the settings allow: (segments, most) ->
    blocks.
    """
    layout = next(iter(cut.layouts.values()))
    most = settings.CHANNEL_CHUNK_IMAGES if layout.schedule is CHANNEL else settings.CHUNK_IMAGES // layout.images
    most = configuration.chunk_blocks or most
    rule = SegmentRule(most, min(configuration.light_blocks, most), configuration.heavy_weights)
    longest = cut.segments(rule)

    def arranged(blocks: int) -> tuple[Arena, tuple[Segment, ...], int]:
        """Return the same for so many blocks."""
        segments = tuple(replace(segment, blocks=min(segment.blocks, blocks)) for segment in longest)
        found = intervals(cut.layouts, cut.steps, cut.owners, segments, blocks)
        return place(found, shared=layout.schedule is CHANNEL), segments, blocks

    if configuration.chunk_blocks:
        return arranged(most)
    one = arranged(1)
    blocks = fastest(longest, max(1, min(most, settings.CHUNK_BYTES // max(one[0].size, 1))))
    return arranged(blocks) if blocks > 1 else one


def _fastest_blocks(
    placed: Sequence[Placed], target: Target, setting: Setting, segments: Sequence[Segment], most: int
) -> int:
    """Return how many blocks a chunk should have: weights are read once for it, but its blobs may leave the caches."""
    if most == 1:
        return most

    # Layers of one geometry take the same: a net has many layers and few geometries.
    counts = Counter(
        (each.phases, segment.blocks)
        for segment in segments
        for each in placed
        if each.phases and segment.blocks > 1 and segment.first <= each.first < segment.end
    )

    def cycles(blocks: int) -> float:
        return sum(
            count * cycles_of(phases, target.rates, replace(setting, blocks=min(longest, blocks)))
            for (phases, longest), count in counts.items()
        )

    # Where it makes no difference, more: a call of a kernel for each block less.
    return max(range(1, most + 1), key=lambda blocks: (-cycles(blocks), blocks))


def choices_of(
    net: Net,
    shapes: Mapping[str, Shape],
    outputs: tuple[str, ...],
    schedule: Schedule,
    configuration: Configuration,
    target: Target | None = None,
) -> dict[str, list[Choice]]:
    """Return each layer that runs -> all choices for it that differ from each other; arguments as of `make_plan`."""
    sized, target = probe(net, shapes), target or host_target()
    unchosen = _unchosen(sized, outputs, target, schedule, configuration)
    return {lowering.layer.name: legal_choices(lowering) for lowering in unchosen}


def lowerings(
    net: Net, outputs: tuple[str, ...], target: Target, schedule: Schedule, configuration: Configuration
) -> list[Lowering]:
    """Return what families see of each layer on which `outputs` depend, in order; the net's batch is a probe's."""
    return [_chosen(each, configuration) for each in _unchosen(net, outputs, target, schedule, configuration)]


def _unchosen(
    net: Net, outputs: tuple[str, ...], target: Target, schedule: Schedule, configuration: Configuration
) -> Iterator[Lowering]:
    """Yield the same where everything is left to the rules."""
    precision, setting = configuration.precision, rule_setting(net, schedule, target)
    winograd, weights = configuration.winograd, ELEMENTS[configuration.weights_as]
    entries = quantized_inputs(net, outputs).values()
    for layer in (each for each in run_layers(net, outputs) if each not in entries):
        blobs, added = (net.bottom_blobs(layer), net.top_blobs(layer)), net.added_blobs(layer)
        yield Lowering(layer, *blobs, target, added, winograd, weights, schedule, precision=precision, setting=setting)


def rule_setting(net: Net, schedule: Schedule, target: Target) -> Setting:
    """Return for which the rules choose: all cores work, and weights come back after all others have passed.

    What is computed, and with that the bits of results, must not depend on the number of threads.
    """
    net_bytes = sum(weight.nbytes for layer in net.layers for weight in layer.weights.values())
    blocks = settings.CHUNK_IMAGES // target.block_images if schedule is BATCH else 1
    return Setting(threads=ALL_THREADS, net_bytes=net_bytes, blocks=blocks)


def _chosen(lowering: Lowering, configuration: Configuration) -> Lowering:
    """Return what a family sees of the layer; raise SettingError for a choice that the layer does not have."""
    layer, schedule = lowering.layer, lowering.schedule
    choice = configuration.choices.get(schedule.name, {}).get(layer.name, RULE)
    if choice == RULE:
        return lowering
    legal = legal_choices(lowering)
    if choice not in legal:
        raise SettingError(
            f"the layer cannot be computed by {str(choice)!r}",
            where=f"{layer.place}, schedule {schedule.name}",
            mend=f"It can by {', '.join(map(str, legal))}",
        )
    return replace(lowering, choice=choice)


def _exact(net: Net, outputs: tuple[str, ...], chosen: Sequence[tuple[Lowering, Family]]) -> frozenset[str]:
    """Return the inputs, and what is made of them as they are read, that need no padding.

    Those are they whose readers all take single values.
    """
    padded: set[str] = set()
    for lowering, family in chosen:
        layer = lowering.layer
        padded.update(layer.bottoms if not family.scalars else [layer.residual] if layer.residual else [])
    made = [layer.tops[0] for layer in quantized_inputs(net, outputs).values()]
    return frozenset((*net.inputs, *made)) - padded
