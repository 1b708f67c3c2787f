"""What the columns of a CSV file hold, and what of that is a guess."""

import dataclasses
import math
import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence

import numpy as np

from mu2.errors import Mu2Error
from mu2.tasks.labels import has_label
from mu2.tasks.sources.numbers import Numbers
from mu2.tasks.sources.sheet import Row, Sheet

# Of a long list, as many are told.
_TOLD = 6
# Of a column with as many categories or more, most rows having one of their own, that is told.
_MANY = 10
# What is written for missing numbers, and how many times farther from 0 than all others it is then.
_SENTINELS = frozenset({"-9", "-99", "-999", "-9999", "-99999", "999", "9999", "99999", "999999"})
_FAR = 3.0
# 2026-11-30, 30.11.26, either with a time behind it, and times alone.
_DATE = re.compile(
    r"(\d{4}([-/.]\d{1,2}){1,2}|\d{1,2}[-/.]\d{1,2}[-/.](\d{2}|\d{4}))([T ]\d.*)?"
    r"|\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?( ?[AaPp][Mm])?"
)
# 12 kg, 1.5m, 30 km/h.
_WITH_UNIT = re.compile(r"[-+]?\d+(?:[.,]\d+)?\s?([^\W\d_][^\d\s]{0,7})")


def check_labels(rows: Sequence[Row], label: str, missing: Collection[str], file: str) -> None:
    """Checks that every row has a label.

    Args:
      rows: of a file, as far as they are not left out.
      label: the column.
      missing: what is written where a value is missing.
      file: its name.

    Raises:
      Mu2Error: labels are missing; all such rows are told together.
    """
    if not rows:
        raise Mu2Error(f"{file}: no row has a label in column {label!r}.")
    lacking = [row for row in rows if not has_label(row[label], missing)]
    if not lacking:
        return
    found = sorted({row[label] for row in lacking} - {""})
    what = f" ({', '.join(map(repr, found))})" if found else ""
    rest = f", in {len(lacking):,} rows" if len(lacking) > 1 else ""
    raise Mu2Error(
        f"the label {label!r} is missing{what}{rest}.",
        location=lacking[0].location,
        hint="CSV.skip_unlabelled = True leaves such rows out."
        + (f" Where {found[0]!r} is a class, take it out of CSV.missing." if found else ""),
    )


def labelled_rows(sheet: Sheet, label: str, missing: Collection[str]) -> Sheet:
    """A file without its rows that have no label.

    Args:
      sheet: the file; as it is where it has no such column.
      label: the column.
      missing: what is written where a value is missing.
    """
    if label not in sheet.columns:
        return sheet
    place = sheet.columns.index(label)
    rows = tuple(row for row in sheet.rows if has_label(row[1][place], missing))
    return dataclasses.replace(sheet, rows=rows)


