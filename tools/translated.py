"""What pages that are made say, in the languages of the site; code says it in English."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

#: Files of texts in English and in Chinese, a line each, with an empty line between pairs.
CHINESE = Path(__file__).parent / "chinese"

#: Gives an English text in a language.
Say = Callable[[str], str]


@cache
def pairs(files: str = "*.txt") -> dict[str, str]:
    """Return English -> Chinese, of all files or of some."""
    texts = [each for path in sorted(CHINESE.glob(files)) for each in path.read_text().strip().split("\n\n")]
    return dict(text.split("\n") for text in texts)


def english(text: str) -> str:
    """Return a text as the code says it."""
    return text


def chinese(text: str) -> str:
    """Return a text of the code in Chinese.

    Raises
    ------
    LookupError
        If `CHINESE` lacks it.
    """
    said = " ".join(text.split())
    if said not in pairs():
        raise LookupError(f"add the Chinese of this text to a file in {CHINESE}: {said}")
    return pairs()[said]
