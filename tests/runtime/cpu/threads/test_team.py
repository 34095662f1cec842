"""Frames of threads that share a kernel."""

import numpy as np

from xdn.kernels.core.frame import Frame
from xdn.runtime.cpu.threads.team import Team


def test_each_member_has_a_number_and_all_meet_at_one_barrier():
    team = Team(3)
    frames = [frame.words for frame in team._frames]
    assert [int(words[Frame.member.slot]) for words in frames] == [0, 1, 2]
    assert {int(words[Frame.members.slot]) for words in frames} == {3}
    assert len({int(words[Frame.barrier.slot]) for words in frames}) == 1
    assert all(words[Frame.barrier.slot] for words in frames)
    assert [words.__array_interface__["data"][0] for words in frames] == team.addresses
    assert np.unique(team.addresses).size == 3
