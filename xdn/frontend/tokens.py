"""The tokens of protobuf's text format, one at a time, each with its place in the file."""

import re
from typing import NamedTuple

from xdn import settings
from xdn.errors import ParseError

# Possessive (++, *+): nothing is tried a second time, or remembered for that, however long a part of the text is.
_SPACE = re.compile(r"(?:[ \t\r\n\f\v]++|#[^\n]*+)*+")
_TOKEN = re.compile(
    r"""(?P<word>[A-Za-z_][A-Za-z0-9_]*)
      | (?P<number>(?:0[xX][0-9a-fA-F]++|(?:[0-9]++\.?+[0-9]*+|\.[0-9]++)(?:[eE][-+]?[0-9]++)?+[fF]?+)(?![A-Za-z0-9_.]))
      | (?P<string>"(?:[^"\\\n]++|\\.)*+"|'(?:[^'\\\n]++|\\.)*+')
      | (?P<symbol>[{}<>\[\]:,;-])""",
    re.VERBOSE,
)
_NOT_FINITE = {"inf": float("inf"), "infinity": float("inf"), "nan": float("nan")}
#: Digits of the largest integer that any field holds.
_MOST_DIGITS = 20
#: An error shows no more of a token.
_SHOWN = 40


class Token(NamedTuple):
    """A token: ``word``, ``number``, ``string``, ``symbol`` or ``end``, its text, and where it starts."""

    kind: str
    text: str
    start: int

    @property
    def shown(self) -> str:
        """The token as a message shows it."""
        return repr(self.text[:_SHOWN]) if self.kind != "end" else "the end of the file"

    def integer(self) -> int | None:
        """Return the integer that the token spells (decimal, hexadecimal, octal), None for none."""
        octal = self.text[0] == "0" and len(self.text) > 1
        base = 16 if self.text[:2] in ("0x", "0X") else 8 if octal else 10
        try:
            return int(self.text, base) if len(self.text) <= _MOST_DIGITS else None
        except ValueError:
            return None

    def real(self) -> float | None:
        """Return the number that the token spells, None for none."""
        if self.kind == "word":
            return _NOT_FINITE.get(self.text.lower())
        return None if self.text[:2] in ("0x", "0X") else float(self.text.rstrip("fF"))


class Tokens:
    """A text as tokens; `current` is the one at hand.

    Parameters
    ----------
    text : str
    file : str
        The file's name, for errors.

    Raises
    ------
    ParseError
        With ``file:line:column``, where the text is not one of the format's.
    """

    def __init__(self, text: str, file: str):
        self._text, self._file = text, file
        #: The line of the last place that was asked for, where it starts, and the place.
        self._line, self._line_start, self._seen = 1, 0, 0
        self._next = self._count = 0
        self.current = Token("end", "", 0)
        self.advance()

    def place(self, token: Token) -> str:
        """Return ``file:line:column`` of a token."""
        offset = token.start
        if offset < self._seen:
            self._line, self._line_start, self._seen = 1, 0, 0
        if more := self._text.count("\n", self._seen, offset):
            self._line += more
            self._line_start = self._text.rindex("\n", self._seen, offset) + 1
        self._seen = offset
        return f"{self._file}:{self._line}:{offset - self._line_start + 1}"

    def error(self, what: str, token: Token | None = None, mend: str | None = None) -> ParseError:
        """Return the error that is at a token, by default the one at hand."""
        return ParseError(what, where=self.place(token or self.current), mend=mend)

    def expected(self, what: str) -> ParseError:
        """Return the error that something else should stand here."""
        return self.error(f"{self.current.shown} stands where {what} is expected")

    def advance(self) -> Token:
        """Go to the next token; return the one that was at hand."""
        start = _SPACE.match(self._text, self._next).end()  # type: ignore[union-attr]  # it matches even nothing
        found = _TOKEN.match(self._text, start)
        coming = Token(str(found.lastgroup), found[0], start) if found else Token("end", "", start)
        self._count += 1
        if self._count > settings.MAX_PROTOTXT_TOKENS:
            raise self.error(f"the text has more than {settings.MAX_PROTOTXT_TOKENS} tokens", coming)
        if len(coming.text) > settings.MAX_TOKEN_CHARACTERS:
            raise self.error(f"a token has more than {settings.MAX_TOKEN_CHARACTERS} characters", coming)
        if found is None and start < len(self._text):
            line = self._text[start : start + _SHOWN].split("\n")[0]
            what = "a string does not end" if line[0] in "\"'" else f"{line!r} is not text of this format"
            raise self.error(what, coming)
        passed, self.current, self._next = self.current, coming, start + len(coming.text)
        return passed

    def at(self, symbol: str) -> bool:
        """Return whether `symbol` is at hand."""
        return self.current.kind == "symbol" and self.current.text == symbol

    def take(self, symbol: str) -> bool:
        """Go past `symbol` where it is at hand; return whether it was."""
        if self.at(symbol):
            self.advance()
            return True
        return False
