"""CSV and Parquet files: tables of numbers and categories, and labelled texts."""

import dataclasses
import functools
import re
from collections.abc import Iterator, Sequence

import numpy as np

from mu2.errors import Mu2Error, did_you_mean
from mu2.tasks.labels import MISSING
from mu2.tasks.order import shuffle
from mu2.tasks.preparation import Preparation
from mu2.tasks.reader import Arrays, Reader
from mu2.tasks.sources.checks import check_bool, check_text, check_texts
from mu2.tasks.sources.columns import (
    Columns,
    check_labels,
    labelled_rows,
    sheet_guesses,
    text_guesses,
)
from mu2.tasks.sources.numbers import Numbers
from mu2.tasks.sources.sheet import Row, Sheet, parting_hint, sheets_of
from mu2.tasks.sources.split_source import SplitSource
from mu2.tasks.table import Encoding, Scaling
from mu2.tasks.text import to_bytes

# More are names rather than kinds of something.
_MOST_CATEGORIES = 1000

# The names of columns are looked for in as many rows, where the first line has them not.
_LOOKED_AT = 20

# Of a long list, as many are told.
_TOLD = 5

# What pandas calls a column without a name when it reads one, or an index without a name when it
# writes Parquet; and what R calls one.
_UNNAMED = re.compile(r"(Unnamed: \d+(\.\d+)*|__index_level_\d+__|\.\.\.\d+)?")


