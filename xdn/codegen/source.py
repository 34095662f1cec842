"""A kernel by name, and how to make the Python function that Numba compiles."""

from collections.abc import Callable
from dataclasses import dataclass, field

from xdn.codegen.jit import Words
from xdn.codegen.names import KernelName

#: A kernel's Python body: (descriptor, frame) -> None, both int64 words.
KernelBody = Callable[..., None]
#: What makes a body: it is called only where the kernel is compiled.
MakeBody = Callable[[], KernelBody]


@dataclass(frozen=True)
class KernelSource:
    """A kernel by name, and how to make the Python function that Numba compiles.

    Parameters
    ----------
    name : KernelName
        Says everything on which the code depends; two sources of one name are the same kernel.
    make : callable
        Returns the body; called only when the cache has no code for the name.
    words : (class, class)
        How the descriptor's words are declared, and the frame's; None for words by number.
    """

    name: KernelName
    make: Callable[[], KernelBody] = field(compare=False)
    words: tuple[type[Words] | None, type[Words] | None] = field(default=(None, None), compare=False)
