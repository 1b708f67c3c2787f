"""Numbers as they are written in text files."""

import dataclasses
import re

from mu2.errors import Mu2Error

_PLAIN = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|[+-]?inf(inity)?", re.I)
_SIGNS = ",.'\u2019 \u00a0\u202f_"  # what stands in numbers somewhere
# A number in another writing than the one asked for, and what of the text is not its digits.
_GROUPS = re.compile(rf"[+-]?[1-9][0-9]{{0,2}}([{_SIGNS}])[0-9]{{3}}(?:\1[0-9]{{3}})*([.,][0-9]+)?")
_COMMA = re.compile(r"[+-]?[0-9]*,[0-9]+(?:[eE][+-]?[0-9]+)?")
_POINT = re.compile(r"[+-]?[0-9]*\.[0-9]+(?:[eE][+-]?[0-9]+)?")
_MARKED = re.compile(
    r"[+\-(]?\s*[$\u20ac\u00a3\u00a5]?\s*[+\-\u2212]?[0-9]+(?:[.,][0-9]+)*"
    r"\s*[%\u2030$\u20ac\u00a3\u00a5]?\s*\)?"
)
_MARKS = set("$\u20ac\u00a3\u00a5%\u2030\u2212()")


@dataclasses.dataclass(frozen=True)
class Numbers:
    """How numbers are written.

    Attributes:
      decimal: what stands before the decimals: '.' or ','.
      thousands: what stands between groups of three digits; None where nothing does.

    Raises:
      Mu2Error: they are no such signs, or the same.
    """

    decimal: str = "."
    thousands: str | None = None

    def __post_init__(self) -> None:
        if self.decimal not in (".", ","):
            raise Mu2Error(f"CSV.decimal must be '.' or ',', not {self.decimal!r}.")
        if self.thousands is not None and self.thousands not in tuple(_SIGNS):
            raise Mu2Error(
                f"CSV.thousands must be one of {', '.join(map(repr, _SIGNS))}, "
                f"not {self.thousands!r}."
            )
        if self.thousands == self.decimal:
            raise Mu2Error(f"CSV.decimal and CSV.thousands are both {self.decimal!r}.")

    def read(self, text: str) -> float | None:
        """The number that a text is, perhaps infinite; None where it is none.

        Underscores and digits of other scripts, which Python reads, make no number.
        """
        if self.thousands is not None and self.thousands in text:
            whole, point, rest = text.partition(self.decimal)
            first, *groups = whole.split(self.thousands)
            if not first.lstrip("+-") or len(first.lstrip("+-")) > 3:
                return None
            if any(len(group) != 3 or not group.isdecimal() for group in groups):
                return None
            text = f"{first}{''.join(groups)}{point}{rest}"
        if self.decimal == ",":
            if "." in text:
                return None
            text = text.replace(",", ".")
        return float(text) if _PLAIN.fullmatch(text) else None

    def cure(self, text: str) -> str | None:
        """How to have a text read as a number, where it looks like one in another writing."""
        if self.decimal == "." and _COMMA.fullmatch(text) and not _GROUPS.fullmatch(text):
            return "Where that is a decimal comma, set CSV.decimal = ','."
        if self.decimal == "," and _POINT.fullmatch(text):
            return "Where that is a decimal point, set CSV.decimal = '.'."
        if match := _GROUPS.fullmatch(text):
            sign = match[1]
            decimal = match[2][0] if match[2] else "," if sign == "." else "."
            cures = [f"Where {sign!r} parts thousands, set CSV.thousands = {sign!r}"]
            cures[0] += f" and CSV.decimal = {decimal!r}" * (decimal != self.decimal)
            if sign in ".," and sign != self.decimal and text.count(sign) == 1:
                cures.append(f"where it stands before decimals, CSV.decimal = {sign!r}")
            return "; ".join(cures) + "."
        if _MARKS & set(text) and _MARKED.fullmatch(text):
            return "Leave percent signs, signs of money and brackets out; minus is a hyphen."
        return None

    def doubt(self, text: str) -> int:
        """How many ways there are to read a text that `cure` knows: the least says most.

        What can be read in one way says how others of its column are meant.
        """
        match = _GROUPS.fullmatch(text)
        return 1 if match is None else 0 if match[2] else 2
