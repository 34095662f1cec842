"""Every default and every environment flag, in one place."""

import os
from pathlib import Path

from xdn.errors import SettingError

#: Images that one thread takes at a time, so that late layers reuse their weights, which no cache holds until the next
#: chunk; a multiple of every block.
CHUNK_IMAGES = 192
#: The same where a block is one image.
CHANNEL_CHUNK_IMAGES = 16
#: The most bytes of activations that one thread keeps for a chunk, unless one block needs more.
CHUNK_BYTES = 64 << 20
#: For how many chunks of each thread the last images of a run are handed out in smaller ones, and into how many
#: parts a chunk is cut for that. One is enough where threads are equally fast: when the last whole chunk is taken,
#: each other thread has less than one left. Smaller parts would reuse weights over too few images.
LAST_CHUNKS, LAST_PARTS = 1, 4
#: From how many times the bytes of its blobs (of one block) on a layer's weights decide how a chunk is passed.
HEAVY_WEIGHTS = 2
#: The most steps that pass over rows in bands together: each is rows ahead of the next one, and what a step more saves
#: gets less. The longest run of the nets at hand, a detector of landmarks, has ten.
MOST_BAND_STEPS = 16
#: The cache that a core has for itself where the system does not tell, in bytes.
CORE_CACHE_BYTES = 1 << 20
#: Alignment of buffers in an arena, in bytes: a cache line, and the longest vector.
ARENA_ALIGN_BYTES = 64
#: How often a thread that has ended its part of a short run looks for the next one before it sleeps: about 0.25 ms.
HELPER_LOOKS = 15000
#: Looks of a thread that waits for those with which it shares an image, before it gives its processor away: part of a
#: millisecond where each has a processor of its own, for what is given away comes back much later; else at once.
WAITING_LOOKS, CROWDED_LOOKS = 20000, 100
#: Of how many runs it is remembered what they took, with threads sharing them and alone; which run is alone to tell.
SHARING_RUNS, SHARING_TRIAL = 16, 4
#: How much longer than alone a shared run may take. How many times the seconds that one lost beyond that pass before
#: the next is shared, at first and where one after the other loses: trying costs a sixteenth of the time in the end.
SHARING_SLACK, SHARING_PATIENCES = 1.25, (2, 16)
#: The most multiply-accumulates of a run in which the caller's thread takes part: there it hears of no Ctrl-C.
SHORT_RUN_MACS = 1 << 32
#: How often the waiting main thread looks at the progress of a run, in seconds.
PROGRESS_INTERVAL_S = 0.1
#: Single requests whose latency `xdn-run` measures, and the seconds that it spends on them at most.
LATENCY_REQUESTS = 200
LATENCY_BUDGET_S = 3.0
#: Random images of a run, and the seconds for which they are run again and again.
RANDOM_IMAGES, RANDOM_S = 100, 2.0
#: Rounds of a comparison of engines at least; images a call that they choose from; how long one trial of a setting
#: takes about, and for how long an engine runs before it is timed, in seconds.
COMPARED_ROUNDS, COMPARED_BATCHES = 3, (1, 16, 64)
COMPARED_TRIAL_S, COMPARED_WARM_S = 0.2, 0.4
#: Images that are decoded, preprocessed and run at a time where nothing was packed.
ONLINE_BATCH = 100
#: The most classes whose confusion is printed as a matrix, and the mistakes that are listed where there are more.
MATRIX_CLASSES, LISTED_MISTAKES = 20, 20
#: Runs in which a machine's peak is measured, and steps of the loop in each: about 2 ms, less than the slice of time
#: that a system gives a thread, so that some runs are undisturbed.
PEAK_RUNS = 40
PEAK_STEPS = 1 << 19
#: Bytes that are read to measure memory, more than caches hold, and how often.
BANDWIDTH_BYTES = 256 << 20
BANDWIDTH_RUNS = 10
#: Of how many calls of kernels a measured run keeps when they began and ended: of all threads, the first of each. As
#: many are a trace of some 8 MB.
SLICES_KEPT = 1 << 16
#: Images of a part, where a data set is run in parts: a fraction of a second for a small net, beside which keeping the
#: part takes little, and of a large data set enough parts for many machines. Whole chunks, whose vectors are all full.
BLOCK_IMAGES = 6 * CHUNK_IMAGES
#: The shortest time over which the processor's counter is compared with the system's clock, in seconds.
CALIBRATION_S = 0.02
#: The most threads of a session, on any machine.
MAX_THREADS = 1024
#: The least limit of the address space with which numerical libraries load.
LEAST_ADDRESS_SPACE_BYTES = 768 << 20
#: What runs nets, by its name among the backends (`xdn/runtime/backend.py`).
BACKEND = "cpu"
#: Plans kept per session, one per input shape.
PLANS_KEPT = 8
#: Largest absolute difference, relative to the largest output, that an optimizer stage may cause.
STAGE_TOLERANCE = 1e-4
#: Images in the seeded batch on which the optimizer compares a net before and after a stage.
STAGE_CHECK_IMAGES = 2
#: How far an executor's outputs may lie from the references', relative to the largest output: Winograd's transforms
#: lose some 1e-6 a layer, and layers one after another add up. Axes that are confused move values by a tenth and more.
EXECUTION_TOLERANCE = 1e-3
#: The most multiply-accumulates and bytes of blobs an image up to which the optimizer has a net run: a few seconds, and
#: less memory than a block of 32 images times the bytes. ResNet-50 is run, VGG-16 is not.
EXECUTION_MACS, EXECUTION_BYTES = 6 * 10**9, 128 << 20
#: The share of a group's filters that pruning leaves in any case, and the images on which it looks at activations.
PRUNE_LEAST = 0.1
PRUNE_IMAGES = 256
#: Images on which a net is scored while pruning.
PRUNE_SCORE_IMAGES = 1000
#: The most bytes of activations that pruning keeps of calibration images.
PRUNE_BYTES = 1 << 30
#: What chooses the scales of 8-bit integers, on how many images; bytes of blobs that are looked at together.
CALIBRATION_OBSERVER = "mse"
CALIBRATION_IMAGES = 512
CALIBRATION_BYTES = 128 << 20
#: Images on which accuracies are taken of nets that are calibrated.
CALIBRATION_SCORE_IMAGES = 1000
#: How many points of a hundred of their labels may go, at most, where the fastest precision is looked for.
MAX_DROP = 0.5
#: On how many images the rounding of weights is learned, and bytes of what is summed up for several layers at a time.
ROUNDING_IMAGES, ROUNDING_BYTES = 128, 256 << 20
#: On how many images, and bytes of their blobs, biases are corrected at most; and for how many multiply-accumulates, an
#: image counting as many more as it takes to read its weights once, so many for each.
CORRECTION_IMAGES, CORRECTION_BYTES = 128, 512 << 20
CORRECTION_MACS, CORRECTION_MACS_A_WEIGHT = 1 << 35, 32
#: Bytes that one checksum of a packed file covers.
CHECKSUM_BYTES = 1 << 20
#: Alignment of arrays in packed files and arenas, in bytes.
PAGE_BYTES = 4096
#: Seconds that `xdn-run --tune` may take, and images on which it measures.
TUNE_BUDGET_S = 60.0
TUNE_IMAGES = 2000
#: Seconds to wait for a connection, and for the next bytes, when `--download` fetches a data set.
CONNECT_TIMEOUT_S = 5.0
#: The largest text, weights, model (or file of its tensors) or mean file that is read, in bytes.
MAX_PROTOTXT_BYTES = 16 << 20
MAX_CAFFEMODEL_BYTES = 4 << 30
MAX_ONNX_BYTES = 16 << 30
#: The largest model that is one file; of a larger one the values of constants lie beside it. Protobuf reads no more.
MOST_MODEL_BYTES = (2 << 30) - 1
MAX_MEAN_BYTES = 1 << 30
#: How many prototxts beside a net are asked for its transform, and how large they may be, in bytes.
MAX_SUGGESTING_FILES = 16
MAX_SUGGESTING_BYTES = 1 << 20
#: The share of the machine's memory, or of what its control group has, that nets may take where nothing else is said.
MEMORY_SHARE = 0.25
#: What they may take in any case on small machines, as long as it is not more than half of the memory, in bytes.
LEAST_MEMORY_BYTES = 2 << 30
#: How deep messages are nested in a text; how many tokens, messages and unknown fields it may hold, of how many kinds;
#: and how long one token or string is. They bound the time and the memory that a text of the largest size takes.
MAX_PROTOTXT_DEPTH = 32
MAX_PROTOTXT_TOKENS = 1 << 20
MAX_PROTOTXT_MESSAGES = 1 << 17
MAX_UNKNOWN_FIELDS = 1 << 14
MAX_UNKNOWN_KINDS = 1 << 8
MAX_TOKEN_CHARACTERS = 1 << 16
#: The largest number of layers of a net, of weight arrays of a layer, and of runs in which a file holds one array.
MAX_LAYERS = 1 << 14
MAX_LAYER_BLOBS = 1 << 10
MAX_BLOB_PIECES = 1 << 12
#: The largest number of fields of a caffemodel or a mean file, those of its parts among them.
MAX_WIRE_FIELDS = 1 << 18
#: How deep groups are nested in HDF5 weights: the parts between the slashes of a layer's name.
MAX_GROUP_DEPTH = 32
#: The largest number of elements that one blob of a net may declare.
MAX_BLOB_ELEMENTS = 1 << 31
#: The largest number of axes of a blob, as in Caffe (kMaxBlobAxes).
MAX_BLOB_AXES = 32
#: The largest pickled batch, in bytes and in opcodes; a CIFAR-10 batch has 30,000.
MAX_PICKLE_BYTES = 64 << 20
MAX_PICKLE_STEPS = 1 << 17
#: The largest encoded image and list file that is read, and the largest download, in bytes; the most images of a list.
MAX_LIST_IMAGES = 3 << 19
MAX_IMAGE_BYTES = 64 << 20
MAX_LIST_BYTES = 64 << 20
MAX_DOWNLOAD_BYTES = 256 << 20
#: The largest machine code of a kernel that is read from the cache, in bytes.
MAX_KERNEL_BYTES = 64 << 20
#: The largest file of results and of a configuration that is read, in bytes.
MAX_RESULT_BYTES = 16 << 20
MAX_CONFIGURATION_BYTES = 4 << 20
#: The largest JSON header of a packed file, in bytes.
MAX_PACKED_HEADER_BYTES = 4 << 20
#: The most pixels that all scans of a JPEG may pass; a usual progressive one has ten scans.
MAX_SCANNED_PIXELS = 1 << 31
#: The largest number of pixels of one image that is decoded, and of classes of a data set.
MAX_IMAGE_PIXELS = 1 << 26
MAX_CLASSES = 1 << 17
#: The data sets that stand in where none is named: the first that is found.
DEFAULT_DATASETS = ("cifar10", "glyphs10")
#: The largest store of tuning results, in bytes.
MAX_STORE_BYTES = 256 << 20
#: The most bytes of training images, their borders included; of a snapshot; of a training's log.
MAX_TRAINING_BYTES = 8 << 30
MAX_SNAPSHOT_BYTES = 8 << 30
MAX_LOG_BYTES = 256 << 20
#: Images that are read, converted and written at a time when a data set is packed.
PACK_IMAGES = 256
#: The most elements of a request's tensor of BYTES: texts, or encoded images.
MAX_BYTES_ELEMENTS = 1 << 16
#: The most pixels of an image in a request, and those that all of its scans may pass: about a second.
MAX_SERVED_PIXELS, MAX_SERVED_SCANS = 1 << 24, 1 << 28
#: Of a service: the longest that a run of joined requests may take, in seconds; the most requests at hand, and bytes
#: of these and of what is made of them.
SERVED_LATENCY_S, SERVED_REQUESTS, SERVED_BYTES = 0.1, 1024, 1 << 30
#: For how many seconds runs are measured in each schedule when a model is loaded, and how many of so many images.
SERVED_MEASURED_S, SERVED_MEASURED_RUNS = 2.0, 4
#: How often the front of a service asks its worker whether it lives, for how long that may say nothing, and how long
#: one run may take before the worker is taken for hung, in seconds.
SERVED_PING_S, SERVED_SILENCE_S, SERVED_HUNG_S = 2.0, 60.0, 120.0
#: For how long a request waits for another worker when its own has died; after how many seconds a worker that died is
#: started again, at first and at most, where one after the other dies, and how long one lives that counts as well.
SERVED_WAIT_S = 30.0
SERVED_AGAIN_S, SERVED_WELL_S = (0.1, 10.0), 30.0
#: How many workers may die while they load a model, one after the other, before the next ones do without it.
SERVED_DEATHS = 3
#: The largest description of a frame between the front and its worker, and its largest tensors together, in bytes.
MAX_FRAME_HEADER_BYTES, MAX_FRAME_BYTES = 16 << 20, 8 << 30
#: How many times the longest that a run may take requests wait before more than that allows runs together.
SATURATED_LIMITS = 2
#: The most tensors of a request, and bytes of its JSON beside lists of numbers.
MAX_REQUEST_TENSORS = 1 << 8
MAX_REQUEST_JSON_BYTES = 4 << 20


