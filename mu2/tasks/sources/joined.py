"""Two sources of the same classes as one, so that one may validate what the other trains."""

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

from mu2.errors import Mu2Error
from mu2.tasks import split as splits
from mu2.tasks.description import Description, HasDescription
from mu2.tasks.labels import describe_difference
from mu2.tasks.reader import Reader, reader_of
from mu2.tasks.source import Source
from mu2.tasks.sources.split_source import SplitSource
from mu2.tasks.view import View

_PREFIX = "other."


@dataclasses.dataclass(frozen=True)
class Joined(SplitSource):
    """A source with the splits of another one besides its own.

    The papers validate ImageNet on ImageNet-v2 and CIFAR-10 on CIFAR-10.1 (mu2Net.ipynb):
    with `Task.validation = 'other.test'`, the split 'test' of the other source.

    Attributes:
      source: its splits keep their names, and its classes are the classes.
      other: images or texts of the same classes in the same order; its splits are called
        'other.NAME'.

    Raises:
      Mu2Error: one of them is no source, or has another kind of examples, or is a table, whose
        columns would be scaled twice.
    """

    source: Source
    other: Source

    def __post_init__(self) -> None:
        for name in ("source", "other"):
            made = getattr(self, name)
            if isinstance(made, type) or not hasattr(made, "read"):
                raise Mu2Error(
                    f"Joined.{name} must be a source, not {made!r}.",
                    hint="In Gin, an object is written with parentheses: @TFDS().",
                )
        kinds = (self.source.input, self.other.input)
        if kinds[0] != kinds[1] or "table" in kinds:
            raise Mu2Error(
                f"Joined.source has {kinds[0]} examples and Joined.other {kinds[1]} examples; "
                "images go with images and texts with texts."
            )

    @property
    def input(self) -> str:
        """As both sources have it."""
        return self.source.input

    def num_classes(self) -> int:
        """Number of classes.

        Raises:
          Mu2Error: as the sources; or they differ in their classes.
        """
        return len(self.class_names())

    def class_names(self) -> tuple[str, ...]:
        """The first source's names of the classes.

        Raises:
          Mu2Error: as the sources; or the other one has another number of classes, or other names
            for them (numbers are no names).
        """
        own, other = self.source.class_names(), self.other.class_names()
        if len(own) != len(other):
            numbers = all(name.isdecimal() for name in own + other)
            which = "" if numbers else f": {describe_difference(own, other)}"
            raise Mu2Error(
                f"{self._owner}: {len(own)} classes and {len(other)} do not go together{which}."
            )
        named = not all(name.isdecimal() for name in own + other)
        if named and not all(name.isdecimal() for name in other) and own != other:
            differ = next(i for i in range(len(own)) if own[i] != other[i])
            raise Mu2Error(
                f"{self._owner}: class {differ} is {own[differ]!r} in the one and "
                f"{other[differ]!r} in the other."
            )
        return own

    def splits(self) -> tuple[str, ...]:
        """The names of the first source's splits, then those of the other with 'other.' before.

        Raises:
          Mu2Error: as the sources.
        """
        return tuple(self._sizes())

    def reader(self, split: str) -> Reader:
        """The selected examples at any index.

        Raises:
          Mu2Error: as the sources; the expression is wrong or selects nothing; grey images and
            coloured ones are selected together.
        """
        spans = self._spans(split)
        readers = {}
        for span in spans:
            name = span.split.removeprefix(_PREFIX)
            source = self.source if name == span.split else self.other
            readers[span.split] = reader_of(source, name)
        return _Several(spans, readers)

    def find_missing(self) -> tuple[Mu2Error, ...]:
        """See `HasDescription.find_missing`; all that either source lacks."""
        both = (self.source, self.other)
        return tuple(e for s in both if isinstance(s, HasDescription) for e in s.find_missing())

    def describe(self) -> Description:
        """See `HasDescription.describe`.

        Raises:
          Mu2Error: as the sources; or they differ in their number of classes.
        """
        own, other = (_description(source) for source in (self.source, self.other))
        if own.num_classes() != other.num_classes():
            raise Mu2Error(
                f"{self._owner}: {own.num_classes()} classes and {other.num_classes()} do not go "
                "together."
            )
        sizes = _joined(own, other)
        return Description(
            self._owner, self.input, own.num_classes(), sizes, self.find_missing()[0]
        )

    @property
    def _owner(self) -> str:
        return f"Joined({self.source!r}, {self.other!r})"

    def _sizes(self) -> dict[str, int]:
        return _joined(self.source, self.other)


def _joined(source: Source, other: Source) -> dict[str, int]:
    """Number of examples of each split of both, by name, in order."""
    own = {name: source.size(name) for name in source.splits()}
    return own | {f"{_PREFIX}{name}": other.size(name) for name in other.splits()}


def _description(source: Source) -> Source:
    """What is known of a source that lacks its data; else the source."""
    if isinstance(source, HasDescription) and source.find_missing():
        return source.describe()
    return source


class _Several(Reader):
    """Spans of several readers one after the other."""

    def __init__(self, spans: tuple[splits.Span, ...], readers: dict[str, Reader]):
        self._spans = spans
        self._readers = readers

    def __len__(self) -> int:
        return sum(map(len, self._spans))

    def fetch(self, indices: Sequence[int]) -> tuple[list[np.ndarray], np.ndarray]:
        """See `Reader.fetch`."""
        return self._collected(indices, lambda reader, own, _: reader.fetch(own))

    def view(self, indices: Sequence[int], view: View) -> tuple[Iterator[np.ndarray], np.ndarray]:
        """See `Reader.view`."""
        parts, labels = self._collected(
            indices, lambda reader, own, places: reader.view(own, view.some(places))
        )
        return iter(parts), labels

    def _collected(
        self,
        indices: Sequence[int],
        read: Callable[[Reader, list[int], list[int]], tuple[Iterable[np.ndarray], np.ndarray]],
    ) -> tuple[list[np.ndarray], np.ndarray]:
        """What each reader gives of its own examples, given their places among all."""
        places = splits.locate(self._spans, indices)
        inputs: list[np.ndarray | None] = [None] * len(places)
        labels = np.empty(len(places), np.int32)
        for name, reader in self._readers.items():
            mine = [i for i, (split, _) in enumerate(places) if split == name]
            if not mine:
                continue
            found, labels[mine] = read(reader, [places[i][1] for i in mine], mine)
            for i, each in zip(mine, found, strict=True):
                inputs[i] = each
        return [each for each in inputs if each is not None], labels
