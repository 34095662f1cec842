"""What results say, as JSON: the format `xdn.result/1`, a class for each kind of result.

Every command writes its result in it (`--json`). The JSON schema (`result-1.schema.json`) is made of these classes and
their docstrings by `tools/make_result_schema.py`. Files of later versions may have further fields.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from xdn.data.header import PackedHeader
from xdn.evaluate.bars import Contest
from xdn.evaluate.compared import Compared
from xdn.evaluate.evaluation import Evaluation
from xdn.graph import Shape
from xdn.graph.cost import Cost
from xdn.kernels.machine.model import Machine
from xdn.optimize.execution import Execution
from xdn.optimize.pipeline import StageReport
from xdn.optimize.prune.locks import Locked
from xdn.optimize.prune.pruner import Thinned
from xdn.optimize.quantize.sensitivity import LayerSensitivity
from xdn.registry import Registry
from xdn.shards.merged import Merged
from xdn.tune.verdict import Verdict


@dataclass(frozen=True)
class Host:
    """What a result says of the machine.

    Parameters
    ----------
    cpu : str
        LLVM's name of the processor.
    processor : str
        The processor's name as the system gives it.
    cpus : int
        Processors that the command might run on.
    system, python : str
        Of the operating system, with its version; the version of Python.
    """

    cpu: str
    processor: str = ""
    cpus: int = 0
    system: str = ""
    python: str = ""


@dataclass(frozen=True, kw_only=True)
class Document:
    """What every result says of where it comes from.

    Parameters
    ----------
    format : str
        ``"xdn.result/1"``; empty for a file of before it.
    kind : str
        What the result tells of.
    program : str
        The command.
    arguments : tuple of str
        As they were given to the command.
    written : str
        When it was written, as ISO 8601 has it.
    xdn : str
        The version of XDN.
    machine : Host, optional
    versions : mapping
        Library -> version.
    """

    format: str
    kind: str
    program: str = ""
    arguments: tuple[str, ...] = ()
    written: str = ""
    xdn: str = ""
    machine: Host | None = None
    versions: Mapping[str, str] = field(default_factory=dict)


#: Kind of result -> its class.
KINDS: Registry[type[Document]] = Registry("kind of result")


@dataclass(frozen=True)
class SearchTrial:
    """A configuration that a search measured.

    Parameters
    ----------
    values : mapping
        Axis -> value.
    share : float
        Of a whole measurement.
    score : float or None
        Time relative to the default's, measured in turn; None where it failed.
    error : str
        Why it failed.
    """

    values: Mapping[str, Any]
    share: float
    score: float | None
    error: str = ""


@dataclass(frozen=True)
class SearchDocument:
    """What a search found.

    Parameters
    ----------
    strategy, objective, unit : str
        How it searched; what it minimised, and in what unit.
    seconds : float
        The search's own time.
    values, default : mapping
        Axis -> the winner's and the default's value.
    paired : mapping
        ``"default"`` and ``"tuned"`` -> the cost of both in one turn.
    default_costs, costs : tuple of float
        Of the default and of the winner in each turn.
    factor : float
        How many times faster the winner is.
    gains : mapping
        Axis -> the factor that it brings.
    trials : tuple of SearchTrial
    """

    strategy: str
    objective: str
    unit: str
    seconds: float
    values: Mapping[str, Any]
    paired: Mapping[str, float]
    default_costs: tuple[float, ...]
    costs: tuple[float, ...]
    factor: float
    gains: Mapping[str, float]
    trials: tuple[SearchTrial, ...]
    default: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class CalibrationDocument:
    """How layers came to read 8-bit integers.

    Parameters
    ----------
    config : mapping
        What was asked for.
    images, scored_images : int
        Images that scales were chosen by; others, on which accuracies were taken.
    layers : mapping
        Layer that reads integers -> for each bottom what was seen of it.
    kept : mapping
        Layer that stays in f32 or bf16 -> why.
    saved_seconds : mapping
        Layer -> seconds an image that it saves by what it reads.
    """

    config: Mapping[str, Any]
    images: int
    scored_images: int
    layers: Mapping[str, tuple[Mapping[str, Any], ...]]
    kept: Mapping[str, str]
    saved_seconds: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class RoundedWeightsDocument:
    """How weights alone came to be integers.

    Parameters
    ----------
    bits : mapping
        Layer -> the bits of its weights.
    kept : mapping
        Layer with filters that keeps f32 weights -> why.
    """

    bits: Mapping[str, int]
    kept: Mapping[str, str]


@dataclass(frozen=True)
class CodebooksDocument:
    """How weights became codebooks.

    Parameters
    ----------
    config : mapping
        What was asked for.
    groups : int
        Groups of channels that were given another order.
    layers : mapping
        Layer -> its blocks (`length`, `channels`, `centroids`), their `count`, `bytes` in a file, and `error`, the mean
        square of what its weights changed by, relative to theirs.
    kept : mapping
        Layer whose weight stays -> why.
    """

    config: Mapping[str, Any]
    groups: int
    layers: Mapping[str, Mapping[str, Any]]
    kept: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class ComparedDocument(Compared):
    """What another engine gave.

    Parameters
    ----------
    ratio : float
        Its time over the session's.
    """

    ratio: float = 0.0


@KINDS.register("run")
@dataclass(frozen=True, kw_only=True)
class RunDocument(Document, Evaluation):
    """A net on a data set: `xdn-run`.

    Parameters
    ----------
    schema : int
        The number of the layout before `format` was there.
    accuracy_percent, top5_percent : float or None
        Images whose label has the largest score, or is among the five largest ones, in percent.
    images_per_s : float
        In the median run.
    configuration : mapping
        How it ran, where that is not the default.
    tuning, operators : SearchDocument, optional
        Searches for threads, chunks and schedules, and for how each layer is computed.
    stored : mapping, optional
        A stored result of an earlier search that was followed.
    precisions : Verdict, optional
        The precisions that were measured, and which is taken.
    calibration : CalibrationDocument, optional
    suggested_transform : str
        Options that a file beside the net suggests.
    cost : Cost, optional
        Of the net that ran, for one image.
    ceilings : Machine, optional
        What the machine gives, where layers were profiled.
    compared : tuple of ComparedDocument
        Other engines, timed in turn.
    """

    schema: int = 0
    accuracy_percent: float | None = None
    top5_percent: float | None = None
    images_per_s: float = 0.0
    configuration: Mapping[str, Any] = field(default_factory=dict)
    tuning: SearchDocument | None = None
    operators: SearchDocument | None = None
    stored: Mapping[str, Any] | None = None
    precisions: Verdict | None = None
    calibration: CalibrationDocument | None = None
    suggested_transform: str = ""
    cost: Cost | None = None
    ceilings: Machine | None = None
    compared: tuple[ComparedDocument, ...] = ()


@KINDS.register("contest")
@dataclass(frozen=True, kw_only=True)
class ContestDocument(Document, Contest):
    """Several configurations timed in turn: `tools/contest/times.py`.

    Parameters
    ----------
    schema : int
        The number of the layout of a bar's result.
    """

    schema: int = 0


#: What `bench/engines.py` times -> the field of the figures that it is about.
ENGINE_TIMES = {"contest": "total_s", "throughput": "own_form_s", "latency": "latency_ms"}


@dataclass(frozen=True)
class EngineFigures:
    """What an engine gave in one number format.

    Parameters
    ----------
    precision, version, variant : str
        The number format; the version of the engine; which of its ways to run was the fastest.
    batch : int
        Images a call, as many as were the fastest.
    total_s, own_form_s, latency_ms : float or None
        From the packed file to all labels; the same of images in the engine's own form; of a single image.
    ratio_total_s, ratio_own_form_s, ratio_latency_ms : float or None
        These times over those of XDN in the same number format.
    top1_percent : float or None
        Images whose label has the largest score, in percent.
    largest_difference : float or None
        Of its outputs to the references, relative to the largest output.
    """

    precision: str
    version: str
    variant: str
    batch: int
    total_s: float | None = None
    own_form_s: float | None = None
    latency_ms: float | None = None
    ratio_total_s: float | None = None
    ratio_own_form_s: float | None = None
    ratio_latency_ms: float | None = None
    top1_percent: float | None = None
    largest_difference: float | None = None


@dataclass(frozen=True)
class BestOther:
    """The fastest engine beside XDN.

    Parameters
    ----------
    engine : str
    ratio : float
        Its time over XDN's.
    """

    engine: str
    ratio: float


@KINDS.register("engines")
@dataclass(frozen=True, kw_only=True)
class EnginesDocument(Document):
    """Engines on one net, timed in turn: `bench/engines.py`.

    Parameters
    ----------
    net, data, mode : str
        Their names; what is timed, one of `ENGINE_TIMES`.
    images, threads, rounds : int
    engines : mapping
        Engine and number format -> figures.
    missing : mapping
        Engine and number format -> why it took no part.
    ratio, ratio_bf16, ratio_int8 : mapping
        Time -> the fastest other engine in f32, bf16 and 8-bit integers.
    """

    net: str
    data: str
    mode: str
    images: int
    threads: int
    rounds: int
    engines: Mapping[str, EngineFigures]
    missing: Mapping[str, str] = field(default_factory=dict)
    ratio: Mapping[str, BestOther] = field(default_factory=dict)
    ratio_bf16: Mapping[str, BestOther] = field(default_factory=dict)
    ratio_int8: Mapping[str, BestOther] = field(default_factory=dict)

    def seconds(self, engine: str) -> float:
        """Return the time of an engine for all images, of single ones for one."""
        key = ENGINE_TIMES[self.mode]
        time: float = getattr(self.engines[engine], key)
        return 1e-3 * time if key.endswith("_ms") else time

    def over_own(self, engine: str) -> float | None:
        """Return the time of an engine over XDN's in the same number format, None where XDN takes no part in it."""
        ratio: float | None = getattr(self.engines[engine], f"ratio_{ENGINE_TIMES[self.mode]}")
        return ratio

    @property
    def best_others(self) -> list[tuple[str, BestOther]]:
        """Number format -> the fastest other engine, where there is one."""
        key = ENGINE_TIMES[self.mode]
        ratios = {"f32": self.ratio, "bf16": self.ratio_bf16, "int8": self.ratio_int8}
        return [(precision, found[key]) for precision, found in ratios.items() if key in found]


