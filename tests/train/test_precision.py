"""bfloat16 is for processors that multiply it themselves."""

import pytest

from xdn.train.precision import bf16_bits, bf16_wanted, has_native_bf16


@pytest.mark.parametrize(
    ("flags", "native"),
    [("fma avx2", False), ("avx512f avx512_bf16", True), ("amx_bf16 amx_tile", True), ("fp asimd bf16", True)],
)
def test_flags_decide(tmp_path, flags, native):
    path = tmp_path / "cpuinfo"
    path.write_text(f"processor\t: 0\nflags\t\t: {flags}\n")
    assert has_native_bf16(path) is native


def test_a_system_that_does_not_tell_has_none(tmp_path):
    assert not has_native_bf16(tmp_path / "none")


def test_what_is_asked_for_goes_first():
    assert bf16_wanted("ON")
    assert not bf16_wanted("OFF")
    assert bf16_wanted("AUTO") is has_native_bf16()


def test_of_integers_up_to_four_bits_unless_all_are_asked_for():
    assert bf16_bits("ON") == 8
    assert bf16_bits("OFF") == 0
    assert bf16_bits("AUTO") == (4 if has_native_bf16() else 0)
