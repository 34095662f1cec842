"""Made-up results that have something for every section."""

import json
from dataclasses import asdict

from tests.conftest import ROOT
from tests.evaluate.contest_results import CONTEST, bar
from xdn.evaluate.accuracy import Accuracy, ClassAccuracy
from xdn.evaluate.origin import origin
from xdn.report.documents import Document
from xdn.report.page.results import Results
from xdn.report.reading import parsed_result

#: A name that a page must not take for markup, nor a terminal for a command.
HOSTILE = "<img src=x onerror=alert(1)>\x1b[31m'\"&amp;{{7*7}}"
MACHINE = json.loads((ROOT / "tests" / "kernels" / "machine" / "zen4.json").read_text())
COST = {"macs": 40_000_000, "parameters": 270_000, "weight_bytes": 1_080_000, "top_bytes": 900_000}
LESS = {"macs": 20_000_000, "parameters": 135_000, "weight_bytes": 135_000, "top_bytes": 500_000}


def layer(name, ms, macs=1_000_000, kernel="contract_f32_relu_8x2__avx512f", **fields):
    """Return a layer of a profile as JSON."""
    rates = {"gflops": 2e-2 * macs / ms if ms else 0.0, "peak_percent": 40.0, "bytes": 1 << 20, "gbytes": 5.0}
    about = {"name": name, "type": "Convolution", "shapes": [[16, 8, 8]], "kernels": [kernel] if kernel else []}
    times = {"ms": ms, "predicted_ms": 0.8 * ms, "share": 0.25, "macs": macs, "worker_ms": [0.9 * ms, 1.1 * ms]}
    return about | times | rates | fields


def profile(layers):
    """Return a profile of these layers as JSON."""
    return {
        "images": 1000,
        "workers": 2,
        "run_ms": 5.0,
        "peak_gflops": 200.0,
        "layers": layers,
        "total": layer("(total)", 4.0),
    }


def run(seconds, layers, **fields):
    """Return a run as JSON, whose classes and profile are made up."""
    accuracy = Accuracy(8500, 10_000, 0, 9900, (ClassAccuracy(HOSTILE, 8, 10, ((0, 8), (1, 2))),))
    result = asdict(bar("run", seconds).result)
    result["contest"]["accuracy"] = asdict(accuracy)
    result["contest"]["latency"] = {"requests": 9, "batch": 1, "p50_ms": 1.0, "p90_ms": 2.0, "p99_ms": 3.0, "max_ms": 4}
    told = {"cost": COST, "ceilings": MACHINE, "profile": profile(layers)}
    return origin("run", "xdn-run", ["net.prototxt", "--name", HOSTILE]) | result | told | fields


def search():
    """Return a search as JSON."""
    trials = [
        {"values": {"threads": t, "schedule": "batch", "chunk": c}, "share": 1.0, "score": s, "error": ""}
        for t, c, s in ((1, 96, 1.0), (2, 96, 0.6), (2, 192, 0.5), (1, 192, None))
    ]
    return {
        "strategy": "halving",
        "objective": "contest",
        "unit": "s",
        "seconds": 12.0,
        "values": {"threads": 2, "schedule": "batch", "chunk": 192},
        "default": {"threads": 1, "schedule": "batch", "chunk": 96},
        "paired": {"default": 2.0, "tuned": 1.0},
        "default_costs": [2.0],
        "costs": [1.0],
        "factor": 2.0,
        "gains": {"threads": 1.7},
        "trials": trials,
    }


def precisions():
    """Return a verdict on three precisions as JSON."""
    rows = [("f32", 4.0, 1.0, 0.0), ("bf16", 3.0, 1.33, 0.1), ("int8", 1.5, 2.67, 0.3)]
    candidates = [{"name": n, "ms": ms, "factor": f, "drop": d, "why": "measured"} for n, ms, f, d in rows]
    about = {"taken": "int8", "max_drop": 0.5, "images": 1000, "labelled": True, "batch": 64}
    return about | {"candidates": candidates}