@dataclass(frozen=True)
class PruningDocument:
    """What pruning took out.

    Parameters
    ----------
    config : mapping
        What was asked for.
    before, after : Cost
        Of an image.
    groups : tuple of Thinned
    locked : tuple of Locked
        Layers of which filters could not go.
    """

    config: Mapping[str, Any]
    before: Cost
    after: Cost
    groups: tuple[Thinned, ...]
    locked: tuple[Locked, ...] = ()


@dataclass(frozen=True)
class HistogramDocument:
    """How the magnitudes of a blob are distributed.

    Parameters
    ----------
    bar : float
        Width of a bar.
    counts : tuple of int
        Values of each bar, the smallest magnitudes first.
    zeros : int
        Values that are zero.
    """

    bar: float
    counts: tuple[int, ...]
    zeros: int


@dataclass(frozen=True)
class SensitivityDocument:
    """What each layer loses by reading 8-bit integers.

    Parameters
    ----------
    f32, quantized : float or None
        The accuracy before and after, 0 to 1.
    scored_images : int
        Images on which accuracies were taken.
    layers : tuple of LayerSensitivity
    histograms : mapping
        Blob -> its magnitudes.
    """

    f32: float | None
    quantized: float | None
    scored_images: int
    layers: tuple[LayerSensitivity, ...]
    histograms: Mapping[str, HistogramDocument]


