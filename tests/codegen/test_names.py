"""Kernel names: built and parsed, there and back."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kernels.checks import LAYER_CASES
from xdn.codegen.names import KernelName
from xdn.codegen.target import TARGETS
from xdn.element import BF16, F16, F32, S8, U8
from xdn.runtime.cpu.plan import make_plan

ACTIVATION_PARTS = ("relu", "prelu", "elu", "sigmoid", "tanh")
ADDED = ("sum", "projection")
_word = st.from_regex(r"[a-z][a-z0-9]{0,8}", fullmatch=True).filter(
    lambda w: w not in ("f32", *ADDED, *ACTIVATION_PARTS)
)
_names = st.builds(
    KernelName,
    op=st.lists(_word, min_size=1, max_size=3).map("_".join),
    isa=st.sampled_from([isa.name for isa in TARGETS]),
    epilogue=st.sampled_from([(*added, *part) for added in ((), *zip(ADDED)) for part in ((), *zip(ACTIVATION_PARTS))]),
    tile=st.none() | st.tuples(st.integers(1, 99), st.integers(1, 9)),
)


def test_spelling():
    name = KernelName("contract", "avx512f", ("sum", "relu"), (14, 2))
    assert str(name) == "contract_f32_sum_relu_14x2__avx512f"
    name = KernelName("contract", "avx512f", ("sum", "sigmoid"), (14, 2))
    assert str(name) == "contract_f32_sum_sigmoid_14x2__avx512f"
    assert str(KernelName("max_pool", "neon")) == "max_pool_f32__neon"


@settings(deadline=None, derandomize=True)
@given(_names)
def test_round_trip(name):
    assert KernelName.parse(str(name)) == name


def test_names_of_all_kernels_are_file_names_and_come_back():
    for case in LAYER_CASES:
        net = case.net()
        plan = make_plan(net, {name: blob.shape[1:] for name, blob in net.inputs.items()}, net.outputs)
        for step in plan.steps:
            text = str(step.source.name)
            assert KernelName.parse(text) == step.source.name
            assert text.replace("_", "").isalnum()


@pytest.mark.parametrize(
    "text", ["", "contract", "contract_f32", "contract__avx2", "Contract_f32__avx2", "a_f32__b/../c", "a_f32_14__b"]
)
def test_what_is_no_name(text):
    with pytest.raises(ValueError, match="is not a kernel name"):
        KernelName.parse(text)


@pytest.mark.parametrize(
    ("told", "element", "weights"),
    [("f32", F32, F32), ("f32xbf16", F32, BF16), ("f32xf16", F32, F16), ("u8", U8, F32), ("u8xs8", U8, S8)],
)
def test_a_name_says_what_blobs_are_and_as_what_weights_are_stored(told, element, weights):
    name = KernelName("contract", "avx2", ("sum", "relu"), (6, 2), element, weights)
    assert str(name) == f"contract_{told}_sum_relu_6x2__avx2"
    assert KernelName.parse(str(name)) == name
