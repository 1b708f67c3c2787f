"""The data sets that tasks need: which are there, how large they are, and how to get them."""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any, Protocol, runtime_checkable

from mu2.errors import Mu2Error
from mu2.tasks.task import Task

Say = Callable[[str], None]


@dataclasses.dataclass(frozen=True)
class DataSet:
    """A data set that a task reads.

    Attributes:
      name: as its source names it.
      place: the folder or cache where it is, or will be.
      there: whether it is; None where only its library would know, once asked.
      download_bytes: what getting it downloads at most; None where nobody says beforehand.
      manual: what has to be got by hand before, or in place of, preparing it; None: nothing.
      prepare: gets it, telling what it does; goes on where an earlier call was stopped. None where
        mu2 cannot.
    """

    name: str
    place: str
    there: bool | None
    download_bytes: int | None = None
    manual: str | None = None
    prepare: Callable[[Say], None] | None = None


@runtime_checkable
class FromDataSet(Protocol):
    """A source that reads a data set from somewhere else."""

    def data_set(self) -> DataSet:
        """The data set; nothing is downloaded to tell.

        Raises:
          Mu2Error: its name will not do.
        """
        ...


def data_sets(task: Task) -> tuple[DataSet, ...]:
    """The data sets of a task, of sources within its source too.

    A source that is a file, or that comes with a library, is told as one that is there or not.

    Raises:
      Mu2Error: a name will not do.
    """
    return tuple(_sets(task.source))


def _sets(source: Any) -> Iterator[DataSet]:
    if isinstance(source, FromDataSet):
        yield source.data_set()
        return
    inner = (
        [
            value
            for field in dataclasses.fields(source)
            if hasattr(value := getattr(source, field.name), "class_names")
        ]
        if dataclasses.is_dataclass(source)
        else []
    )
    for each in inner:
        yield from _sets(each)
    if not inner:
        yield _local(source)


def _local(source: Any) -> DataSet:
    """Files of the user's, or a set that comes with a library."""
    kind, path = type(source).__name__, getattr(source, "path", None)
    try:
        source.size("all")
    except Mu2Error as error:
        how = f"{error.message} {error.hint or ''}".strip()
        return DataSet(f"{kind} {path or ''}".strip(), str(path or kind), False, manual=how)
    return DataSet(f"{kind} {path or ''}".strip(), str(path or kind), True)
