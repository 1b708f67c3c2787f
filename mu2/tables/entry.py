"""A column's run with one seed: a system, which is made, gone on with, or read."""

import contextlib
import dataclasses
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Literal

from mu2.config import LoadedExperiment, read
from mu2.config.columns import Column
from mu2.config.linter import Faults, in_order
from mu2.config.reading import read_table
from mu2.config.start import evolve
from mu2.config.validation import Place, validate
from mu2.errors import Mu2Error
from mu2.report import RunReporter, summarise
from mu2.report.growth import growth_steps
from mu2.report.reading import read_history
from mu2.report.trackers.live import with_trackers
from mu2.system import System, WritableSystem
from mu2.system.audit import verify
from mu2.system.spending import spending
from mu2.tables.continual import Visit, continual
from mu2.tables.results import Result
from mu2.tables.table_file import TableFile

State = Literal["missing", "unfinished", "complete"]


@dataclasses.dataclass(frozen=True)
class Entry:
    """A column's run with one seed.

    Attributes:
      column: the column.
      seed: of the run.
      directory: of its system.
      runs: what runs there, one after the other.
      places: where what is said of each run is set.
    """

    column: Column
    seed: int
    directory: Path
    runs: tuple[LoadedExperiment, ...]
    places: tuple[Place, ...]

    @property
    def tasks(self) -> tuple[str, ...]:
        """Names of the tasks that the column is about."""
        return tuple(task.name for task in self.runs[-1].experiment.stream.tasks)

    def state(self) -> State:
        """How far it has come.

        Raises:
          Mu2Error: the system is of other settings, or cannot be read.
        """
        if not System.exists(self.directory):
            return "missing"
        return "unfinished" if self._left(System.open(self.directory)) else "complete"

    def finish(self, reporter: RunReporter, accept_changes: bool = False) -> None:
        """Runs, or goes on with, what is left.

        Args:
          reporter: told of every child and every task.
          accept_changes: go on with an unfinished run though code, libraries or hardware changed.

        Raises:
          Mu2Error: as `mu2.experiment.run`; it says which column.
        """
        old = System.exists(self.directory)
        left = self._left(System.open(self.directory)) if old else self.runs
        self.directory.parent.mkdir(parents=True, exist_ok=True)
        for loaded in left:
            try:
                evolve(
                    loaded.experiment,
                    loaded.resolved,
                    str(self.directory),
                    with_trackers(
                        contextlib.nullcontext(reporter),
                        self.directory,
                        loaded.experiment.trackers,
                    ),
                    accept_changes=accept_changes,
                )
            except Mu2Error as error:
                told = f"column {self.column.name!r}, seed {self.seed}: {error.message}"
                raise Mu2Error(told, location=error.location, hint=error.hint) from error

    def tidy(self) -> None:
        """Removes what a kill at the very end of its run left there, where it may be written."""
        with contextlib.suppress(Mu2Error):  # it is complete all the same
            WritableSystem.tidy(self.directory)

    def _left(self, system: System) -> Sequence[LoadedExperiment]:
        """The runs that are not finished."""
        progress = system.progress
        for number, loaded in enumerate(self.runs[: progress.runs]):
            there = hashlib.sha256(system.gin_file(number).read_bytes()).hexdigest()
            if there != hashlib.sha256(loaded.resolved.encode()).hexdigest():
                raise Mu2Error(
                    f"{self.directory} is not column {self.column.name!r}, seed {self.seed}: it "
                    f"was run with other settings ({system.gin_file(number)}).",
                    hint="Choose another --system, or remove that folder to run it again.",
                )
        done = progress.runs if progress.complete else progress.runs - 1
        return self.runs[max(0, done) :]

    def result(self) -> Result:
        """What it came to, once it is complete; the bytes of the store are read and compared.

        Raises:
          Mu2Error: the system cannot be read.
        """
        system = System.open(self.directory)
        system.check_log()
        lines = system.progress.log_lines
        layout = self.runs[-1].experiment.layout
        made_with = system.run_environment(system.progress.runs - 1)
        _, _, kind = made_with.get("device", "").partition(" ")
        tasks, faults = system.tasks, verify(self.directory)
        harmed = {record.removeprefix("task/") for fault in faults for record in fault.records}
        if not all(fault.records for fault in faults):
            harmed = {*tasks}  # nobody knows whom it harms
        return Result(
            self.seed,
            summarise(system),
            spending(tasks, *(list(islice(log, lines)) for log in (system.log, system.times))),
            layout.data * layout.model,
            kind,
            continual(visits(system), harmed),
            growth_steps(read_history(self.directory)),
        )


def entries(
    table_file: TableFile,
    columns: Sequence[Column],
    folder: Path,
    seeds: Sequence[int],
    bindings: Sequence[str],
) -> tuple[Entry, ...]:
    """The runs of some columns, each seed of each.

    Args:
      table_file: the table.
      columns: of it.
      folder: of its systems; each goes to `<folder>/<column>/seed-<seed>`.
      seeds: of the runs.
      bindings: Gin bindings after the columns' own, which they replace.

    Raises:
      Faults: of the Gin files and bindings, each once.
    """
    found: list[Mu2Error] = []
    made: dict[Column, list[Entry]] = {column: [] for column in columns}
    for seed in seeds:
        last = [*bindings, f"Experiment.seed={seed}"]
        before = [read([file], last) for file in table_file.before]
        table = read_table(table_file.file, last)
        for each in table.columns if table else ():
            if each.column not in made:
                continue
            readings = [*before, each.run]
            if faults := [fault for reading in readings for fault in reading.faults]:
                found += faults
                continue
            runs = tuple(reading.load() for reading in readings)
            directory = folder / each.column.folder / f"seed-{seed}"
            places = tuple(reading.place for reading in readings)
            made[each.column].append(Entry(each.column, seed, directory, runs, places))
        if found:
            raise Faults(in_order(found))  # another seed has the same
    return tuple(entry for entries in made.values() for entry in entries)


def check(wanted: Iterable[Entry]) -> None:
    """Refuses what cannot be run: missing data, weights, devices; of all entries at once.

    Raises:
      Faults: each once.
    """
    found: list[Mu2Error] = []
    for entry in wanted:
        for loaded, place in zip(entry.runs, entry.places, strict=True):
            try:
                validate((), (loaded.experiment,), place)
            except Faults as faults:
                found += faults.faults
    if found:
        raise Faults(in_order(found))


def visits(system: System) -> list[Visit]:
    """The system after each of its task iterations, read from its commits, oldest first.

    Raises:
      Mu2Error: the history is damaged.
    """
    found = []
    before: Mapping[str, int] = {}
    for commit in reversed(system.history()):
        if commit["passing"]:
            continue
        then = System.open(system.directory, at=commit["name"])
        records = [then.task(name) for name in then.tasks]
        now = {record.name: record.iterations for record in records}
        paths = {record.name: record.path for record in records if record.path is not None}
        found += [Visit(name, paths) for name in now if now[name] > before.get(name, 0)]
        before = now
    return found
