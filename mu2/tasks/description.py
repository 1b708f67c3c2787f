"""Sources whose data are not there, as far as it is known what is in them."""

import dataclasses
from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from mu2.errors import Mu2Error
from mu2.tasks import split as splits
from mu2.tasks.examples import Examples
from mu2.tasks.source import Source
from mu2.tasks.task import Task


@runtime_checkable
class HasDescription(Protocol):
    """A source that may know what is in its data where they are not there."""

    def find_missing(self) -> tuple[Mu2Error, ...]:
        """The data that are not there and whose contents are known all the same.

        Returns:
          For each what is not there, and how to prepare it. Nothing where the data are there, or
          where nobody knows what would be in them: reading then says what is wrong.
        """
        ...

    def describe(self) -> Source:
        """A source without examples, of the same sizes and classes."""
        ...


@dataclasses.dataclass(frozen=True)
class Description:
    """What is known of a source whose data are not there. Examples are never made up.

    Attributes:
      owner: whose it is, for messages.
      input: as the source has it.
      classes: number of classes.
      sizes: number of examples of each split, by name, in order.
      absent: what is said where an example is asked for.
      balanced: number of the classes that a split holds, where it is known that it has as many
        examples of each.
    """

    owner: str
    input: str
    classes: int
    sizes: Mapping[str, int]
    absent: Mu2Error
    balanced: Mapping[str, int] = dataclasses.field(default_factory=dict)

    def num_classes(self) -> int:
        """Number of classes."""
        return self.classes

    def class_names(self) -> tuple[str, ...]:
        """Nothing; the names are in the data.

        Raises:
          Mu2Error: always; the data are not there.
        """
        raise self.absent

    def splits(self) -> tuple[str, ...]:
        """Names of the splits, in order."""
        return tuple(self.sizes)

    def size(self, split: str) -> int:
        """Number of examples that a split expression selects.

        Raises:
          Mu2Error: the expression is wrong or selects nothing.
        """
        return sum(map(len, splits.parse(split, self.sizes, self.owner)))

    def read(self, split: str, size: int) -> Examples:
        """Nothing.

        Raises:
          Mu2Error: always; the data are not there.
        """
        raise self.absent


def find_missing(task: Task) -> tuple[Mu2Error, ...]:
    """What a task lacks although it is known what would be in it (see `HasDescription`)."""
    return task.source.find_missing() if isinstance(task.source, HasDescription) else ()


def describe(task: Task) -> Task:
    """The task where its data are there, else one without examples, of the same sizes."""
    if isinstance(task.source, HasDescription) and task.source.find_missing():
        return dataclasses.replace(task, source=task.source.describe())
    return task
