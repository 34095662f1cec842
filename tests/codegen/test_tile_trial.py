"""The trial: right where the unit is, and a no where it is not permitted or computes something else."""

import numpy as np
import pytest

from xdn.codegen import tile_trial
from xdn.codegen.target import TILED_INTEGERS, multiplies_tiles, target_named
from xdn.codegen.tile_trial import multiplied, try_out
from xdn.codegen.tiles import INSTRUCTIONS, PARTS


def test_without_permission_it_is_a_no(monkeypatch):
    monkeypatch.setattr(tile_trial, "permitted", lambda: False)
    assert try_out() == 1


@pytest.mark.parametrize(("added", "code"), [(0, 0), (1, 1)])
def test_what_is_computed_decides(monkeypatch, added, code):
    """The emulation in the unit's place: right, and wrong by one."""
    emulated = target_named("amx-emulated")
    monkeypatch.setattr(tile_trial, "permitted", lambda: True)
    monkeypatch.setattr(tile_trial, "cpu_features", lambda: {TILED_INTEGERS})

    for wrong in INSTRUCTIONS:

        def found(target, a, b, elements, wrong=wrong):
            return multiplied(emulated, a, b, elements=elements) + (added if elements == wrong else 0)

        monkeypatch.setattr(tile_trial, "multiplied", found)
        assert try_out() == code


@pytest.mark.parametrize(("features", "tried"), [(set(), {PARTS}), ({TILED_INTEGERS}, {*INSTRUCTIONS})])
def test_integers_are_tried_where_the_processor_names_them(monkeypatch, features, tried):
    seen = []

    def found(target, a, b, elements):
        seen.append((elements, len(b)))
        return multiplied(target_named("amx-emulated"), a, b, elements=elements)

    monkeypatch.setattr(tile_trial, "permitted", lambda: True)
    monkeypatch.setattr(tile_trial, "cpu_features", lambda: features)
    monkeypatch.setattr(tile_trial, "multiplied", found)
    assert try_out() == 0
    # Sums that fill their registers, and others.
    assert set(seen) == {(elements, depth) for elements in tried for depth in (16, 5)}


@pytest.mark.skipif(not multiplies_tiles(), reason="the processor has no tile unit for bf16 (AMX)")
def test_the_unit_itself():
    assert try_out() == 0


def test_operands_are_not_changed(rng):
    a, b = rng.standard_normal((2, 16, 32)).astype(np.float32)
    c = rng.standard_normal((16, 16)).astype(np.float32)
    before = [x.copy() for x in (a, b, c)]
    multiplied(target_named("amx-emulated"), a, b, c)
    for one, other in zip((a, b, c), before, strict=True):
        np.testing.assert_array_equal(one, other)
