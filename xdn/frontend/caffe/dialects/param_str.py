"""The `param_str` of Python layers: what PyYAML's yaml.load gives for it, read without running anything.

What such texts hold is read: a mapping, over lines or in braces, of numbers, words, and lists of them::

    'feat_stride': 16                          {'feat_stride': 16, 'scales': (4, 8)}
    'scales': !!python/tuple [2, 4, 8]         scales: !!python/tuple
                                               - 4
                                               - 8

Whatever else YAML has (other tags, which could make any object, anchors, blocks of text, several documents) is an
error, never a guess. A tuple in round brackets, of which YAML would make words, is what Python means by it. Numbers are
those of YAML 1.1 (https://yaml.org/type/float.html), for which 1e3 is none; 010, which it takes for 8, nobody means.
Both stay words.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from xdn.errors import ParseError

Value = int | float | str | tuple["Value", ...] | Mapping[str, "Value"] | None

_MOST_CHARACTERS, _DEEPEST = 1 << 14, 8
_CLOSING = {"[": "]", "(": ")", "{": "}"}
#: What tags may stand before: lists are read as tuples anyway.
_LIST_TAGS = ("!!python/tuple", "!!python/list", "!!seq")
_NUMBER_TAGS: dict[str, type[int] | type[float]] = {
    "!!int": int,
    "!!python/int": int,
    "!!float": float,
    "!!python/float": float,
}
_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})")
_FLOAT = re.compile(r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+][0-9]+)?")
#: The mark before a document.
_BEGIN = re.compile(r"\A---[ \r]*\n")
_TOKEN = re.compile(
    r"""(?P<space>[ \r\n]+|\#[^\n]*)
    | (?P<quoted>'(?:[^'\n]|'')*' | "[^"\\\n]*")
    | (?P<dash>-(?=[ \r\n]|$))
    | (?P<tag>![^ \r\n]*)
    | (?P<symbol>[\[\](){},:])
    | (?P<word>[^\s\[\](){},:'"\#&*|>%@`?!](?:[^\s\[\](){},:]|:(?![\s\[\](){},]|$))*)""",
    re.VERBOSE,
)


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    line: int
    column: int
    #: Whether nothing stands before it on its line.
    leads: bool


def _error(what: str, line: int) -> ParseError:
    return ParseError(what, where=f"param_str, line {line}")


def _tokens(text: str) -> list[_Token]:
    """Return the parts of `text`, an empty symbol as the end."""
    found: list[_Token] = []
    at, line, start = 0, 1, 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise _error(f"{text[at : at + 20]!r} is not read here", line)
        kind = match.lastgroup or ""
        if kind != "space":
            leads = not found or found[-1].line < line
            found.append(_Token(kind, match[0], line, at - start, leads))
        elif "\n" in match[0]:
            line, start = line + match[0].count("\n"), at + match[0].rindex("\n") + 1
        at = match.end()
    return [*found, _Token("symbol", "", line + 1, -1, True)]


class _Reader:
    def __init__(self, text: str):
        self._tokens = _tokens(text)
        self._at = self._depth = 0

    @property
    def now(self) -> _Token:
        return self._tokens[self._at]

    def advance(self) -> _Token:
        self._at += 1
        return self._tokens[self._at - 1]

    def take(self, text: str) -> bool:
        """Go past the symbol `text`, if it comes."""
        found = self.now.kind == "symbol" and self.now.text == text
        self._at += found
        return found

    def expected(self, what: str) -> ParseError:
        shown = repr(self.now.text) if self.now.text else "the end"
        return _error(f"expected {what}, found {shown}", self.now.line)

    def document(self) -> Mapping[str, Value]:
        if self.now.text == "{":
            made = self.flow()
            if self.now.text:
                raise self.expected("the end")
            assert isinstance(made, Mapping)
            return made
        lines: dict[str, Value] = {}
        indent = self.now.column
        while self.now.text:
            if not self.now.leads or self.now.column != indent:
                raise self.expected("a key below the first one")
            key = self.key()
            lines[key] = self.below(indent)
        return lines

    def key(self) -> str:
        if self.now.kind not in ("word", "quoted"):
            raise self.expected("a key, such as 'feat_stride': 16")
        key = _unquoted(self.advance().text)
        if not self.take(":"):
            raise self.expected("':'")
        return key

    def below(self, indent: int) -> Value:
        """Read the value of a key that stands in the column `indent`: beside it, or below and further in."""
        tag = self.tag()
        if self.now.kind == "dash" and self.now.leads and self.now.column >= indent:
            column, items = self.now.column, []
            while self.now.kind == "dash" and self.now.column == column:
                self.advance()
                items.append(self.flow())
            return _tagged(tag, tuple(items))
        if self.now.leads and self.now.column <= indent:
            return _tagged(tag, None)
        return self.flow(tag)

    def tag(self) -> _Token | None:
        return self.advance() if self.now.kind == "tag" else None

    def flow(self, tag: _Token | None = None) -> Value:
        """Read a value: a word, or what stands in brackets."""
        tag = tag or self.tag()
        token = self.advance()
        if token.kind in ("word", "quoted"):
            return _tagged(tag, _resolved(token.text))
        self._depth += 1
        if token.kind != "symbol" or token.text not in _CLOSING or self._depth > _DEEPEST:
            self._at -= 1
            raise self.expected("a number, or a list of numbers in brackets")
        pairs: dict[str, Value] = {}
        items: list[Value] = []
        while not self.take(_CLOSING[token.text]):
            if token.text == "{":
                key = self.key()
                pairs[key] = self.flow()
            else:
                items.append(self.flow())
            if not self.take(",") and self.now.text != _CLOSING[token.text]:
                raise self.expected(f"',' or {_CLOSING[token.text]!r}")
        self._depth -= 1
        return _tagged(tag, pairs if token.text == "{" else tuple(items))


def _unquoted(text: str) -> str:
    return text[1:-1].replace("''", "'") if text[0] == "'" else text.strip('"')


def _resolved(text: str) -> Value:
    if _INT.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else _unquoted(text)


def _tagged(tag: _Token | None, value: Value) -> Value:
    """Return `value` as its tag wants it."""
    if tag is None or (tag.text in _LIST_TAGS and isinstance(value, tuple)):
        return value
    if tag.text in _NUMBER_TAGS and isinstance(value, int | float):
        return _NUMBER_TAGS[tag.text](value)
    raise _error(f"the tag {tag.text!r} is not read here; of a list, {_LIST_TAGS[0]} is", tag.line)


def read_param_str(text: str) -> Mapping[str, Value]:
    """Return the mapping that `text` spells; lists as tuples.

    Raises
    ------
    ParseError
        Where it holds anything but the forms of this module, with the line.
    """
    if len(text) > _MOST_CHARACTERS:
        raise ParseError(f"a param_str of {len(text)} characters; at most {_MOST_CHARACTERS} are read")
    return _Reader(_BEGIN.sub("\n", text)).document()
