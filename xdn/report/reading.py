"""Results read back from files: what commands wrote with `--json`, and logs of trainings.

Files come from anywhere: numbers that are not finite, or larger than any that is measured, integers beyond 64 bits, and
text that is half of a character are refused.
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from xdn import settings
from xdn.errors import DataError, ParseError
from xdn.evaluate.contest import ContestResult
from xdn.evaluate.origin import FORMAT
from xdn.files import read_bounded
from xdn.logs import read_log
from xdn.record import Reader
from xdn.report.documents import ENGINE_TIMES, KINDS, ContestDocument, Document, EnginesDocument, RunDocument
from xdn.report.quantities import LARGEST
from xdn.report.training import curves
from xdn.runtime.profile import Profile

_MOST = 1 << 63
#: Halves of a character, which JSON can say and no page may hold.
_HALF = re.compile("[\ud800-\udfff]")
#: A field that only one kind of result has -> that kind: for files of before `xdn.result/1`.
_MARKS = {
    "bars": "contest",
    "contest": "run",
    "cost_before": "optimize",
    "total": "net",
    "tile_macs": "machine",
    "first_weights": "train",
    "labels_crc32": "pack",
}


def read_result(path: Path) -> Document:
    """Return what a result, or a training's log (``.jsonl``), says.

    Raises
    ------
    ParseError
        Where there is no such file, or it is too large, or is not JSON.
    DataError
        For JSON that is not a result; the message names the place in it.
    """
    if path.suffix == ".jsonl":
        found = curves(read_log(path))
        if not found:
            raise DataError("this log of a training has no figures yet", where=str(path))
        document = _plain(json.dumps({"format": FORMAT, "kind": "train", "log": str(path), "curves": found}), path)
    else:
        document = _plain(read_bounded(path, settings.MAX_RESULT_BYTES), path)
    return parsed_result(document, str(path))


def parsed_result(document: Any, where: str = "") -> Document:
    """Return the result that JSON values are; raise DataError where they are not one."""
    if not isinstance(document, Mapping):
        raise DataError("this is not a result of XDN", where=where, mend="Give what a command wrote with --json")
    whole = dict(document)
    if "format" not in whole:
        whole = _upgraded(whole, where)
    if whole["format"] not in (FORMAT, ""):
        raise DataError(f"results of the format {str(whole['format'])[:40]!r}; {FORMAT!r} is read", where=where)
    kind = whole.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        raise DataError(f"{str(kind)[:40]!r} is not a kind of result that is shown", where=where)
    found = Reader(DataError, lenient=True).read(KINDS[kind], whole, where)
    for place, timed in _timed(found):
        _check_timed(timed, f"{where}: {place}")
    if isinstance(found, RunDocument) and found.profile is not None:
        _check_profile(found.profile, f"{where}: profile")
    if isinstance(found, EnginesDocument):
        _check_engines(found, where)
    return found


def _timed(document: Document) -> Iterator[tuple[str, ContestResult]]:
    """Yield what was timed, and its place within the document."""
    if isinstance(document, RunDocument):
        yield "contest", document.contest
        yield from ((f"compared[{number}]", each.contest) for number, each in enumerate(document.compared))
    elif isinstance(document, ContestDocument):
        if not document.bars:
            raise DataError("it has no bars", where="bars")
        yield from ((f"bars[{number}]", bar.result.contest) for number, bar in enumerate(document.bars))


def _check_timed(timed: ContestResult, where: str) -> None:
    """Raise DataError where times or numbers of images are not positive."""
    counted = [] if timed.accuracy is None else [timed.accuracy.images]
    if not timed.runs_s or min(*timed.runs_s, timed.contest_s, timed.images, *counted) <= 0:
        raise DataError("a time, or a number of images, is not positive", where=where)


def _check_profile(profile: Profile, where: str) -> None:
    """Raise DataError where a profile has no images, no threads or more than there can be, or times below zero."""
    if profile.images < 1 or not 1 <= profile.workers <= settings.MAX_THREADS:
        raise DataError("a number of images or threads is out of range", where=where)
    if any(min(layer.ms, *layer.worker_ms, 0.0) < 0 for layer in profile.layers):
        raise DataError("a time is below zero", where=where)


def _check_engines(found: EnginesDocument, where: str) -> None:
    """Raise DataError where a comparison of engines lacks a time that it is about, or one is not positive."""
    if found.mode not in ENGINE_TIMES:
        raise DataError(f"{found.mode[:40]!r} is not one of {', '.join(ENGINE_TIMES)}", where=f"{where}: mode")
    key = ENGINE_TIMES[found.mode]
    for engine, figures in found.engines.items():
        if not (getattr(figures, key) or 0) > 0:
            raise DataError("the time is missing, or not positive", where=f"{where}: engines: {engine}: {key}")
    if found.images < 1 or any(best.ratio <= 0 for _, best in found.best_others):
        raise DataError("a number of images, or a ratio, is not positive", where=where)


def _upgraded(document: dict[str, Any], where: str) -> dict[str, Any]:
    """Return a document of before the format was named, with what it lacks."""
    kind = next((kind for mark, kind in _MARKS.items() if mark in document), None)
    if kind is None:
        raise DataError("this is not a result of XDN", where=where, mend="Give what a command wrote with --json")
    contest = document.get("contest")
    if isinstance(contest, dict) and "images" not in contest and isinstance(contest.get("accuracy"), dict):
        document["contest"] = contest | {"images": contest["accuracy"].get("images")}
    return {"format": "", "kind": kind} | document


def _plain(content: str | bytes, path: Path) -> Any:
    """Return the JSON values of a text whose numbers are not too large, and whose text is whole."""

    def whole(text: str) -> int:
        """Return an integer."""
        if len(text) > len(str(_MOST)) + 1 or not -_MOST <= int(text) < _MOST:
            raise ValueError(f"the number {text[:20]}... has more than 64 bits")
        return int(text)

    def real(text: str) -> float:
        """Return a number that is not an integer."""
        value = float(text)
        if not abs(value) <= LARGEST:
            raise ValueError(f"{text[:20]} is not a number up to {LARGEST:g}")
        return value

    try:
        text = content if isinstance(content, str) else content.decode()
        found = json.loads(text, parse_int=whole, parse_float=real, parse_constant=real)
        if "\\u" in text and _HALF.search(json.dumps(found, ensure_ascii=False)):
            raise ValueError("a text holds half of a character")
    except (ValueError, RecursionError) as error:
        raise ParseError(f"this is not JSON: {error}", where=str(path)) from error
    return found
