"""A task: a name, a source of examples, and which of them train, validate and test."""

import dataclasses
import re
from typing import ClassVar, Literal, Protocol, get_args, runtime_checkable

import numpy as np

from mu2.errors import Mu2Error
from mu2.tasks import split
from mu2.tasks.examples import Examples
from mu2.tasks.image import to_channels

Part = Literal["train", "validation", "test"]

_SEGMENT = re.compile(r"[\w+:-][\w.+:-]*")


@runtime_checkable
class Source(Protocol):
    """Where examples come from.

    A split expression names splits and slices of them as TFDS does: 'train', 'train[20%:]',
    'train[:5%]+train[10%:]', 'all' (see `mu2.tasks.split.parse`). Reading the same expression
    twice gives the same examples in the same order. Nothing is read before it is asked for.
    Every method raises Mu2Error where the data, or the library that reads them, are missing.
    """

    input: ClassVar[str]  # the kind of its examples: `image`, `table` or `text`

    def num_classes(self) -> int:
        """Number of classes, the same in every split."""
        ...

    def class_names(self) -> tuple[str, ...]:
        """One name a class, in label order."""
        ...

    def splits(self) -> tuple[str, ...]:
        """Names of the splits, in order."""
        ...

    def size(self, split: str) -> int:
        """Number of examples that a split expression selects, found without decoding any."""
        ...

    def read(self, split: str, size: int) -> Examples:
        """The examples that a split expression selects, decoded.

        Args:
          split: a split expression.
          size: side S in pixels that every image is resized to; bytes T that every text is cut or
            filled up to; columns F of a table, which must be those it has.

        Returns:
          Examples with inputs uint8 [N, S, S, C] (C 1 or 3), uint8 [N, T] or float32 [N, F], and
          labels int32 [N].
        """
        ...


@dataclasses.dataclass(frozen=True)
class Task:
    """One classification task.

    Attributes:
      name: words of letters, digits and _ . + : - joined by '/'. 'root' and names below it belong
        to the paths that evolution begins with.
      source: where its examples come from.
      train: split expression of the examples trained on.
      validation: split expression of the examples that quality is measured on.
      test: split expression of the examples looked at once, after selection.
      private: its components are no material for other tasks (arXiv 2205.12755, private tasks).

    Raises:
      Mu2Error: the name will not do, or an attribute has another type.
    """

    name: str
    source: Source
    train: str = "train"
    validation: str = "validation"
    test: str = "test"
    private: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.name, str):
            raise Mu2Error(f"a task's name must be text, not {self.name!r}.")
        if not all(_SEGMENT.fullmatch(segment) for segment in self.name.split("/")):
            raise Mu2Error(
                f"a task cannot be named {self.name!r}.",
                hint="A name is made of letters, digits and _ . + : -, with '/' between words, "
                "as in 'digits' or 'cmaterdb/bangla'.",
            )
        if self.name.split("/")[0] == "root":
            raise Mu2Error(
                f"a task cannot be named {self.name!r}: 'root' and names below it belong to the "
                "paths that evolution begins with."
            )
        if isinstance(self.source, type):
            kind = self.source.__name__
            raise Mu2Error(
                f"the source of task {self.name!r} is the class {kind} and not an object of it.",
                hint=f"In Gin, an object is written with parentheses: @{kind}().",
            )
        if not isinstance(self.source, Source):
            raise Mu2Error(
                f"the source of task {self.name!r} must be a source, not {self.source!r}.",
                hint="A source is written as @Digits(), @Glyphs() or @TFDS().",
            )
        for part in get_args(Part):
            expression = getattr(self, part)
            if not isinstance(expression, str) or not expression.strip():
                raise Mu2Error(
                    f"task {self.name!r}: {part} must be a split such as 'train[:90%]', "
                    f"not {expression!r}."
                )
        if not isinstance(self.private, bool):
            raise Mu2Error(
                f"task {self.name!r}: private must be True or False, not {self.private!r}."
            )

    def check(self) -> dict[Part, int]:
        """Number of examples of each part; nothing is decoded.

        Raises:
          Mu2Error: data are missing, a part does not exist or has no examples, there are fewer
            than two classes, or examples trained on are validated or tested on.
        """
        if self.source.num_classes() < 2:
            raise Mu2Error(
                f"task {self.name!r} has {self.source.num_classes()} class; two are needed."
            )
        sizes = {name: self.source.size(name) for name in self.source.splits()}
        owner = f"task {self.name!r}"
        spans = {part: split.parse(getattr(self, part), sizes, owner) for part in get_args(Part)}
        for part in ("validation", "test"):
            common = split.shared(spans["train"], spans[part])
            if common:
                raise Mu2Error(
                    f"task {self.name!r}: {common} examples are both in train ({self.train}) and "
                    f"in {part} ({getattr(self, part)}).",
                    hint="Take slices that share none, such as 'train[10%:]' and 'train[:10%]'.",
                )
        return {part: sum(len(span) for span in spans[part]) for part in spans}

    def given(self) -> dict[str, int]:
        """The hyperparameters that the data set by themselves: `num_features` of a table."""
        if self.source.input != "table":
            return {}
        return {"num_features": self.source.num_features()}  # type: ignore[attr-defined]

    def read(self, part: Part, shape: tuple[int, ...]) -> Examples:
        """The examples of one part, decoded; nothing is kept, so that keeping is the caller's.

        Args:
          part: 'train', 'validation' or 'test'.
          shape: of one example: [S, S, C] of an image (grey is repeated, colour becomes grey),
            [T] of a text, [F] of a table.

        Returns:
          Examples with inputs [N, *shape] (see `Source.read`) and labels int32 [N], N at least 1.

        Raises:
          Mu2Error: the data are missing, are no images, or are not labelled.
        """
        if part not in get_args(Part):
            raise Mu2Error(f"a task has no part {part!r}; it has {', '.join(get_args(Part))}.")
        expression = getattr(self, part)
        examples = self.source.read(expression, shape[0])
        if not len(examples):
            raise Mu2Error(f"task {self.name!r} has no examples in {part} ({expression}).")
        classes = self.source.num_classes()
        wrong = np.flatnonzero((examples.labels < 0) | (examples.labels >= classes))
        if wrong.size:
            raise Mu2Error(
                f"task {self.name!r}: example {wrong[0]} of {part} ({expression}) has label "
                f"{examples.labels[wrong[0]]}, and labels run from 0 to {classes - 1}.",
                hint="A negative label usually marks a split without labels; take another split.",
            )
        if len(shape) < 3:
            return examples
        return Examples(to_channels(examples.inputs, shape[2]), examples.labels)
