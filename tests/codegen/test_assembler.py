"""From LLVM's language to object code, and the messages in which it travels between processes."""

import ctypes
import io

import llvmlite.binding as llvm
import pytest

from xdn.codegen import assembler

NEST = """
declare i64 @own(i64)
define i64 @nest(i64 %x) {
  %a = call i64 @own(i64 %x)
  %b = call i64 @own(i64 %a)
  ret i64 %b
}
"""
OWN = """
define i64 @own(i64 %x) {
  %y = mul i64 %x, 3
  ret i64 %y
}
"""


def test_a_nest_has_its_functions_in_it():
    text = str(assembler.assembled(NEST, OWN))
    body = text[text.index("@nest") :]
    assert "call" not in body.partition("}")[0]
    assert "9" in body.partition("}")[0]


def test_object_code_runs():
    code = assembler.object_code(NEST, OWN)
    engine = llvm.create_mcjit_compiler(
        llvm.parse_assembly(""), llvm.Target.from_default_triple().create_target_machine()
    )
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    nest = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)(engine.get_function_address("nest"))
    assert nest(5) == 45


def test_the_same_text_gives_the_same_code():
    assert assembler.object_code(NEST, OWN) == assembler.object_code(NEST, OWN)


def test_what_is_not_llvm_s_language_is_an_error():
    with pytest.raises(RuntimeError, match="expected"):
        assembler.object_code(NEST, "define nothing")


def test_messages_arrive_as_they_were_sent():
    stream = io.BytesIO()
    sent = [b"", b"a", bytes(range(256)) * 1000]
    assembler.send(stream, *sent)
    stream.seek(0)
    assert [assembler.receive(stream) for _ in sent] == sent
    assert assembler.receive(stream) is None


@pytest.mark.parametrize("end", [3, 8, 10])
def test_a_message_that_is_cut_off_is_none(end):
    stream = io.BytesIO()
    assembler.send(stream, b"message")
    assert assembler.receive(io.BytesIO(stream.getvalue()[:end])) is None
