#!/usr/bin/env python3
"""Draw the pictures of `docs/executor.md` out of plans of nets that ship.

python tools/make_pictures.py                # rewrite them in docs/pictures/
python tools/make_pictures.py DIR            # write them elsewhere
"""

import os
import sys
from pathlib import Path

from xdn import settings
from xdn.files import write_atomically

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "pictures"
#: The processor of all pictures, whatever processor draws them; its cores have the cache that settings suppose.
ISA = "avx2"


def fix_processor() -> None:
    """Let all modules that are loaded from now on plan for the pictures' processor."""
    os.environ["XDN_ISA"] = ISA
    from xdn.codegen import target

    target.core_cache_bytes = lambda: settings.CORE_CACHE_BYTES


def pictures() -> dict[str, str]:
    """Return file -> SVG."""
    fix_processor()
    from pictures import bands, layouts, plans, walks

    drawn = {"layouts": layouts.draw(), "bands": bands.draw()}
    drawn |= {f"plan_{name}": plans.draw(name) for name in plans.NETS}
    drawn |= {f"walk_{name}": draw() for name, draw in walks.WALKS.items()}
    return {f"{name}.svg": drawing.svg() for name, drawing in drawn.items()}


if __name__ == "__main__":
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    for name, text in pictures().items():
        write_atomically(folder / name, text.encode())
