"""LLVM's part of compiling a kernel: puts emitted functions where a nest calls them, optimizes, makes object code.

It needs nothing but LLVM, so that processes of their own do it beside Numba (`workers.py`).
"""

import sys
from functools import cache
from typing import IO, Any

import llvmlite.binding as llvm

from xdn.codegen.target import cpu_feature_string, cpu_name
from xdn.interrupts import uninterrupted

_SIZE_BYTES = 8


@cache
def machine() -> Any:
    """Return LLVM's target machine of the host, with the options that Numba gives it."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    # For instructions that are written as the processor spells them.
    llvm.initialize_native_asmparser()
    triple = llvm.get_process_triple()
    options = {"cpu": cpu_name(), "features": cpu_feature_string(), "opt": 3, "jit": True}
    reloc = "static" if triple.startswith(("x86", "i386", "i686")) else "default"
    return llvm.Target.from_triple(triple).create_target_machine(**options, reloc=reloc, codemodel="jitdefault")


@uninterrupted()
def assembled(nest: str, definitions: str) -> Any:
    """Return LLVM's optimized module of a nest, given as IR, and of the functions that it calls."""
    module = llvm.parse_assembly(nest)
    module.link_in(llvm.parse_assembly(definitions))
    tuning = llvm.create_pipeline_tuning_options(speed_level=3)
    tuning.loop_vectorization, tuning.slp_vectorization = True, False
    builder = llvm.create_pass_builder(machine(), tuning)
    builder.getModulePassManager().run(module, builder)
    return module


def object_code(nest: str, definitions: str) -> bytes:
    """Return the object file of a nest and of the functions that it calls."""
    return bytes(machine().emit_object(assembled(nest, definitions)))


@uninterrupted()
def linked(code: bytes) -> llvm.ExecutionEngine:
    """Return an engine that holds the machine code of an object file, and frees it when it is collected."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    own = llvm.Target.from_default_triple().create_target_machine()
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), own)
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    return engine


def send(stream: IO[bytes], *messages: bytes) -> None:
    """Write messages, each after its length."""
    for message in messages:
        stream.write(len(message).to_bytes(_SIZE_BYTES, "little") + message)
    stream.flush()


def receive(stream: IO[bytes]) -> bytes | None:
    """Return the next message; None where the stream has ended."""
    head = stream.read(_SIZE_BYTES)
    if len(head) < _SIZE_BYTES:
        return None
    size = int.from_bytes(head, "little")
    message = stream.read(size)
    return message if len(message) == size else None


def serve() -> None:
    """Answer each nest and its definitions, read from the standard input, with object code, until there are no more."""
    given, taken = sys.stdin.buffer, sys.stdout.buffer
    while (nest := receive(given)) is not None and (definitions := receive(given)) is not None:
        send(taken, object_code(nest.decode(), definitions.decode()))
