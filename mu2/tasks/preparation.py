"""How a task's examples are made of what files hold, kept so that new ones are made alike."""

import dataclasses
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np

from mu2.errors import Mu2Error, did_you_mean
from mu2.tasks.sources.numbers import Numbers
from mu2.tasks.table import Encoding, Scaling

# Of a long list, as many are told.
_TOLD = 5


@dataclasses.dataclass(frozen=True, eq=False)
class Preparation:
    """What a task's source knows of the columns of its files.

    Attributes:
      label: the column with the classes; None where a file holds none.
      text: the column with the texts; None for tables, and for texts that stand alone.
      encoding: how the columns of a table become numbers; None for texts.
      named: whether the columns of the table have names; else their order counts.
      missing: what is written where a value is missing.
      decimal: what stands before the decimals of a number.
      thousands: what stands between groups of three digits; None where nothing does.
      delimiter: what stands between values; None: a comma, or a tab in files named `.tsv`.
      quote: what stands around values; None: a double quote, as `CSV.quote` has it.
    """

    label: str | None = None
    text: str | None = None
    encoding: Encoding | None = None
    named: bool = True
    missing: tuple[str, ...] = ("",)
    decimal: str = "."
    thousands: str | None = None
    delimiter: str | None = None
    quote: str | None = None

    @property
    def signs(self) -> tuple[str | None, str | None]:
        """The delimiter and the quote of its CSV files."""
        return self.delimiter, self.quote

    def to_json(self) -> dict[str, Any]:
        """A JSON document; floats in it are float64, exact."""
        document = dataclasses.asdict(dataclasses.replace(self, encoding=None))
        encoding = None
        if self.encoding is not None:
            scaling = self.encoding.scaling
            encoding = {
                "columns": list(self.encoding.columns),
                "mean": scaling.mean.tolist(),
                # Columns without deviation have an infinite one, for which JSON has no word.
                "deviation": [d if np.isfinite(d) else None for d in scaling.deviation.tolist()],
                "gaps": scaling.gaps.tolist(),
                "categories": {n: list(c) for n, c in self.encoding.categories.items()},
            }
        return {**document, "missing": list(self.missing), "encoding": encoding}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "Preparation":
        """The preparation of a document that `to_json` made.

        Raises:
          ValueError: its parts do not go together.
          AttributeError, KeyError, TypeError: a part is missing or of another kind, or there is
            one more.
        """
        made = {**document, "missing": tuple(document["missing"])}
        if (encoding := document["encoding"]) is not None:
            deviation = [np.inf if d is None else d for d in encoding["deviation"]]
            made["encoding"] = Encoding(
                tuple(encoding["columns"]),
                Scaling(
                    np.array(encoding["mean"], np.float64),
                    np.array(deviation, np.float64),
                    np.array(encoding["gaps"], np.int64),
                ),
                {name: tuple(each) for name, each in encoding["categories"].items()},
            )
            made["encoding"].check()
        return cls(**made)

    def rows(self, columns: Mapping[str, Sequence[Any]], owner: str) -> np.ndarray:
        """Rows of a table as the task's network reads them.

        Args:
          columns: name to values, one a row, as they stand in a file (str) or as numbers; None and
            NaN are missing values. Columns that the task does not learn from are passed over.
          owner: whose they are, for messages.

        Returns:
          float32 [N, F].

        Raises:
          Mu2Error: columns are missing, or hold something else than in training; all are told.
        """
        if self.encoding is None:
            raise ValueError("a task of texts reads no rows")
        encoding = self.encoding
        chosen = self._chosen(columns, encoding, owner)
        faults: list[Mu2Error] = []
        n = len(next(iter(chosen.values()))) if chosen else 0
        numbers = np.full((n, len(encoding.numbers)), np.nan)
        for place, name in enumerate(encoding.numbers):
            faults += self._numbers(name, chosen[name], numbers[:, place], owner)
        categories: dict[str, list[str]] = {}
        for name, known in encoding.categories.items():
            categories[name] = [self._category(value, known) for value in chosen[name]]
            there = [value for value in categories[name] if value not in self.missing]
            if there and not {*there} & {*known}:
                faults.append(
                    Mu2Error(
                        f"{owner}: {name!r} is {there[0]!r}, and none of its values is one of the "
                        f"{len(known)} categories that the task was trained with.",
                        hint=did_you_mean(there[0], known),
                    )
                )
        if faults:
            raise join_faults(faults)
        return encoding.apply(numbers, categories)

    def missing_columns(self, columns: Collection[str]) -> tuple[str, ...] | None:
        """The columns of a table that the task was trained with and that are not among some.

        None where nothing tells which are meant: the task's columns have no names, or it reads
        texts.
        """
        if self.encoding is None or not self.named:
            return None
        return tuple(name for name in self.encoding.columns if name not in columns)

    def _chosen(
        self, columns: Mapping[str, Sequence[Any]], encoding: Encoding, owner: str
    ) -> dict[str, Sequence[Any]]:
        """The columns that the task learns from, in its order."""
        if not self.named:
            others = [values for name, values in columns.items() if name != self.label]
            if len(others) != len(encoding.columns):
                raise Mu2Error(
                    f"{owner} has {len(others)} columns besides the label, and the task reads "
                    f"{len(encoding.columns)}, which have no names: their order counts.",
                    hint=f"Give the {len(encoding.columns)} columns that it was trained with.",
                )
            return dict(zip(encoding.columns, others, strict=True))
        if lacking := self.missing_columns(columns):
            left = [name for name in columns if name not in encoding.columns]
            told = ", ".join(map(repr, lacking[:_TOLD])) + " …" * (len(lacking) > _TOLD)
            raise Mu2Error(
                f"{owner} lacks {told}: {len(lacking)} of the {len(encoding.columns)} columns "
                "that the task was trained with.",
                hint=did_you_mean(lacking[0], left) if left else None,
            )
        return {name: columns[name] for name in encoding.columns}

    def _numbers(
        self, name: str, values: Sequence[Any], target: np.ndarray, owner: str
    ) -> Iterator[Mu2Error]:
        """Fills `target`, float64 [N], with a column's values; what is wrong of them, as one."""
        written = Numbers(self.decimal, self.thousands)
        wrong: list[tuple[int, str]] = []
        for row, value in enumerate(values):
            if self.is_missing(value):
                continue
            number = written.read(value.strip()) if isinstance(value, str) else _float(value)
            if number is None or not np.isfinite(number):
                wrong.append((row, str(value)))
            else:
                target[row] = number
        if wrong:
            row, value = wrong[0]
            more = f" and in {len(wrong) - 1:,} more rows is none either" if len(wrong) > 1 else ""
            yield Mu2Error(
                f"{owner}: {name!r} is {value!r} in row {row + 1}{more}, and the task was trained "
                "with finite numbers there.",
                hint=written.cure(value) or "Correct it, or leave it empty where it is missing.",
            )

    def is_missing(self, value: Any) -> bool:
        """Whether a value of a file or of a data frame stands for none."""
        if isinstance(value, str):
            return value.strip() in self.missing
        # NaN, and the NaT and NA of data frames, equal nothing, themselves included.
        return value is None or not _equals_itself(value)

    def _category(self, value: Any, known: Sequence[str]) -> str:
        """A value as the training file wrote it: data frames hold 1 or 1.0 for '1'."""
        if isinstance(value, str):
            return value.strip()
        if self.is_missing(value):
            return self.missing[0] if self.missing else ""
        forms = [str(value), str(value).lower()]
        if isinstance(value, int | float | np.number) and float(value).is_integer():
            forms.append(str(int(value)))
        return next((form for form in forms if form in known), forms[0])


@runtime_checkable
class HasPreparation(Protocol):
    """A source that can say how its examples were made, so that others are made alike."""

    def preparation(self) -> Preparation | None:
        """How they were made; None where there is nothing to say, as of images."""
        ...


@runtime_checkable
class RawRows(Protocol):
    """A source of a table that can give its rows as they stand, neither filled nor scaled."""

    def raw_rows(self, split: str) -> tuple[Mapping[str, Sequence[Any]], np.ndarray]:
        """Columns by name, and the labels, int32 [N], of a split expression."""
        ...


def _float(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _equals_itself(value: Any) -> bool:
    try:
        return bool(value == value)
    except TypeError:  # pandas.NA has no truth
        return False


def join_faults(faults: Sequence[Mu2Error]) -> Mu2Error:
    """Several faults as one; of many the first are told."""
    if len(faults) == 1:
        return faults[0]
    said = " ".join(each.message for each in faults[:_TOLD])
    if len(faults) > _TOLD:
        said += f" And {len(faults) - _TOLD:,} more."
    return Mu2Error(said, hint=faults[0].hint)
