#!/usr/bin/env python3
"""Draw the pictures of `docs/executor.md` out of plans of nets that ship.

python tools/make_pictures.py                # rewrite them in docs/pictures/
python tools/make_pictures.py DIR            # write them elsewhere
"""

import sys
from pathlib import Path

from pictures import bands, layouts, plans, walks

from xdn.files import write_atomically

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "pictures"


def pictures() -> dict[str, str]:
    """Return file -> SVG."""
    drawn = {"layouts": layouts.draw(), "bands": bands.draw()}
    drawn |= {f"plan_{name}": plans.draw(name) for name in plans.NETS}
    drawn |= {f"walk_{name}": draw() for name, draw in walks.WALKS.items()}
    return {f"{name}.svg": drawing.svg() for name, drawing in drawn.items()}


if __name__ == "__main__":
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    for name, text in pictures().items():
        write_atomically(folder / name, text.encode())