@KINDS.register("optimize")
@dataclass(frozen=True, kw_only=True)
class OptimizeDocument(Document):
    """A net that was rewritten: `xdn-optimize`.

    Parameters
    ----------
    cost_before, cost_after : Cost
        Of an image, before the stages and after them.
    difference : float or None
        The largest difference of the outputs, relative to their largest value.
    execution : Execution, optional
        How far runs are from the references.
    stages : tuple of StageReport
    pruning : PruningDocument, optional
    calibration : CalibrationDocument, optional
    sensitivity : SensitivityDocument, optional
    rounded_weights : RoundedWeightsDocument, optional
    codebooks : CodebooksDocument, optional
    suggested_transform : str
        Options that a file beside the net suggests.
    files : tuple of str
        What was written.
    """

    cost_before: Cost
    cost_after: Cost
    difference: float | None
    execution: Execution | None = None
    stages: tuple[StageReport, ...] = ()
    pruning: PruningDocument | None = None
    calibration: CalibrationDocument | None = None
    sensitivity: SensitivityDocument | None = None
    rounded_weights: RoundedWeightsDocument | None = None
    codebooks: CodebooksDocument | None = None
    suggested_transform: str = ""
    files: tuple[str, ...] = ()


@KINDS.register("refused")
@dataclass(frozen=True, kw_only=True)
class RefusedDocument(Document):
    """A pruning budget that cannot be met: `xdn-optimize --prune`.

    Parameters
    ----------
    pruning : mapping
        ``"error"``: why; ``"locked"``: the layers of which filters could not go.
    """

    pruning: Mapping[str, Any]


