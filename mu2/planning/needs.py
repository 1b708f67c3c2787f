"""What a run needs that may not be there: data sets and weights, and how each is got."""

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path

from mu2.experiment import Experiment
from mu2.models.roots.download import PART, download, size_of
from mu2.models.roots.public import url_of
from mu2.tasks.data_sets import DataSet, data_sets


@dataclasses.dataclass(frozen=True)
class Need:
    """A data set or a file of weights.

    Attributes:
      of: the tasks that read it, or the roots.
      data: what and where it is.
    """

    of: tuple[str, ...]
    data: DataSet


def needs_of(experiment: Experiment) -> tuple[Need, ...]:
    """What a run needs, each once, in the order of the stream, weights last.

    Nothing is downloaded; a server is asked how large a file of weights is that is not there.

    Raises:
      Mu2Error: a data set's name will not do.
    """
    found: dict[tuple[str, str], Need] = {}
    for owner, data in _all(experiment):
        key = (data.name, data.place)
        before = found.get(key, Need((), data))
        if owner not in before.of:
            found[key] = Need((*before.of, owner), before.data)
    return tuple(found.values())


def _all(experiment: Experiment) -> Iterator[tuple[str, DataSet]]:
    for task in experiment.stream.tasks:
        for each in data_sets(task):
            yield task.name, each
    for root in experiment.roots:
        path = getattr(root, "path", None)
        if isinstance(path, str) and "://" not in path and (url := url_of(path)) is not None:
            yield f"root {root.name}", _weights(path, url)


def _weights(path: str, url: str) -> DataSet:
    file = Path(path).expanduser()
    if file.exists():
        return DataSet(f"weights {file.name}", path, True)
    size = size_of(url)
    part = file.with_name(file.name + PART)
    left = size - part.stat().st_size if size is not None and part.exists() else size
    return DataSet(f"weights {file.name}", path, False, left, prepare=_fetch(url, file))


def _fetch(url: str, file: Path) -> Callable[[Callable[[str], None]], None]:
    def fetch(say: Callable[[str], None]) -> None:
        download(url, file)

    return fetch