@dataclasses.dataclass(frozen=True)
class Columns:
    """How values are read.

    Attributes:
      numbers: how numbers are written.
      missing: what is written where a value is missing.
    """

    numbers: Numbers
    missing: tuple[str, ...]

    def is_number(self, rows: Sequence[Row], name: str) -> bool:
        """Whether a column is one of numbers, by its training rows.

        Raises:
          Mu2Error: a few values among numbers are none, or values look like numbers of another
            writing.
        """
        there = [row for row in rows if row[name] not in self.missing]
        there.sort(key=lambda row: row.line)
        words = [row for row in there if self.numbers.read(row[name]) is None]
        cured = [row for row in words if self.numbers.cure(row[name]) is not None]
        cured.sort(key=lambda row: self.numbers.doubt(row[name]))
        cure = self.numbers.cure(cured[0][name]) if cured else None
        otherwise = "name the column in CSV.categorical or CSV.ignore."
        if words and len(words) < len(there):
            first = cured[0] if cured else words[0]
            raise Mu2Error(
                f"{name!r} is {first[name]!r}, and a number in {len(there) - len(words)} of "
                f"the {len(there)} training rows that have a value.",
                location=first.location,
                hint=f"{cure} Or {otherwise}"
                if cure
                else f"Correct it, name it in CSV.missing, or {otherwise}",
            )
        if 2 * len(cured) > len(words):
            raise Mu2Error(
                f"{name!r} is {cured[0][name]!r}, which looks like a number in another writing, "
                f"as in {len(cured):,} of {len(there):,} training rows.",
                location=cured[0].location,
                hint=f"{cure} Or {otherwise}",
            )
        return not words

    def values(self, rows: Sequence[Row], names: Sequence[str]) -> np.ndarray:
        """The values of columns of numbers, float64 [N, len(names)], NaN where one is missing.

        Raises:
          Mu2Error: one is no number, or not finite.
        """
        values = np.full((len(rows), len(names)), math.nan)
        wrong: list[tuple[Row, str, float | None]] = []
        for i, row in enumerate(rows):
            for j, name in enumerate(names):
                if row[name] in self.missing:
                    continue
                number = self.numbers.read(row[name])
                if number is None or not math.isfinite(number):
                    wrong.append((row, name, number))
                else:
                    values[i, j] = number
        if wrong:
            raise self._no_number(sorted(wrong, key=lambda each: each[0].line))
        return values

    def _no_number(self, wrong: Sequence[tuple[Row, str, float | None]]) -> Mu2Error:
        """What to say of values in columns of numbers that are none, or not finite."""
        row, name, number = wrong[0]
        lines = ", ".join(str(each.line) for each, _, _ in wrong[1:_TOLD])
        more = f" So are {len(wrong) - 1:,} more (lines {lines}{' …' * (len(wrong) > _TOLD)})."
        if number is None:
            what = "and a column of numbers in the training rows"
            hint = (
                self.numbers.cure(row[name])
                or "Correct it, name it in CSV.missing, or name the column in CSV.categorical."
            )
        else:
            what, hint = "which is not finite", "Leave it empty where the value is missing."
        return Mu2Error(
            f"{name!r} is {row[name]!r}, {what}.{more * (len(wrong) > 1)}",
            location=row.location,
            hint=hint,
        )

    def number_guesses(self, rows: Sequence[Row], name: str) -> Iterator[str]:
        """What may be wrong with reading a column as numbers.

        Args:
          rows: all rows of a file, in its order.
          name: a column of numbers.
        """
        values = [row[name] for row in rows if row[name] not in self.missing]
        if coded := [v for v in values if v[:1] == "0" and len(v) > 1 and v.isdecimal()]:
            yield (
                f"{name!r} is read as numbers, and {coded[0]!r} looks like a code: "
                f"CSV.categorical = ({name!r},) makes categories of it."
            )
        yield from self._sentinel_guesses(name, values)
        if len(values) < _MANY or len(values) < len(rows):
            return
        whole = np.array([self.numbers.read(value) for value in values], np.float64)
        if not (whole == np.rint(whole)).all():
            return
        if (np.diff(whole) == 1).all():
            yield (
                f"{name!r} counts the rows, and is learnt from: CSV.ignore = ({name!r},) leaves it "
                "out."
            )
        elif len(np.unique(whole)) == len(whole):
            yield (
                f"{name!r} is another whole number in every row, and is learnt from: "
                f"CSV.ignore = ({name!r},) leaves it out where it only names the row."
            )

    def _sentinel_guesses(self, name: str, values: Sequence[str]) -> Iterator[str]:
        """Numbers that are often written in the place of a value, and are far from all others."""
        counts = Counter(values)
        for value in _SENTINELS & counts.keys():
            others = [abs(self.numbers.read(each) or 0.0) for each in counts if each != value]
            far = max(others, default=math.inf) * _FAR < abs(float(value))
            if counts[value] > 1 and far:
                yield (
                    f"{name!r} is {value} in {counts[value]:,} rows and nowhere near it in others: "
                    f"where that stands for a missing value, add {value!r} to CSV.missing."
                )

    def category_guesses(self, rows: Sequence[Row], name: str) -> Iterator[str]:
        """What may be wrong with reading a column as categories; see `number_guesses`."""
        values = [row[name] for row in rows if row[name] not in self.missing]
        kinds = set(values)
        if (guess := _order_guess(name, kinds)) is not None:
            yield guess
        elif len(kinds) >= _MANY and 2 * len(kinds) > len(values):
            yield (
                f"{name!r} has {len(kinds):,} categories in {len(values):,} rows: "
                f"CSV.ignore = ({name!r},) leaves it out where it only names the row."
            )


def _order_guess(name: str, kinds: Collection[str]) -> str | None:
    """What a column loses whose values have an order that its categories have not."""
    made = f"and {len(kinds):,} categories without an order are made of them"
    leave = f"CSV.ignore = ({name!r},) leaves it out"
    dates = [kind for kind in kinds if _DATE.fullmatch(kind)]
    if 2 * len(dates) > len(kinds):
        return (
            f"{name!r} holds dates or times, as {min(dates)!r}, {made}: {leave}; numbers in their "
            "place, such as days since one of them, keep the order."
        )
    units = Counter(match[1] for kind in kinds if (match := _WITH_UNIT.fullmatch(kind)))
    unit, count = max(units.items(), key=lambda item: item[1], default=("", 0))
    if count >= _MANY and 2 * count > len(kinds):
        return (
            f"{name!r} holds numbers of {unit!r}, {made}: without {unit!r} they are read as "
            f"numbers; {leave}."
        )
    return None


def text_guesses(rows: Sequence[Row], name: str, missing: Collection[str]) -> Iterator[str]:
    """What may be wrong with reading a column as texts; see `Columns.number_guesses`."""
    found = [row[name] for row in rows if row[name] in missing]
    if found:
        words = ", ".join(map(repr, sorted(set(found))[:_MANY]))
        yield f"{len(found):,} texts of {name!r} are learnt from as they stand: {words}."


def sheet_guesses(sheet: Sheet) -> Iterator[str]:
    """What may be wrong with how the values of a file are parted, and what is not read."""
    file, lines = sheet.file, sheet.broken
    for name, kind in sheet.left_out:
        yield f"the column {name!r} of {file} holds {kind}, and is not learnt from."
    if lines:
        told = ", ".join(map(str, lines[:_MANY])) + " …" * (len(lines) > _MANY)
        yield (
            f"{len(lines):,} quoted values of {file} go on over line ends (they begin in lines "
            f"{told}): where quotes are letters like others, CSV.quote = '' reads them so."
        )
    if sheet.guessed and sheet.quote:
        yield (
            f"double quotes around values of {file} are taken away: where they are letters, "
            "CSV.quote = '' leaves them."
        )
    elif sheet.guessed:
        yield (
            f"double quotes in {file} are letters like others: where they stand around values, "
            "CSV.quote = '\"' takes them away."
        )
    elif blank := next((v for _, row in sheet.rows for v in row if _is_quoted(v)), None):
        yield (
            f"{file} has values such as {blank}, with their quotes: blanks stand between a "
            "delimiter and a quote, or quotes stand in quotes."
        )


def _is_quoted(value: str) -> bool:
    return len(value) > 2 and value[0] == value[-1] == '"'
