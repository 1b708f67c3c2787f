"""What a commit is to make durable: records of tasks and what belongs to them."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mu2.evolution.path import Path
from mu2.system.predictions import TestPredictions
from mu2.system.record import TaskRecord
from mu2.system.sample import SAMPLE, Sample
from mu2.system.system import PREDICTIONS, TASK


@dataclasses.dataclass(frozen=True)
class Changes:
    """What changes by a commit, all of it or nothing.

    Attributes:
      tasks: changed records.
      roots: new roots.
      finished: the task whose iteration ends with this commit.
      removed: a task without an iteration under way that ends here.
      predictions: task to what its new path made of the test examples.
      samples: task to the sample of its new path.
    """

    tasks: Sequence[TaskRecord] = ()
    roots: Sequence[Path] = ()
    finished: str | None = None
    removed: TaskRecord | None = None
    predictions: Mapping[str, TestPredictions] = dataclasses.field(default_factory=dict)
    samples: Mapping[str, Sample] = dataclasses.field(default_factory=dict)

    def paths(self) -> Iterator[Path]:
        """Every path of a changed record, those of an iteration under way too, and the roots."""
        yield from self.roots
        for record in self.tasks:
            if record.path is not None:
                yield record.path
            if record.population is not None:
                yield from (*record.population.own, *record.population.dropped)

    def documents(self) -> dict[str, Any]:
        """The JSON document of each record that is new or another, by its key."""
        return {
            **{TASK + record.name: record.to_json() for record in self.tasks},
            **{root.id: root.to_json() for root in self.roots},
            **{PREDICTIONS + name: made.to_json() for name, made in self.predictions.items()},
            **{SAMPLE + name: sample.to_json() for name, sample in self.samples.items()},
        }

    def removed_keys(self) -> tuple[str, ...]:
        """The keys of the records that end."""
        if self.removed is None:
            return ()
        return tuple(kind + self.removed.name for kind in (TASK, PREDICTIONS, SAMPLE))
