"""The tables of the papers, and ours: a column is a system a seed; what is missing is run."""

import contextlib
import dataclasses
import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from mu2.config import LoadedExperiment, read
from mu2.config.linter import Faults, in_order
from mu2.config.start import evolve
from mu2.config.validation import Place, validate
from mu2.errors import Mu2Error, did_you_mean
from mu2.report import RunReporter
from mu2.report.spending import spending
from mu2.report.summary import summarise
from mu2.system import System, documents
from mu2.system.audit import verify
from mu2.tables.continual import Visit, continual
from mu2.tables.results import Result

FORMAT = 1
State = Literal["missing", "unfinished", "complete"]


@dataclasses.dataclass(frozen=True)
class Column:
    """One way to solve a table's tasks.

    Attributes:
      name: of the column.
      files: Gin files of its run.
      bindings: Gin bindings after them.
      before: files of runs that come first in the same system, one each.
      compared: it is of the method that something is reported of, which is told beside it.
    """

    name: str
    files: tuple[str, ...]
    bindings: tuple[str, ...]
    before: tuple[str, ...] = ()
    compared: bool = False

    @property
    def folder(self) -> str:
        """The name as a folder's: small letters, digits, dots and dashes."""
        plain = self.name.replace("µ", "mu").casefold()
        return re.sub(r"[^a-z0-9.]+", "-", plain).strip("-.") or "column"


@dataclasses.dataclass(frozen=True)
class Table:
    """A table: its columns, and where its tasks are reported.

    Attributes:
      name: of the table.
      columns: at least one.
      whole: the table of the chain that this one is a segment of; its own name if it is none.
        What is reported of a segment's tasks is reported there.
    """

    name: str
    columns: tuple[Column, ...]
    whole: str

    @property
    def home(self) -> str:
        """The folder of its systems; the segments of a chain are runs of the same ones."""
        return self.name if self.whole == self.name else f"{self.whole}_segments"

    def chosen(self, names: Sequence[str]) -> tuple[Column, ...]:
        """The columns of some names, in the table's order; all where none is named.

        Raises:
          Mu2Error: there is no such column.
        """
        known = [column.name for column in self.columns]
        for name in names:
            if name not in known:
                raise Mu2Error(
                    f"table {self.name!r} has no column {name!r}.", hint=did_you_mean(name, known)
                )
        return tuple(c for c in self.columns if c.name in names or not names)


def table(file: Path, name: str) -> Table:
    """The table of a name.

    Args:
      file: a JSON file like `benchmarks/tables/columns.json`.
      name: of the table.

    Raises:
      Mu2Error: there is no such table, or the file is no list of tables.
    """
    document = documents.read(file, "list of tables")
    tables = document.get("tables") if isinstance(document, dict) else None
    if not isinstance(tables, dict) or document.get("format") != FORMAT:
        raise Mu2Error(
            f'it is no list of tables: it has no "tables", or does not say "format": {FORMAT}.',
            location=str(file),
            hint="benchmarks/tables/columns.json is one; copy and edit it.",
        )
    if name not in tables:
        raise Mu2Error(f"there is no table {name!r}.", hint=did_you_mean(name, tables))
    chain, whole = document.get("chain", []), document.get("whole", name)
    place = f"{file}: table {name!r}"
    if not _texts(chain) or not isinstance(whole, str):
        raise Mu2Error(
            '"chain" is a list of files, and "whole" the table that they make.', location=str(file)
        )
    entries = tables[name]
    if not isinstance(entries, list) or not entries:
        raise Mu2Error("it has no list of columns.", location=place)
    columns = tuple(_column(each, n, chain, place) for n, each in enumerate(entries))
    folders: dict[str, str] = {}
    for column in columns:
        if column.folder in folders:
            raise Mu2Error(
                f"columns {folders[column.folder]!r} and {column.name!r} would have one folder.",
                location=place,
            )
        folders[column.folder] = column.name
    segment = any(column.files[0] in chain for column in columns)
    return Table(name, columns, whole if segment else name)


def _column(entry: Any, number: int, chain: Sequence[str], place: str) -> Column:
    if not isinstance(entry, dict) or not isinstance(entry.get("name"), str) or not entry["name"]:
        raise Mu2Error(f"column {number + 1} has no name.", location=place)
    required = {"name", "files", "bindings"}
    for key in set(entry) - required - {"compared"}:
        raise Mu2Error(
            f"column {entry['name']!r}: a column has no {key!r}.",
            location=place,
            hint=did_you_mean(key, [*sorted(required), "compared"]),
        )
    if not required <= set(entry):
        raise Mu2Error(f"column {entry['name']!r} gives name, files and bindings.", location=place)
    files, bindings, compared = entry["files"], entry["bindings"], entry.get("compared", False)
    if not _texts(files) or not files or not _texts(bindings):
        raise Mu2Error(
            f"column {entry['name']!r}: files and bindings are lists of strings, and there is at "
            "least one file.",
            location=place,
        )
    if not isinstance(compared, bool):
        raise Mu2Error(f"column {entry['name']!r}: compared is true or false.", location=place)
    before = chain[: chain.index(files[0])] if files[0] in chain else ()
    return Column(entry["name"], tuple(files), tuple(bindings), tuple(before), compared)


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


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
                    contextlib.nullcontext(reporter),
                    accept_changes=accept_changes,
                )
            except Mu2Error as error:
                told = f"column {self.column.name!r}, seed {self.seed}: {error.message}"
                raise Mu2Error(told, location=error.location, hint=error.hint) from error

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
        layout = self.runs[-1].experiment.layout
        _, _, kind = system.run_environment(system.progress.runs - 1)["device"].partition(" ")
        tasks, faults = system.tasks, verify(self.directory)
        harmed = {record.removeprefix("task/") for fault in faults for record in fault.records}
        if not all(fault.records for fault in faults):
            harmed = {*tasks}  # nobody knows whom it harms
        return Result(
            self.seed,
            summarise(system),
            spending(tasks, list(system.log), list(system.times)),
            layout.data * layout.model,
            kind,
            continual(visits(system), harmed),
        )


def entries(
    columns: Sequence[Column], folder: Path, seeds: Sequence[int], bindings: Sequence[str]
) -> tuple[Entry, ...]:
    """The runs of some columns, each seed of each.

    Args:
      columns: of one table.
      folder: of its systems; each goes to `<folder>/<column>/seed-<seed>`.
      seeds: of the runs.
      bindings: Gin bindings after the columns' own, which they replace.

    Raises:
      Faults: of the Gin files and bindings, each once.
    """
    found: list[Mu2Error] = []
    made = []
    for column in columns:
        for seed in seeds:
            last = [*bindings, f"Experiment.seed={seed}"]
            readings = [read([file], last) for file in column.before]
            readings.append(read(column.files, _merged([*column.bindings, *last])))
            faults = [fault for reading in readings for fault in reading.faults]
            found += faults
            if faults:
                break  # another seed has the same
            runs = tuple(reading.load() for reading in readings)
            directory = folder / column.folder / f"seed-{seed}"
            places = tuple(reading.place for reading in readings)
            made.append(Entry(column, seed, directory, runs, places))
    if found:
        raise Faults(in_order(found))
    return tuple(made)


def _merged(bindings: Sequence[str]) -> list[str]:
    """The bindings, of those of one name the last."""
    return list({each.partition("=")[0].strip(): each for each in bindings}.values())


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
