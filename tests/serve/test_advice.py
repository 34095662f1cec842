"""A service advises nothing that it does not have."""

import asyncio

import pytest

from tests.serve.nets import IMAGES, write_net
from xdn.errors import DataError, NetError
from xdn.serve.advice import for_clients, told
from xdn.serve.engine import LocalEngine
from xdn.serve.messages import UnavailableError
from xdn.serve.repository import Repository

MADE = "xdn-optimize has such options: serve what it writes"


@pytest.mark.parametrize(
    ("mend", "made"),
    [
        ("Name one with --weights, or ask for --random-weights", True),
        ("Say it (--input-shape C,H,W)", True),
        ("Give fewer images in a call (xdn-run --batch)", False),
        ("Write -- between them", False),
    ],
)
def test_options_of_nets_are_those_of_xdn_optimize(mend, made):
    advised = f"{mend}. {MADE}" if made else mend
    assert told(NetError("this is wrong", where="net.prototxt", mend=mend)) == f"net.prototxt: this is wrong. {advised}"


def test_other_errors_are_told_with_their_kind():
    assert told(ZeroDivisionError("division by zero")) == "ZeroDivisionError: division by zero"
    assert told(OSError("gone")) == "gone"


def test_clients_are_advised_nothing_that_they_cannot_do():
    assert for_clients(DataError("too small", mend="Cut out their middle with --crop 4")) is None
    assert for_clients(DataError("too small", mend="Send larger ones")) == "Send larger ones"


def test_a_model_without_weights_tells_how_to_get_them(tmp_path):
    write_net(tmp_path / "net", IMAGES)
    (tmp_path / "net" / "deploy.caffemodel").unlink()

    async def scenario():
        engine = LocalEngine(Repository.of(tmp_path))
        await engine.start()
        (state,) = engine.index()
        with pytest.raises(UnavailableError, match="no caffemodel lies here"):
            await engine.load("net")
        await engine.stop(0.0)
        return state.reason

    assert asyncio.run(scenario()).endswith(f"Name one with --weights, or ask for --random-weights. {MADE}")