def compared():
    """Return another engine as JSON."""
    contest = asdict(bar("engine", 3.0).result.contest)
    return {
        "engine": "ONNX Runtime 1.32",
        "contest": contest,
        "batch": 64,
        "variant": "",
        "difference": 1e-6,
        "ratio": 3.0,
    }


def optimized():
    """Return what the optimizer says, as JSON."""
    note = {"layer": HOSTILE, "text": "was fused"}
    stage = {"stage": "fuse-scale", "changes": [note], "refusals": [], "cost": LESS, "difference": 1e-7}
    group = {"group": "conv1", "layers": ["conv1"], "before": 16, "after": 8, "filters_before": 16, "filters_after": 8}
    group |= {"importance": {"most": 2.0, "counts": [4, 8, 4], "gone": 0.125}}
    lock = {"layer": "fc", "type": "InnerProduct", "filters": 10, "of": 10, "by": []}
    loss = {"layer": "conv1", "sqnr_db": 31.5, "cosine": 0.999, "alone": 0.85, "others": 0.84}
    return origin("optimize", "xdn-optimize", ["net.prototxt"]) | {
        "cost_before": COST,
        "cost_after": LESS,
        "difference": 1e-7,
        "stages": [stage],
        "pruning": {
            "config": {},
            "before": COST,
            "after": LESS,
            "groups": [group | {"joined": False, "criterion": "l1"}],
            "locked": [lock],
        },
        "calibration": {
            "config": {},
            "images": 512,
            "scored_images": 1000,
            "layers": {},
            "kept": {"fc": "it is small"},
        },
        "sensitivity": {
            "f32": 0.85,
            "quantized": 0.84,
            "scored_images": 1000,
            "layers": [loss, loss | {"layer": HOSTILE, "sqnr_db": None}],
            "histograms": {"data": {"bar": 0.1, "counts": [9, 4, 1, 0], "zeros": 3}},
        },
    }


def training():
    """Return a training as JSON."""
    curves = {name: [[0.0, 1.0, 2.0], [3.0, 2.0, 1.0]] for name in ("loss", "test_loss", "test_accuracy", "lr")}
    return origin("train", "xdn-train", ["solver.prototxt"]) | {"curves": curves, "data": "CIFAR-10", "seconds": 60.0}


def contest():
    """Return a contest as JSON."""
    return origin("contest", "times.py", []) | CONTEST.document()


def engines(**fields):
    """Return a comparison of engines on a net as JSON; XDN takes half of the time of the other."""
    figures = {"precision": "f32", "version": "1.0", "variant": "default", "batch": 4, "largest_difference": 1e-6}
    own = figures | {"own_form_s": 1.0, "ratio_own_form_s": 1.0}
    other = figures | {"own_form_s": 2.0, "ratio_own_form_s": 2.0, "variant": HOSTILE}
    about = {"net": "LeNet", "data": HOSTILE, "mode": "throughput", "images": 100, "threads": 2, "rounds": 3}
    found = {"engines": {"xdn": own, HOSTILE: other}, "ratio": {"own_form_s": {"engine": HOSTILE, "ratio": 2.0}}}
    return origin("engines", "engines.py", []) | about | found | fields


BEFORE = run(4.0, [layer("conv1", 2.0), layer(HOSTILE, 1.0), layer("split", 0.0, 0, "", bytes=0, worker_ms=[])])
AFTER = run(
    1.0, [layer("conv1", 1.0, kernel="dots_vnni_u8xs8_tou8_8x2__avx512f")], cost=LESS, tuning=search(),
    operators=search(), precisions=precisions(),
    compared=[compared()],
)  # fmt: skip


def results(**documents) -> Results:
    """Return the results that JSON values are, by their names."""
    named: list[tuple[str, Document]] = [
        (name, parsed_result(json.loads(json.dumps(document)))) for name, document in documents.items()
    ]
    return Results(tuple(named))


def everything() -> Results:
    """Return results that fill every section."""
    return results(before=BEFORE, after=AFTER, optimize=optimized(), train=training(), engines=engines())
