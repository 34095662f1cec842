"""Frames between the front of a service and its worker."""

import asyncio
import socket

import numpy as np
import pytest

from xdn import settings
from xdn.serve.frames import Wire
from xdn.serve.messages import Tensor, TooLargeError

LARGE = np.random.default_rng(0).random((3, 200_000)).astype(np.float32)


def over_wires(scenario):
    """Run a scenario that is given two wires."""

    async def run():
        ends = socket.socketpair()
        wires = [Wire(end) for end in ends]
        try:
            return await scenario(*wires)
        finally:
            for wire in wires:
                wire.close()

    return asyncio.run(run())


def test_frames_arrive_whole_and_in_order():
    async def scenario(one, other):
        one.put({"kind": "first"}, [Tensor("x", "FP32", LARGE.T), Tensor("t", "BYTES", np.array([b"a", b""], object))])
        one.put({"kind": "second"})
        document, (x, t) = await other.receive()
        assert document == {"kind": "first"}
        assert np.array_equal(x.data, LARGE.T)
        assert (x.name, x.datatype, t.data.tolist()) == ("x", "FP32", [b"a", b""])
        assert await other.receive() == ({"kind": "second"}, [])
        await one.sent()

    over_wires(scenario)


def test_both_ends_send_at_once():
    async def scenario(one, other):
        for wire in (one, other):
            wire.put({}, [Tensor("x", "FP32", LARGE)])
        for wire in (one, other):
            _, (x,) = await wire.receive()
            assert np.array_equal(x.data, LARGE)

    over_wires(scenario)


def test_what_is_withdrawn_is_not_sent():
    async def scenario(one, other):
        frames = [one.put({"number": 0}, [Tensor("x", "FP32", LARGE)])]
        await asyncio.sleep(0.001)
        frames += [one.put({"number": number}, [Tensor("x", "FP32", LARGE)]) for number in (1, 2)]
        for frame in frames[:2]:  # the first one is being sent
            one.withdraw(frame)
        assert [(await other.receive())[0]["number"] for _ in range(2)] == [0, 2]

    over_wires(scenario)


def test_a_closed_end_is_noticed_by_both_ways():
    async def scenario(one, other):
        other.close()
        with pytest.raises(EOFError, match="closed"):
            await one.receive()
        one.put({}, [Tensor("x", "FP32", LARGE)])
        await asyncio.wait_for(one.sent(), 5)

    over_wires(scenario)


def test_frames_are_bounded(monkeypatch):
    async def scenario(one, other):
        one.put({}, [Tensor("x", "FP32", LARGE)])
        monkeypatch.setattr(settings, "MAX_FRAME_BYTES", 100)
        with pytest.raises(TooLargeError, match="2400000 bytes of tensors"):
            one.put({}, [Tensor("x", "FP32", LARGE)])
        monkeypatch.setattr(settings, "MAX_FRAME_HEADER_BYTES", 100)
        with pytest.raises(TooLargeError):
            one.put({"id": "x" * 100})
        with pytest.raises(EOFError, match="bytes"):
            await other.receive()

    over_wires(scenario)


def test_an_end_that_closes_before_it_has_read_all_is_closed():
    async def scenario(one, other):
        one.put({"kind": "unread"})
        await one.sent()
        other.close()
        with pytest.raises(EOFError, match="closed"):
            await one.receive()

    over_wires(scenario)
