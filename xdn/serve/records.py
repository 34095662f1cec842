"""Requests, responses, states, statistics and errors as JSON objects between the front of a service and its worker."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from typing import Any

from xdn.errors import ParseError
from xdn.record import Reader
from xdn.serve import messages
from xdn.serve.messages import InferRequest, ModelMetadata, ModelState, ModelStatistics, ServeError, Tensor

_READER = Reader(ParseError)
_ERRORS = {
    each.__name__: each
    for each in vars(messages).values()
    if isinstance(each, type) and issubclass(each, ServeError)
}  # fmt: skip


def request_document(request: InferRequest) -> dict[str, Any]:
    """Return what a request says beside its tensors."""
    names = ("model", "version", "outputs", "id", "deadline")
    return {name: getattr(request, name) for name in names}


def request_of(document: Mapping[str, Any], tensors: Iterable[Tensor]) -> InferRequest:
    """Return the request that a document describes."""
    said = {name: document[name] for name in ("model", "version", "id", "deadline")}
    return InferRequest(inputs=tuple(tensors), outputs=tuple(document["outputs"]), **said)


def error_document(error: Exception) -> dict[str, Any]:
    """Return what an error says; one that is not of the service is told by its kind alone."""
    if not isinstance(error, ServeError):
        return {"error": ServeError.__name__, "what": f"the service failed: {type(error).__name__}"}
    return {"error": type(error).__name__, "what": error.what, "where": error.where, "mend": error.mend}


def error_of(document: Mapping[str, Any]) -> ServeError:
    """Return the error that a document tells."""
    return _ERRORS[document["error"]](document["what"], where=document.get("where"), mend=document.get("mend"))


def catalog_document(states: Iterable[ModelState], ready: Iterable[ModelMetadata]) -> dict[str, Any]:
    """Return the states of all versions, and the metadata of each that is ready."""
    return {"states": [asdict(state) for state in states], "ready": [asdict(each) for each in ready]}


def catalog_of(document: Mapping[str, Any]) -> tuple[list[ModelState], list[ModelMetadata]]:
    """Return the states and the metadata that a document tells."""
    states = [_READER.read(ModelState, state) for state in document["states"]]
    return states, [_READER.read(ModelMetadata, each) for each in document["ready"]]


def statistics_document(statistics: Iterable[ModelStatistics]) -> list[dict[str, Any]]:
    """Return statistics, whose mappings have texts as keys."""
    return [asdict(each) for each in statistics]


def statistics_of(document: Iterable[Mapping[str, Any]]) -> list[ModelStatistics]:
    """Return the statistics that a document tells."""
    found = (_READER.read(ModelStatistics, each) for each in document)
    return [replace(each, batches={int(images): runs for images, runs in each.batches.items()}) for each in found]
