"""All faults of a Gin file at once, and what to say of a statement that does not parse."""

import re
from collections.abc import Iterable

from mu2.errors import Mu2Error, nearest

STATEMENT = "Write SELECTOR.parameter = VALUE, or include 'FILE', each on a line of its own."
# What word processors and other languages take for quotes.
QUOTES = "`\u00b4\u2018\u2019\u201a\u201c\u201d\u201e"
VALUES = "A value is a number, True, False, None, a string in quotes, a tuple, @NAME() or %MACRO."


class Faults(Mu2Error):
    """Every fault that was found.

    Attributes:
      faults: at least one.
    """

    def __init__(self, faults: Iterable[Mu2Error]):
        self.faults = tuple(faults)
        super().__init__("\n".join(map(str, self.faults)))

    def __str__(self) -> str:
        return self.message


def in_order(faults: Iterable[Mu2Error], locations: Iterable[str | None] = ()) -> list[Mu2Error]:
    """Each fault once, file by file, by line.

    Args:
      faults: what was found.
      locations: `file:line`, or flags; the files come in the order in which these name them, the
        others after them.
    """
    once = {(fault.location, fault.message): fault for fault in faults}
    files: dict[str, int] = {}
    for location in [*locations, *(location for location, _ in once)]:
        files.setdefault(_parted(location)[0], len(files))

    def place(fault: Mu2Error) -> tuple[int, int]:
        file, line = _parted(fault.location)
        return files[file], line

    return sorted(once.values(), key=place)


def _parted(location: str | None) -> tuple[str, int]:
    """File and line of a place; a flag is a file without lines."""
    file, _, line = (location or "").rpartition(":")
    return (file, int(line)) if line.isdecimal() else (location or "", 0)


def explain(error: BaseException, chunk: str, start: int) -> tuple[int, str, str | None]:
    """What is wrong with a statement that does not parse, in our words.

    Args:
      error: what the parser raised.
      chunk: the statement.
      start: its first line in the file; the error counts lines as the file does.

    Returns:
      The line, the fault, and how to mend it.
    """
    lines = chunk.split("\n")
    offset = 0
    if isinstance(error, SyntaxError) and 0 <= (error.lineno or start) - start < len(lines):
        offset = (error.lineno or start) - start
    # A bracket that stays open is noticed at the end, and begins the fault at the start.
    if "".join(lines[offset:]).strip() == "":
        offset = 0
    return (start + offset, *_fault(error, chunk, lines[offset]))


def _fault(error: BaseException, chunk: str, line: str) -> tuple[str, str | None]:
    code = re.sub(r"#[^'\"]*$", "", line).strip(" \t")
    if hidden := [c for c in code if not c.isprintable() and c != "\t"]:
        shown = "".join(repr(c)[1:-1] if c in hidden else c for c in code)
        return (
            f"a character that cannot be seen, {hidden[0]!r}: {shown}",
            "Delete it, or write a space.",
        )
    said = str(error.args[0]) if error.args else ""
    if wrong := [c for c in QUOTES if c in _without_strings(line)]:
        return f"{wrong[0]} is no quote: {code}", "Begin and end each string with ' or with \"."
    if name := re.fullmatch(r"include\s+['\"]?([^'\"\s]+)['\"]?", code):
        return f"a quote is missing: {code}", f"Write include '{name[1]}'."
    if word := re.search(r"Failed to parse token '([A-Za-z_]\w*)'", said):
        return _bare_word(word[1], code)
    if "'" in _without_strings(line) or '"' in _without_strings(line):
        return f"a quote is missing: {code}", "Begin and end each string with the same quote."
    if bracket := _open_bracket(chunk):
        return f"a {bracket!r} is opened and not closed.", "Close it at the end of the value."
    if token := re.search(r"Failed to parse token '(.*)'", said, re.DOTALL):
        return f"{token[1]!r} is no value.", VALUES
    if re.search("Expected newline|Expected '[,)]", said):
        return f"something is too much, or a comma is missing: {code}", STATEMENT
    if "Unable to parse value" in said:
        return f"a value is missing or malformed: {code}", VALUES
    if (keyword := re.match(r"\w+(?=\s*['\"])", code)) and nearest(keyword[0], ["include"]):
        return f"no statement: {code}", "Did you mean 'include'?"
    if code:
        return f"no statement: {code}", STATEMENT
    return f"no statement: {said or type(error).__name__}", STATEMENT


def _bare_word(word: str, code: str) -> tuple[str, str]:
    constants = {"true": "True", "false": "False", "none": "None", "null": "None"}
    if word.casefold() in constants:
        return f"{word} is no value.", f"Write {constants[word.casefold()]}."
    value = code.partition("=")[2].strip()
    whole = value if value.startswith(word) and not re.search(r"['\",()]", value) else word
    others = f"; for a configurable write @{word}(), for a macro %{word}" if whole == word else ""
    return f"{whole} is a string without quotes.", f"Write '{whole}'{others}."


def _without_strings(text: str) -> str:
    return re.sub(r"'[^'\n]*'|\"[^\"\n]*\"|#.*", "", text)


def _open_bracket(chunk: str) -> str | None:
    """The innermost bracket that is opened and never closed, strings and comments aside."""
    opened: list[str] = []
    for character in _without_strings(chunk):
        if character in "([{":
            opened.append(character)
        elif character in ")]}" and opened:
            opened.pop()
    return opened[-1] if opened else None
