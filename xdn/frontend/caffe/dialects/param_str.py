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
from collections.abc import Iterator, Mapping

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
    | (?P<word>[^\s\[\](){},:'"\#&*|>%@`?!](?:[^\s\[\](){},:]|:(?![\s\[\](){},]|$))*)
    | (?P<end>\Z)""",
    re.VERBOSE,
)


class _Reader:
    def __init__(self, text: str):
        #: At its end, too, a line begins.
        self._text = f"{text}\n"
        self._tokens = list(self._parts())
        self._at = self._depth = 0

    def _parts(self) -> Iterator[re.Match[str]]:
        """Yield the parts of the text, an empty one as the end."""
        at = 0
        while match := _TOKEN.match(self._text, at):
            if match["space"] is None:
                yield match
            if match["end"] is not None:
                return
            at = match.end()
        raise self.error(f"{self._text[at : at + 20].strip()!r} is not read here", at)

    def error(self, what: str, start: int) -> ParseError:
        return ParseError(what, where=f"param_str, line {self._text.count(chr(10), 0, start) + 1}")

    def expected(self, what: str) -> ParseError:
        shown = repr(self.now[0]) if self.now[0] else "the end"
        return self.error(f"expected {what}, found {shown}", self.now.start())

    @property
    def now(self) -> re.Match[str]:
        return self._tokens[self._at]

    @property
    def column(self) -> int | None:
        """The column of the part at hand, None where another stands before it on its line."""
        line = self._text.rfind("\n", 0, self.now.start()) + 1
        return None if self._text[line : self.now.start()].strip() else self.now.start() - line

    def advance(self) -> re.Match[str]:
        self._at += 1
        return self._tokens[self._at - 1]

    def take(self, text: str) -> bool:
        """Go past the symbol `text`, if it comes."""
        found = self.now["symbol"] == text
        self._at += found
        return found

    def document(self) -> Mapping[str, Value]:
        if self.now[0] == "{":
            made = self.flow()
            if self.now[0]:
                raise self.expected("the end")
            assert isinstance(made, Mapping)
            return made
        lines: dict[str, Value] = {}
        indent = self.column
        while self.now[0]:
            if self.column is None or self.column != indent:
                raise self.expected("a key below the first one")
            key = self.key()
            lines[key] = self.below(indent)
        return lines

    def key(self) -> str:
        if self.now.lastgroup not in ("word", "quoted"):
            raise self.expected("a key, such as 'feat_stride': 16")
        key = _unquoted(self.advance()[0])
        if not self.take(":"):
            raise self.expected("':'")
        return key

    def below(self, indent: int) -> Value:
        """Read the value of a key that stands in the column `indent`: beside it, or below and further in."""
        tag, column = self.tag(), self.column
        if self.now["dash"] and column is not None and column >= indent:
            items = []
            while self.now["dash"] and self.column == column:
                self.advance()
                items.append(self.flow())
            return self.tagged(tag, tuple(items))
        if column is not None and column <= indent:
            return self.tagged(tag, None)
        return self.flow(tag)

    def tag(self) -> re.Match[str] | None:
        return self.advance() if self.now["tag"] else None

    def tagged(self, tag: re.Match[str] | None, value: Value) -> Value:
        """Return `value` as its tag wants it."""
        if tag is None or (tag[0] in _LIST_TAGS and isinstance(value, tuple)):
            return value
        if tag[0] in _NUMBER_TAGS and isinstance(value, int | float):
            return _NUMBER_TAGS[tag[0]](value)
        raise self.error(f"the tag {tag[0]!r} is not read here; of a list, {_LIST_TAGS[0]} is", tag.start())

    def flow(self, tag: re.Match[str] | None = None) -> Value:
        """Read a value: a word, or what stands in brackets."""
        tag = tag or self.tag()
        if self.now.lastgroup in ("word", "quoted"):
            return self.tagged(tag, _resolved(self.advance()[0]))
        self._depth += 1
        if self.now[0] not in _CLOSING or self._depth > _DEEPEST:
            raise self.expected("a number, or a list of numbers in brackets")
        opening = self.advance()[0]
        pairs: dict[str, Value] = {}
        items: list[Value] = []
        while not self.take(_CLOSING[opening]):
            if opening == "{":
                key = self.key()
                pairs[key] = self.flow()
            else:
                items.append(self.flow())
            if not self.take(",") and self.now[0] != _CLOSING[opening]:
                raise self.expected(f"',' or {_CLOSING[opening]!r}")
        self._depth -= 1
        return self.tagged(tag, pairs if opening == "{" else tuple(items))


def _unquoted(text: str) -> str:
    return text[1:-1].replace("''", "'") if text[0] == "'" else text.strip('"')


def _resolved(text: str) -> Value:
    if _INT.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else _unquoted(text)


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
