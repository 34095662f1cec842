"""Which targets this processor can run: vectors of any length, tiles only where there is a unit for them."""

from xdn.codegen.target import AMX, TARGETS, multiplies_tiles

RUNNABLE = tuple(target for target in TARGETS if target.tiles != AMX or multiplies_tiles())
