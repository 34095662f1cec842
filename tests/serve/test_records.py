"""What passes between front and worker as JSON."""

import json

import numpy as np
import pytest

from xdn.serve.messages import (
    BadRequestError,
    Duration,
    InferRequest,
    ModelMetadata,
    ModelState,
    ModelStatistics,
    ServeError,
    Tensor,
    TensorMetadata,
)
from xdn.serve.records import (
    catalog_document,
    catalog_of,
    error_document,
    error_of,
    request_document,
    request_of,
    statistics_document,
    statistics_of,
)


def passed(document):
    return json.loads(json.dumps(document))


def test_requests_pass():
    request = InferRequest("m", (Tensor("x", "FP32", np.zeros(1)),), "3", ("a", "b"), "id", 12.5)
    again = request_of(passed(request_document(request)), request.inputs)
    assert vars(again) == vars(request)


def test_catalogs_pass():
    states = [ModelState("m", "1", "READY"), ModelState("m", "2", "UNAVAILABLE", "why")]
    ready = [ModelMetadata("m", ("1",), "xdn", (TensorMetadata("x", "FP32", (-1, 3)),), ())]
    assert catalog_of(passed(catalog_document(states, ready))) == (states, ready)


def test_statistics_pass():
    statistics = [
        ModelStatistics("m", "1", 3, 2, Duration(2, 50), failures={"TimeLimitError": 1}, batches={2: 1, 1: 1})
    ]
    assert statistics_of(passed(statistics_document(statistics))) == statistics


@pytest.mark.parametrize("error", [BadRequestError("what", where="here", mend="this"), ServeError("what")])
def test_errors_pass(error):
    again = error_of(passed(error_document(error)))
    assert (type(again), str(again)) == (type(error), str(error))


def test_faults_of_the_service_tell_no_more_than_their_kind():
    assert str(error_of(passed(error_document(KeyError("secret"))))) == "the service failed: KeyError"
