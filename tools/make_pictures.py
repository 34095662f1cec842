#!/usr/bin/env python3
"""Draw the pictures of `docs/executor.md` out of plans of nets that ship, in English and in Chinese.

python tools/make_pictures.py                # rewrite them in docs/pictures/
python tools/make_pictures.py DIR            # write them elsewhere
"""

import sys
from pathlib import Path

from pictures import bands, layouts, plans, walks
from translated import Say, chinese, english

from xdn.files import write_atomically

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "pictures"


def pictures() -> dict[str, str]:
    """Return file -> SVG; those in Chinese end with ``.zh.svg``."""
    return drawn(english, ".svg") | drawn(chinese, ".zh.svg")


def drawn(say: Say, ending: str) -> dict[str, str]:
    """Return file -> SVG of all pictures in a language."""
    found = {"layouts": layouts.draw(say), "bands": bands.draw(say)}
    found |= {f"plan_{name}": plans.draw(name, say) for name in plans.NETS}
    found |= {f"walk_{name}": draw(say) for name, draw in walks.WALKS.items()}
    return {f"{name}{ending}": drawing.svg() for name, drawing in found.items()}


if __name__ == "__main__":
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    for name, text in pictures().items():
        write_atomically(folder / name, text.encode())
