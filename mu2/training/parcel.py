"""Parcels: jobs on their way to a worker, without the components that it has already."""

import collections
import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from mu2.models.component import Arrays
from mu2.tasks.unread import Unread
from mu2.training.job import Job


@dataclasses.dataclass(frozen=True)
class Parcel:
    """Jobs for a worker.

    Attributes:
      jobs: their arrays are those alone that no other job of the run begins with.
      components: stored components that the worker has not yet, by id.
      drop: ids of components that the worker need no longer keep; they are dropped first.
    """

    jobs: tuple[Job, ...]
    components: Mapping[str, Arrays]
    drop: tuple[str, ...]


class Packer:
    """Knows what a worker has, and packs what it lacks.

    Args:
      limit_mb: MiB of components that the worker keeps; those of one parcel are always kept.
    """

    def __init__(self, limit_mb: int):
        self._limit = limit_mb << 20
        self._sizes: collections.OrderedDict[str, int] = collections.OrderedDict()

    def pack(self, jobs: Sequence[Job]) -> Parcel:
        """The jobs, and what of their components the worker has not."""
        components: dict[str, Arrays] = {}
        needed: set[str] = set()
        for job in jobs:
            for name, stored in job.stored.items():
                needed.add(stored)
                if stored not in self._sizes:
                    components[stored] = job.arrays[name]
                    self._sizes[stored] = sum(leaf.nbytes for leaf in job.arrays[name].values())
                self._sizes.move_to_end(stored)
        drop = []
        while sum(self._sizes.values()) > self._limit:
            oldest = next(iter(self._sizes))
            if oldest in needed:
                break
            drop.append(oldest)
            del self._sizes[oldest]
        return Parcel(tuple(own_arrays(job) for job in jobs), components, tuple(drop))


def own_arrays(job: Job) -> Job:
    """The job without the leaves of stored components; its hyperparameters as a plain mapping."""
    own = {name: leaves for name, leaves in job.arrays.items() if name not in job.stored}
    return dataclasses.replace(job, arrays=own, hyperparameters={**job.hyperparameters})


class Unpacker:
    """What a worker has: components that were sent, and examples of the task under way."""

    def __init__(self) -> None:
        self._components: dict[str, Arrays] = {}
        self._examples: dict[object, Unread] = {}
        self._task = ""

    def unpack(self, parcel: Parcel) -> list[Job]:
        """The jobs with all their arrays; equal parts of a task are one object, read once."""
        for stored in parcel.drop:
            del self._components[stored]
        self._components.update(parcel.components)
        return [self.complete(job, self._components) for job in parcel.jobs]

    def complete(self, job: Job, components: Mapping[str, Arrays]) -> Job:
        """A job with all its arrays, and with examples that may be read already.

        Args:
          job: without the leaves of stored components.
          components: those, by id.
        """
        stored = {name: components[id_] for name, id_ in job.stored.items()}
        return dataclasses.replace(
            job,
            arrays={**job.arrays, **stored},
            train=self._known(job.train),
            validation=self._known(job.validation),
        )

    def _known(self, examples: Any) -> Any:
        if not isinstance(examples, Unread):
            return examples
        if examples.task.name != self._task:
            self._examples.clear()
            self._task = examples.task.name
        return self._examples.setdefault(examples.name, examples)