def asked_target() -> str | None:
    """Return the target that is asked for instead of the processor's best (`XDN_TARGET`), None for none."""
    return os.environ.get("XDN_TARGET") or None


def asked_machine() -> Path | None:
    """Return the file of the machine that rules choose for instead of this one (`XDN_MACHINE`), None for none."""
    path = os.environ.get("XDN_MACHINE")
    return Path(path).expanduser() if path else None


def asked_memory() -> str | None:
    """Return the memory that nets may take, as it is asked for (`XDN_MEMORY`, such as "8G"), None for none."""
    return os.environ.get("XDN_MEMORY") or None


def cache_dir() -> Path:
    """Return the folder for everything that can be made again (`XDN_CACHE`, else ~/.cache/xdn)."""
    return Path(os.environ.get("XDN_CACHE") or Path.home() / ".cache" / "xdn").expanduser()


def data_dir() -> Path:
    """Return the folder where data sets are looked for (`XDN_DATA`, else ~/.cache/xdn)."""
    return Path(os.environ.get("XDN_DATA") or Path.home() / ".cache" / "xdn").expanduser()


def shipped_dir() -> Path:
    """Return the folder of the networks that XDN ships (`prototxt/` in a checkout)."""
    here = Path(__file__).resolve().parent
    installed = here / "shipped"
    return installed if installed.is_dir() else here.parent / "prototxt"


def positive_int(flag: str) -> int | None:
    """Return the environment flag as a positive integer, None where it is not set."""
    text = os.environ.get(flag)
    if not text:
        return None
    # OMP_NUM_THREADS may hold one number a nesting level: "4,2"; the first is the outermost.
    first = text.split(",")[0].strip()
    if not first.isdecimal() or int(first) < 1:
        raise SettingError(f"{flag}={text!r} is not a positive integer", mend=f"Unset {flag} or set it to 1 or more")
    return int(first)
