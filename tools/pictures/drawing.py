"""A drawing of boxes, lines and words as SVG, the same text on every machine and with every library."""

from collections.abc import Sequence
from html import escape

from translated import Say

#: Units across: about those of a phone, on which nothing has to be made smaller.
WIDTH = 400
OWN, LIGHT, GREY, PALE, ACCENT, INK, SOFT = "#3a6ea5", "#c9d9ea", "#b8b8b8", "#ececec", "#c0392b", "#222222", "#666666"
#: Heights of letters: headings, what is read, what stands in small boxes.
HEAD, TEXT, SMALL = 13, 11, 9.5
#: What a letter of the font is wide at most on the average, of its height.
_LETTER = 0.62


def wide(text: str, size: float = TEXT) -> float:
    """Return about how wide a text of letters is."""
    return len(text) * size * _LETTER


class Drawing:
    """Boxes, lines and words on white, from the top left.

    Parameters
    ----------
    title : str
        What the picture shows, for who cannot see it.
    say : callable
        Gives an English text in the language of the picture; ``{}`` stands for what is the same in all.
    """

    def __init__(self, title: str, say: Say):
        self._title, self.say = title, say
        self._parts: list[str] = []
        self._bottom = 0.0

    def box(self, at: tuple[float, float], size: tuple[float, float], fill: str = LIGHT, line: str = "white") -> None:
        """Draw a filled box."""
        (x, y), (width, height) = at, size
        self._bottom = max(self._bottom, y + height)
        place = f'x="{_number(x)}" y="{_number(y)}" width="{_number(width)}" height="{_number(height)}"'
        self._parts.append(f'<rect {place} fill="{fill}" stroke="{line}"/>')

    def line(self, points: Sequence[tuple[float, float]], colour: str = SOFT, width: float = 1) -> None:
        """Draw a line through points."""
        self._bottom = max(self._bottom, *(y for _, y in points))
        path = " ".join(f"{_number(x)},{_number(y)}" for x, y in points)
        self._parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{_number(width)}"/>')

    def text(
        self, at: tuple[float, float], words: str, size: float = TEXT, anchor: str = "start", fill: str = INK
    ) -> None:
        """Write words, if there are any, whose base line begins, ends or has its middle at a place."""
        if not words:
            return
        x, y = at
        self._bottom = max(self._bottom, y + size / 3)
        weight = ' font-weight="bold"' if size == HEAD else ""
        place = f'x="{_number(x)}" y="{_number(y)}" font-size="{_number(size)}" text-anchor="{anchor}"'
        self._parts.append(f'<text {place} fill="{fill}"{weight}>{escape(words)}</text>')

    def upwards(self, at: tuple[float, float], words: str, fill: str) -> None:
        """Write words from the bottom to the top, with their middle at a place."""
        x, y = map(_number, at)
        place = f'x="{x}" y="{y}" font-size="{SMALL}" text-anchor="middle" transform="rotate(-90 {x} {y})"'
        self._parts.append(f'<text {place} fill="{fill}">{escape(words)}</text>')

    def lines(self, at: tuple[float, float], texts: Sequence[str]) -> None:
        """Write small lines below each other, the first at a place."""
        for number, words in enumerate(texts):
            self.text((at[0], at[1] + number * 13.5), words, SMALL)

    def boxed(self, at: tuple[float, float], size: tuple[float, float], words: str, fill: str = LIGHT) -> None:
        """Draw a box with words, if there are any, in its middle."""
        self.box(at, size, fill)
        ink = "white" if fill in (OWN, ACCENT) else INK
        self.text((at[0] + size[0] / 2, at[1] + size[1] / 2 + SMALL / 3), words, SMALL, "middle", ink)

    def svg(self) -> str:
        """Return the file."""
        size = f'width="{WIDTH}" height="{_number(self._bottom + 8)}"'
        view = f'viewBox="0 0 {WIDTH} {_number(self._bottom + 8)}"'
        font = 'font-family="DejaVu Sans, Verdana, Arial, sans-serif"'
        begin = f'<svg xmlns="http://www.w3.org/2000/svg" {size} {view} {font} role="img">\n'
        title = f"<title>{escape(self._title)}</title>\n"
        white = '<rect width="100%" height="100%" fill="white"/>\n'
        return begin + title + white + "\n".join(self._parts) + "\n</svg>\n"


def kib(size: float, say: Say) -> str:
    """Return a number of bytes in KiB, as a picture says it."""
    return f"{size / 1024:,.0f} KiB" if size >= 1024 else say("{} bytes").format(f"{size:,}")


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