@dataclasses.dataclass(frozen=True)
class CSV(SplitSource):
    """A table, or labelled texts, in one CSV or Parquet file or in one file a split.

    A folder's files are its splits: `train.csv`, `validation.csv`, `test.csv`, or `train.parquet`
    and so on; one file alone is the split 'train'. The first line of a CSV file names the columns.
    The labels of 'train' are the classes, numbers in their order and other labels by name; a label
    that only another split has is refused.

    With `text`, that column's texts are the examples. Without it the examples are rows of numbers
    for a table network, made of the other columns so:

    - A column is one of numbers where all its values in the training rows are, else of categories.
      Numbers that are written in another way than `decimal` and `thousands` say are refused.
    - A number becomes its distance from the mean in standard deviations; one that is missing
      becomes the mean, and a column that has such gaps in the training rows gets a second one
      behind, 1 where the value is missing.
    - A category becomes as many columns as the training rows have categories, 1 in its own; one
      that is missing, or that the training rows do not have, is 0 in all of them.

    Means, deviations and categories are those of the training rows alone: of the examples that the
    task trains on, so that nothing of validation or test is known in training.

    A column without a name, as the row numbers of pandas and R, is left out unless `columns` names
    it; `guesses` tells, and of columns of a Parquet file that hold lists or bytes, which are left
    out. pyarrow reads the files, which are held in memory.

    Attributes:
      path: a CSV file (`.parquet` and `.pq`: Parquet), or a folder of them.
      label: the column with the classes.
      text: the column with the texts; None for a table.
      columns: those to learn from; by default all that have a name but the label.
      ignore: those to leave out of the default, such as numbers of rows or of customers.
      categorical: columns of categories although they look like numbers.
      missing: what is written where a value is missing, and no class.
      delimiter: what stands between values; by default a comma, a tab in files named `.tsv`. A
        first line such as `sep=;`, which Excel reads, is none of the table and says it in any case.
      quote: what stands around values that hold the delimiter, a quote or a line's end, '' for
        nothing; by default a double quote, between tabs only if each that is opened is closed in
        its line.
      decimal: what stands before the decimals of a number.
      thousands: what stands between groups of three digits of a number; by default nothing.
      shuffle: whether the rows of a split come in a fixed random order, so that a slice is a fair
        sample of it, or in the order of the file.
      fit: the training rows, as a split expression; by default those that the task trains on.
      skip_unlabelled: whether rows without a label are left out, before anything is counted; else
        they are refused.

    Raises:
      Mu2Error: an attribute is of another type.
    """

    path: str
    label: str
    text: str | None = None
    columns: tuple[str, ...] | None = None
    ignore: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()
    missing: tuple[str, ...] = MISSING
    delimiter: str | None = None
    quote: str | None = None
    decimal: str = "."
    thousands: str | None = None
    shuffle: bool = True
    fit: str | None = None
    skip_unlabelled: bool = False

    def __post_init__(self) -> None:
        optional = ("text", "delimiter", "thousands", "fit")
        check_text(self, "path", "label", "decimal", optional=optional)
        check_texts(self, "ignore", "categorical", "missing", optional=("columns",))
        check_bool(self, "shuffle", "skip_unlabelled")
        self._check_signs()
        if self.columns is not None:
            for names, other in (((self.label,), "label"), (self.ignore, "ignore")):
                if both := set(names) & set(self.columns):
                    raise Mu2Error(f"CSV.columns and CSV.{other} both name {min(both)!r}.")
        if self.text is not None and (self.columns or self.categorical):
            raise Mu2Error("CSV.text makes the texts of one column the examples, and no others.")

    def _check_signs(self) -> None:
        """Raises Mu2Error unless what stands in and between values can be told apart."""
        if self.quote is not None and not isinstance(self.quote, str):
            raise Mu2Error(f"CSV.quote must be text, not {self.quote!r}.")
        for name in ("delimiter", "quote"):
            sign = getattr(self, name)
            other = self.quote if name == "delimiter" else None
            if sign and (len(sign) != 1 or not sign.isascii() or sign in ("\r", "\n", other)):
                raise Mu2Error(f"CSV.{name} must be one character of ASCII, not {sign!r}.")
        Numbers(self.decimal, self.thousands)

    @property
    def input(self) -> str:
        """`text` where the attribute is set, else `table`."""
        return "table" if self.text is None else "text"

    def fit_to(self, train: str) -> "CSV":
        """The same, its training rows those of a split expression unless `fit` names others."""
        return self if self.fit is not None else dataclasses.replace(self, fit=train)

    def num_classes(self) -> int:
        """Number of classes.

        Raises:
          Mu2Error: as `reader`.
        """
        return len(self._classes)

    def class_names(self) -> tuple[str, ...]:
        """The labels of 'train'.

        Raises:
          Mu2Error: as `reader`.
        """
        return self._classes

    def num_features(self) -> int:
        """Numbers that a row of the table becomes.

        Raises:
          Mu2Error: as `reader`.
        """
        return self._encoding.num_features()

    def splits(self) -> tuple[str, ...]:
        """'train', 'validation' and 'test', as far as there are such files, then the others.

        Raises:
          Mu2Error: as `reader`.
        """
        return tuple(self._tables)

    def reader(self, split: str) -> Reader:
        """The selected examples, in memory.

        Raises:
          Mu2Error: a file is not there or is no CSV file; a column is missing; a row has other
            than as many values as the first line has names; a label is missing or is no class; a
            value of a column of numbers is none; the split expression is wrong or selects nothing.
        """
        rows = self._selected(split)
        labels = self._known_labels(rows)
        if self.text is not None:
            return Arrays([to_bytes(row[self.text]) for row in rows], labels)
        encoding = self._encoding
        numbers = self._read.values(rows, encoding.numbers)
        categories = {name: [row[name] for row in rows] for name in encoding.categories}
        return Arrays(encoding.apply(numbers, categories), labels)

    def preparation(self) -> Preparation:
        """How its columns become examples, learnt from the training rows.

        Raises:
          Mu2Error: as `reader`.
        """
        return Preparation(
            label=self.label,
            text=self.text,
            encoding=self._encoding if self.text is None else None,
            missing=self.missing,
            decimal=self.decimal,
            thousands=self.thousands,
            delimiter=self._tables[self._training].declared or self.delimiter,
            quote=self.quote,
        )

    def raw_rows(self, split: str) -> tuple[dict[str, list[str]], np.ndarray]:
        """The columns of the selected rows as they stand, by name, and their labels, int32 [N].

        Raises:
          Mu2Error: as `reader`.
        """
        rows = self._selected(split)
        columns = {name: [row[name] for row in rows] for name in self._names}
        return columns, self._known_labels(rows)

    def guesses(self) -> tuple[str, ...]:
        """What was assumed of the files and may be wrong, each in a sentence with its option.

        Raises:
          Mu2Error: as `reader`.
        """
        return tuple(self._guesses())

    def _guesses(self) -> Iterator[str]:
        for sheet in self._tables.values():
            yield from sheet_guesses(sheet)
        rows = self._rows(self._training)
        if self.text is not None:
            yield from text_guesses(rows, self.text, self.missing)
            return
        left = [name for name in self._tables[self._training].columns if _UNNAMED.fullmatch(name)]
        if self.columns is None and (left := [n for n in left if n not in self.ignore]):
            yield (
                f"the column without a name ({left[0]!r}) is not learnt from; CSV.columns can "
                "name it."
            )
        for name in self._encoding.numbers:
            yield from self._read.number_guesses(rows, name)
        for name in self._encoding.categories:
            if name not in self.categorical:
                yield from self._read.category_guesses(rows, name)

    @property
    def _owner(self) -> str:
        return f"CSV({self.path!r})"

    @property
    def _training(self) -> str:
        """The split that the classes are taken from."""
        return "train" if "train" in self._tables else next(iter(self._tables))

    @functools.cached_property
    def _classes(self) -> tuple[str, ...]:
        names = {row[self.label] for row in self._rows(self._training)}
        try:
            return tuple(sorted(names, key=int))
        except ValueError:
            return tuple(sorted(names))

    def _known_labels(self, rows: Sequence[Row]) -> np.ndarray:
        """The numbers of the labels of rows, int32 [N]; all labels that are no class are told."""
        known = {name: label for label, name in enumerate(self._classes)}
        strange = {row[self.label]: row for row in reversed(rows) if row[self.label] not in known}
        if strange:
            names = sorted(strange)
            raise Mu2Error(
                f"the label {', '.join(map(repr, names[:_TOLD]))}{' …' * (len(names) > _TOLD)} is "
                f"none of the {len(known)} classes of {self._training!r}.",
                location=strange[names[0]].location,
                hint=did_you_mean(names[0], known),
            )
        return np.array([known[row[self.label]] for row in rows], np.int32)

    @functools.cached_property
    def _encoding(self) -> Encoding:
        rows = self._selected(self.fit or self._training)
        categories = {
            name: self._categories(rows, name)
            for name in self._names
            if name in self.categorical or not self._read.is_number(rows, name)
        }
        numbers = tuple(name for name in self._names if name not in categories)
        return Encoding(self._names, Scaling.of(self._read.values(rows, numbers)), categories)

    @property
    def _read(self) -> Columns:
        return Columns(Numbers(self.decimal, self.thousands), self.missing)

    def _categories(self, rows: Sequence[Row], name: str) -> tuple[str, ...]:
        found = sorted({row[name] for row in rows} - set(self.missing))
        if len(found) > _MOST_CATEGORIES:
            raise Mu2Error(
                f"{self._owner}: {name!r} has {len(found)} categories in the training rows; "
                f"{_MOST_CATEGORIES} are the most.",
                hint=f"Leave it out: CSV.ignore = ({name!r},).",
            )
        return tuple(found)

    @functools.cached_property
    def _names(self) -> tuple[str, ...]:
        """The columns to learn from."""
        header = self._tables[self._training].columns
        named = {
            "columns": self.columns or (),
            "ignore": self.ignore,
            "categorical": self.categorical,
        }
        for attribute, names in named.items():
            for name in names:
                if name not in header:
                    raise self._no_column(name, attribute, self._tables[self._training])
        chosen = self.columns
        if chosen is None:
            chosen = tuple(
                name
                for name in header
                if name not in (self.label, *self.ignore) and not _UNNAMED.fullmatch(name)
            )
        if not chosen:
            raise Mu2Error(f"{self._owner} has no column but its label to learn from.")
        if foreign := set(self.categorical) - set(chosen):
            raise Mu2Error(f"CSV.categorical names {min(foreign)!r}, which is not learnt from.")
        return chosen

    def _selected(self, split: str) -> list[Row]:
        """The rows of a split expression, in order."""
        spans = self._spans(split)
        rows = {span.split: self._rows(span.split) for span in spans}
        found: list[Row] = []
        for span in spans:
            n = len(rows[span.split])
            order = shuffle(n, "CSV", span.split) if self.shuffle else np.arange(n)
            found += [rows[span.split][i] for i in order[span.start : span.stop]]
        return found

    def _rows(self, split: str) -> list[Row]:
        """All rows of a split in the order of the file, the columns that are needed checked."""
        table = self._tables[split]
        needed: dict[str, tuple[str, ...]] = {"label": (self.label,)}
        needed |= {"columns": self._names} if self.text is None else {"text": (self.text,)}
        index = {name: i for i, name in enumerate(table.columns)}
        for attribute, names in needed.items():
            for name in names:
                if name not in index:
                    raise self._no_column(name, attribute, table)
        rows = [Row(table.file, *line, index) for line in table.rows]
        check_labels(rows, self.label, self.missing, table.file)
        return rows

    def _no_column(self, name: str, attribute: str, table: Sheet) -> Mu2Error:
        hint = did_you_mean(name, table.columns)
        if all(self._read.numbers.read(each) is not None for each in table.columns):
            hint = "Its first line holds numbers, and should name the columns."
        if len(table.columns) == 1:
            hint = parting_hint(table.columns, self.delimiter) or (
                f"It has one column, {table.columns[0]!r}; CSV.delimiter says what parts columns."
            )
        if line := next((n for n, values in table.rows[:_LOOKED_AT] if name in values), None):
            hint = (
                f"Line {line} names it: the first line should. tail -n +{line} takes off the rest."
            )
        kind = dict(table.left_out).get(name)
        if kind is not None:
            hint = "CSV reads columns of single numbers and texts. pyarrow.Table.cast makes some."
        elif table.is_parquet:
            hint = did_you_mean(name, table.columns)
        what = f"has no column {name!r}" if kind is None else f"has {kind} in column {name!r}"
        return Mu2Error(f"{table.file} {what}, which CSV.{attribute} names.", hint=hint)

    def _sizes(self) -> dict[str, int]:
        return {split: len(table.rows) for split, table in self._tables.items()}

    def unlabelled(self) -> dict[str, int]:
        """See `SkipsUnlabelled.unlabelled`."""
        counts = {s: len(f.rows) - len(self._tables[s].rows) for s, f in self._files.items()}
        return {split: count for split, count in counts.items() if count}

    @functools.cached_property
    def _tables(self) -> dict[str, Sheet]:
        """The files, without the rows that are left out."""
        if not self.skip_unlabelled:
            return self._files
        return {
            split: labelled_rows(file, self.label, self.missing)
            for split, file in self._files.items()
        }

    @functools.cached_property
    def _files(self) -> dict[str, Sheet]:
        return sheets_of(self.path, self._owner, self.delimiter, self.quote)
