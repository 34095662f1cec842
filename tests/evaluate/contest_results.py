"""Results of a made-up contest, whose numbers are easy to follow."""

from xdn.evaluate.accuracy import Accuracy
from xdn.evaluate.bars import Bar, Contest
from xdn.evaluate.contest import ContestResult
from xdn.evaluate.evaluation import Evaluation


def bar(key, seconds, *, net="original.prototxt", macs=50_000_000, images=10_000, timed=10_000, **fields):
    """Return a bar whose two rounds took 0.9 and 1.1 of `seconds`; `fields` are the result's own."""
    accuracy = Accuracy(timed * 85 // 100, timed, top5=timed * 99 // 100)
    contest = ContestResult(accuracy, seconds, (0.9 * seconds, 1.1 * seconds), timed)
    own = {
        "data": "PNGs",
        "preprocessing": "packed data",
        "load_s": 0.1,
        "compile_s": 0.2,
        "kernels_compiled": 0,
        "threads": 1,
        "chunk_images": 192,
        "arena_bytes": 10,
        "liveness_bytes": 10,
        "plan": "0123456789ab",
        "isa": "avx2",
        "peak_gflops": 100.0,
    }
    result = Evaluation(net=net, contest=contest, macs=macs, **own | fields)
    original = net == "original.prototxt"
    return Bar(key, key, result, images, 80_000_000 if original else 40_000_000, 2000 if original else 500)


PRUNED = {"net": "b.prototxt", "macs": 20_000_000}
CONTEST = Contest(
    2,
    (
        bar("caffe", 4.0, timed=200, threads=2, engine="Caffe's algorithm"),
        bar("opencv", 60.0, macs=0, threads=2, engine="OpenCV, dnn", batch=20),
        bar("baseline", 24.0, batch=100),
        bar("pruned", 12.0, batch=100, **PRUNED),
        bar("fused", 8.0, batch=100, **PRUNED),
        bar("offline", 6.0, batch=100, **PRUNED),
        bar("original-1", 10.0, threads=2),
        bar("original-2", 8.0, threads=2, peak_gflops=200.0),
        bar("OPT-B-1", 5.0, threads=2, **PRUNED),
        bar("OPT-B-2", 4.0, threads=2, peak_gflops=200.0, **PRUNED),
    ),
)
