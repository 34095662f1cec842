"""A run of which results are made."""

import pytest

from tests.evaluate.building import Stripes, brightest_channel
from xdn import api
from xdn.data.packed import pack
from xdn.evaluate.contest import timed
from xdn.evaluate.contestants import PackedJob
from xdn.evaluate.evaluated import evaluated
from xdn.runtime.session import Session

TOLD = {"net": "brightest", "data": "Stripes, test", "preprocessing": "packed data", "load_s": 0.25}


@pytest.fixture
def ran(tmp_path):
    """Return a session, its contest result, and the result of the run."""
    path = tmp_path / "stripes.packed"
    pack(Stripes(), path)
    session = Session(brightest_channel(), threads=2, winograd=False, precision="fma")
    job = PackedJob(session, path, api.pixel_transform(session.net, Stripes.shape), batch=50)
    (contest,) = timed([job], 3)
    return session, contest, evaluated(session, contest=contest, batch=50, peak_gflops=200.0, **TOLD)
