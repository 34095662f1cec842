"""What is answered over HTTP where something went wrong: status codes, and bodies that tell the error."""

import json
from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from xdn.serve.http.body import SlowClientError
from xdn.serve.messages import (
    BadRequestError,
    OverloadedError,
    TimeLimitError,
    TooLargeError,
    UnavailableError,
    UnknownModelError,
)

#: Class of error -> status code; anything else is a defect, or of the model that was to be loaded.
STATUS: Mapping[type[Exception], int] = {
    BadRequestError: 400,
    UnknownModelError: 404,
    SlowClientError: 408,
    TooLargeError: 413,
    OverloadedError: 429,
    UnavailableError: 503,
    TimeLimitError: 504,
}
#: Status code -> what the client is told to do.
_HEADERS: Mapping[int, Mapping[str, str]] = {
    408: {"Connection": "close"},
    429: {"Retry-After": "1"},
    503: {"Retry-After": "1"},
}


def refused(request: Request | None, error: Exception) -> Response:
    """Answer with a typed error."""
    status = next((status for kind, status in STATUS.items() if isinstance(error, kind)), 500)
    # As ASCII: names in it may have what UTF-8 has not, which JSON has as half an escape.
    text = json.dumps({"error": str(error)})
    return Response(text, status, _HEADERS.get(status, {}), "application/json")


def no_such_path(request: Request | None, error: Exception) -> Response:
    """Answer to an unknown path, or another method than it has."""
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": error.detail}, error.status_code, error.headers)


def failed(request: Request | None, error: Exception) -> Response:
    """Answer where something unforeseen happened, which the log tells and the client does not see."""
    return JSONResponse({"error": "internal error"}, 500)