@dataclass(frozen=True)
class LayerDocument:
    """A layer of a net in numbers.

    Parameters
    ----------
    name, type : str
    known : bool
        Whether XDN has the type.
    epilogue : tuple of str
        What is computed with it: a sum or projection, an activation.
    bottoms, tops : tuple of str
        Blobs.
    shapes : tuple of Shape or None
        Of the tops, batch included.
    cost : Cost, optional
        Of one image.
    quantized : tuple of mapping
        As what it reads its bottoms, where that is not f32.
    hands_on : bool
        Whether it hands values on as they are.
    block : int
        Of how many numbers the blocks of its weight are where that is a codebook's, else 0.
    """

    name: str
    type: str
    known: bool
    epilogue: tuple[str, ...]
    bottoms: tuple[str, ...]
    tops: tuple[str, ...]
    shapes: tuple[Shape | None, ...]
    cost: Cost | None
    quantized: tuple[Mapping[str, Any], ...] = ()
    hands_on: bool = False
    block: int = 0


@KINDS.register("net")
@dataclass(frozen=True, kw_only=True)
class NetDocument(Document):
    """A net in numbers: `xdn-inspect`.

    Parameters
    ----------
    name : str
    layers : tuple of LayerDocument
    outputs : tuple of str
    total : Cost
        Of all layers, for one image.
    unknown_types : mapping
        Type that XDN lacks -> layers of it.
    joining : tuple of str
        Layers that look at all images of a batch together.
    """

    name: str
    layers: tuple[LayerDocument, ...]
    outputs: tuple[str, ...]
    total: Cost
    unknown_types: Mapping[str, int] = field(default_factory=dict)
    joining: tuple[str, ...] = ()


@KINDS.register("parts")
@dataclass(frozen=True, kw_only=True)
class PartsDocument(Document):
    """A run in parts: `xdn-run` with ``--shard``, ``--ray`` and ``--merge``.

    Parameters
    ----------
    folder : str
        Where the parts are.
    net, data : str
        Names as people read them.
    images, parts : int
        All of them.
    made, present : int
        Parts that this command made, and those that were there at its end.
    seconds : float
        That making them took.
    merged : Merged, optional
        The result, where all parts are there.
    """

    folder: str
    net: str
    data: str
    images: int
    parts: int
    made: int
    present: int
    seconds: float
    merged: Merged | None = None


@KINDS.register("machine")
@dataclass(frozen=True, kw_only=True)
class MachineDocument(Document, Machine):
    """What a machine gives: `xdn-inspect --machine`."""


@KINDS.register("train")
@dataclass(frozen=True, kw_only=True)
class TrainDocument(Document):
    """A training: `xdn-train`.

    Parameters
    ----------
    files : tuple of str
        What was written.
    log, data, first_weights : str
        The log; the data set; where the first weights are from.
    filled : tuple of str
        Layers that began as their fillers say.
    iterations : int
    test_accuracy : float
        In percent.
    seconds : float
    suggested_transform : str
        Options that a file beside the net suggests.
    curves : mapping
        ``"loss"``, ``"test_loss"``, ``"test_accuracy"``, ``"lr"`` -> epochs, and values at these.
    """

    files: tuple[str, ...] = ()
    log: str = ""
    data: str = ""
    first_weights: str = ""
    filled: tuple[str, ...] = ()
    iterations: int = 0
    test_accuracy: float = 0.0
    seconds: float = 0.0
    suggested_transform: str = ""
    curves: Mapping[str, tuple[tuple[float, ...], tuple[float, ...]]] = field(default_factory=dict)


@KINDS.register("plot")
@dataclass(frozen=True, kw_only=True)
class PlotDocument(Document):
    """A drawing that was made: `xdn-train --plot`.

    Parameters
    ----------
    files : tuple of str
    """

    files: tuple[str, ...]


@KINDS.register("pack")
@dataclass(frozen=True, kw_only=True)
class PackDocument(Document, PackedHeader):
    """A packed file that was made or verified: `xdn-pack`.

    Parameters
    ----------
    file : str
    bytes : int
        Its size; 0 where it was verified.
    verified : bool
    mean_file : str
        The mean image that was written, if any.
    mean_value : tuple of float
        The means of its channels.
    """

    file: str
    bytes: int = 0
    verified: bool = False
    mean_file: str = ""
    mean_value: tuple[float, ...] = ()


@KINDS.register("store")
@dataclass(frozen=True, kw_only=True)
class StoreDocument(Document):
    """All stored results of searches: `xdn-tune list`.

    Parameters
    ----------
    results : tuple of mapping
        What `xdn-tune show` tells of each.
    """

    results: tuple[Mapping[str, Any], ...]


@KINDS.register("stored")
@dataclass(frozen=True, kw_only=True)
class StoredDocument(Document):
    """A stored result of a search: `xdn-tune show`.

    Parameters
    ----------
    key : str
    facts : mapping
        What it is valid for.
    configuration : mapping
    call_images : int or None
        Images of a call; None: the rule's.
    factor, cost : float
        How many times faster it is; its cost.
    created : float
        When it was found, in seconds since 1970.
    """

    key: str
    facts: Mapping[str, Any]
    configuration: Mapping[str, Any]
    call_images: int | None
    factor: float
    cost: float
    created: float = 0.0


@KINDS.register("completion")
@dataclass(frozen=True, kw_only=True)
class CompletionDocument(Document):
    """What tells a shell how to complete the commands: `xdn-completion`.

    Parameters
    ----------
    shell, script : str
    """

    shell: str
    script: str


@KINDS.register("registries")
@dataclass(frozen=True, kw_only=True)
class RegistriesDocument(Document):
    """What can be chosen, by the kind of thing: `--list`; further fields are name -> what it is."""


@KINDS.register("service")
@dataclass(frozen=True, kw_only=True)
class ServiceDocument(Document):
    """Where a service answers, and what it serves: `xdn-serve`, when its models are loaded.

    Parameters
    ----------
    host : str
    http_port : int
    grpc_port : int or None
        None where there is no gRPC.
    models : tuple of mapping
        Name, version and state of each.
    """

    host: str
    http_port: int
    grpc_port: int | None
    models: tuple[Mapping[str, str], ...]
