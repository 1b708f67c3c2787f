"""Gin at the edge: files and bindings in, one frozen Experiment out.

Gin is used once, here, and never looked at again: it configures the real constructors, which know
nothing of it.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, Literal

import gin.config as gin_config

from mu2.config import linter
from mu2.config.columns import Column, Table
from mu2.config.linter import ROOT, Configurable, Faults, Interval, Vocabulary
from mu2.errors import Mu2Error

if TYPE_CHECKING:
    from mu2.experiment import Experiment

__all__ = [
    "ColumnReading",
    "Faults",
    "LoadedExperiment",
    "Reading",
    "TableReading",
    "load",
    "read",
    "read_table",
    "search_paths",
    "vocabulary",
]

MODULE = "mu2"
# A package offers its constructors as entry points of this group, see `mu2.models.registry`.
ENTRY_POINTS = "mu2"


@dataclasses.dataclass(frozen=True)
class LoadedExperiment:
    """An experiment and where it came from.

    Attributes:
      experiment: what to run.
      resolved: one Gin text without includes that gives the same experiment; it depends on what is
        set, not on the names of files.
      bindings: (scope, selector, parameter) to `file:line`, or to the flag, of each value in force.
    """

    experiment: "Experiment"
    resolved: str
    bindings: Mapping[tuple[str, str, str], str]


@dataclasses.dataclass(frozen=True)
class Reading:
    """Gin files and bindings as they were read, right or wrong.

    Attributes:
      faults: what is wrong in them, in the order of the files.
      made: the objects that could be made of them, the experiment among them if all could.
    """

    faults: tuple[Mu2Error, ...]
    made: tuple[Any, ...]
    _linted: linter.LintResult

    @property
    def warnings(self) -> tuple[Mu2Error, ...]:
        """What is sound, and may not be what was meant: parameters that two parts set."""
        return self._linted.warnings

    def place(self, made: object, text: str) -> str | None:
        """Where what is said of an object is set: `file:line`, or the flag.

        Args:
          made: one of the objects, or one that equals it.
          text: a message about it, or the `Selector.parameter` that is meant.
        """
        return self._linted.trial.place(made, text)

    def load(self) -> LoadedExperiment:
        """The experiment.

        Raises:
          Faults: there are some.
        """
        if self.faults:
            raise Faults(self.faults)
        used = self._linted.used.bindings
        resolved = linter.write(used, vocabulary().configurables)
        places = {binding.key: binding.location for binding in used}
        return LoadedExperiment(_build(resolved), resolved, MappingProxyType(places))


@dataclasses.dataclass(frozen=True)
class ColumnReading:
    """A column of a table, and its run.

    Attributes:
      column: the column.
      scope: what the table's file sets in this scope, or one around it, is the column's own.
      lines: `NAME = VALUE` of these, as they hold without the scope.
      run: what was read.
    """

    column: Column
    scope: str
    lines: tuple[str, ...]
    run: Reading


@dataclasses.dataclass(frozen=True)
class TableReading:
    """A table as it was read, right or wrong.

    Attributes:
      declared: what is wrong with the table itself.
      table: the table; None where something is wrong with it.
      columns: in order; none without a table.
      locations: `file:line`, or the flag, of what is set of the table, by parameter.
    """

    declared: tuple[Mu2Error, ...]
    table: Table | None
    columns: tuple[ColumnReading, ...]
    locations: Mapping[str, str]

    @property
    def faults(self) -> tuple[Mu2Error, ...]:
        """Everything that is wrong, in the table and in each column's run, each once."""
        return tuple(
            linter.in_order([*self.declared, *(f for c in self.columns for f in c.run.faults)])
        )

    @property
    def warnings(self) -> tuple[Mu2Error, ...]:
        """The warnings of all columns' runs, each once."""
        return tuple(linter.in_order(w for c in self.columns for w in c.run.warnings))

    def run(self) -> Reading:
        """The table as one run: its first column's."""
        if self.columns:
            return self.columns[0].run
        return Reading(self.declared, (), linter.lint(linter.NOTHING, vocabulary()))


def load(
    files: Sequence[str],
    bindings: Sequence[str],
    extra_search_paths: Sequence[str | Path] = (),
) -> LoadedExperiment:
    """Reads Gin files and bindings into one frozen experiment; `read` and then `Reading.load`.

    Raises:
      Faults: everything that is wrong, at once, each with its place.
    """
    return read(files, bindings, extra_search_paths).load()


def read(
    files: Sequence[str],
    bindings: Sequence[str],
    extra_search_paths: Sequence[str | Path] = (),
) -> Reading:
    """Reads Gin files and bindings.

    A file is found as given from the working directory, else beside the file that includes it,
    else in the extra search paths, else among the files that come with mu2, else among those of
    packages that extend it. What a later file or binding sets replaces what an earlier one did.
    A table is read as the run of its first column.

    Args:
      files: Gin files, read in order.
      bindings: `NAME=VALUE`, read after the files.
      extra_search_paths: folders searched before mu2's own.
    """
    places = [*map(Path, extra_search_paths), *search_paths()]
    statements = linter.read(files, bindings, places)
    if linter.is_table(statements):
        return _table(statements, places, every=False).run()
    return _linted(statements)


def read_table(
    file: str,
    bindings: Sequence[str],
    extra_search_paths: Sequence[str | Path] = (),
) -> TableReading | None:
    """Reads the Gin file of a table; None where it declares none.

    Args:
      file: found as `read` finds files.
      bindings: `NAME=VALUE`, which hold in all columns, after the columns' own; in a column's
        scope, `SCOPE/NAME=VALUE`, in that column.
      extra_search_paths: folders searched before mu2's own.
    """
    places = [*map(Path, extra_search_paths), *search_paths()]
    statements = linter.read([file], bindings, places)
    if not linter.is_table(statements) and not statements.faults:
        return None
    return _table(statements, places, every=True)


def _linted(statements: linter.Statements) -> Reading:
    linted = linter.lint(statements, vocabulary())
    return Reading(linted.faults, tuple(linted.trial.objects()), linted)


def _table(statements: linter.Statements, places: Sequence[Path], every: bool) -> TableReading:
    """A table with the runs of all its columns, or of the first alone."""
    declared = linter.lint(linter.definition(statements), vocabulary(), linter.TABLE)
    table = next((made for made in declared.trial.objects() if isinstance(made, Table)), None)
    if table is None or declared.faults:
        return TableReading(declared.faults, None, (), {})
    graph = declared.used
    scopes = linter.column_scopes(graph.in_force(linter.TABLE)["columns"].value)
    if wrong := linter.wrong_scopes(statements):
        return TableReading(tuple(wrong), None, (), {})
    columns: list[ColumnReading] = []
    for column, scope in zip(table.columns, scopes, strict=True):
        if columns and not every:
            break
        named = graph.in_force((scope, "Column")).get("parts")
        parts = linter.read_parts(column.parts, named, places) if named else linter.NOTHING
        own = linter.of_column(statements, scope, parts)
        columns.append(
            ColumnReading(column, scope, linter.own_lines(statements, scope), _linted(own))
        )
    locations = {name: b.location for name, b in graph.in_force(linter.TABLE).items()}
    return TableReading((), table, tuple(columns), MappingProxyType(locations))


def search_paths() -> list[Path]:
    """The folders of the Gin files that come with mu2, then of those of packages that extend it."""
    return [linter.files_root(), *linter.package_folders(ENTRY_POINTS)]


def shipped(name: str) -> Path:
    """A file that comes with mu2, by its name from the top (`benchmarks/tables/prices.json`).

    Raises:
      Mu2Error: the installation is not whole.
    """
    for folder in search_paths():
        if (folder / name).is_file():
            return folder / name
    raise Mu2Error(f"{name} is not in this installation of mu2.", hint="Install mu2 again.")


def _constructors() -> dict[str, Callable[..., Any]]:
    """What Gin files may name. Imported here, as `mu2 --help` should not wait for jax."""
    from mu2.evolution.budget import Budget
    from mu2.evolution.evolution import Evolution
    from mu2.evolution.rules import Mutation
    from mu2.evolution.scoring import Scoring
    from mu2.evolution.space import Choices, Hyperparameters, Ranges, SearchSpace
    from mu2.evolution.stopping import Halving
    from mu2.execution import LocalExecutor, ProcessExecutor, RayExecutor
    from mu2.experiment import Experiment
    from mu2.models import (
        PPOCR,
        AugReg,
        EfficientNetWeights,
        RandomRoot,
        Safetensors,
        installed_models,
        models,
    )
    from mu2.system.system_root import SystemRoot
    from mu2.tasks import SOURCES, Images, Stream, Task
    from mu2.training import Training
    from mu2.training.layout import Layout

    classes = (
        *(Experiment, Stream, Task, Images, *SOURCES),
        *(SearchSpace, Hyperparameters, Ranges, Choices),
        *(RandomRoot, AugReg, Safetensors, PPOCR, EfficientNetWeights, SystemRoot),
        *(Evolution, Mutation, Scoring, Halving, Budget, Training, Layout),
        *(LocalExecutor, ProcessExecutor, RayExecutor, Table, Column),
    )
    return {**{made.__name__: made for made in classes}, **models(), **installed_models()}


def vocabulary() -> Vocabulary:
    """What Gin files may name: constructors and hyperparameters."""
    from mu2.evolution.space import AUGMENTATION, MUTATION_PROBABILITY, OPTIONAL
    from mu2.models import models
    from mu2.training.optimizer import OPTIMIZERS, SCHEDULES

    share = Annotated[float, Interval(0, 1)]
    kept = Annotated[float, Interval(0, 1, above=True)]
    types: dict[str, Any] = {
        "learning_rate": Annotated[float, Interval(0, above=True)],
        "schedule": Literal[SCHEDULES],
        "warmup_ratio": share,
        "momentum": Annotated[float, Interval(0, 1, below=True)],
        "nesterov": bool,
        "optimizer": Literal[OPTIMIZERS],
        "adamw_factor": Annotated[float, Interval(0, above=True)],
        "lion_factor": Annotated[float, Interval(0, above=True)],
        "weight_decay": Annotated[float, Interval(0)],
        "label_smoothing": Annotated[float, Interval(0, 1, below=True)],
        MUTATION_PROBABILITY: share,
        **dict.fromkeys(AUGMENTATION, share),
        "area_min": kept,
        "aspect_min": kept,
        "hue": Annotated[float, Interval(0, 0.5)],
        "jpeg_quality": Annotated[float, Interval(0, 1, below=True)],
        "rotation": Annotated[float, Interval(0, 180)],
        "scale": Annotated[float, Interval(0, 1, below=True)],
        "crop": bool,
        "flip": bool,
    }
    made = {name: Configurable.of(name, make) for name, make in _constructors().items()}
    known = models().values()
    return Vocabulary(
        configurables=made,
        hyperparameters=types,
        model_hyperparameters={k: v for model in known for k, v in model.hyperparameters.items()},
        optional=frozenset(OPTIONAL).union(*(model.optional for model in known)),
    )


def _register() -> None:
    """Makes the constructors known to Gin; its registry outlives this call and is asked first."""
    for name, make in _constructors().items():
        try:
            gin_config.get_configurable(f"{MODULE}.{name}")
        except (KeyError, ValueError):
            gin_config.external_configurable(make, name=name, module=MODULE)


def _build(resolved: str) -> "Experiment":
    """Builds the experiment of a text without faults; whatever Gin held before is lost."""
    with gin_config.unlock_config():
        _register()
        gin_config.clear_config()
        try:
            gin_config.parse_config(resolved)
            return gin_config.get_configurable(f"{MODULE}.{ROOT[1]}")()
        except Mu2Error as error:  # without the lines that Gin puts behind its message
            raise Faults([Mu2Error(error.message, hint=error.hint)]) from error
        # Each value was tried by itself before: what else is raised here is a fault of mu2's own.
        except (SyntaxError, TypeError, ValueError) as error:
            raise Faults([Mu2Error(f"Gin refuses: {error}")]) from error
        finally:
            gin_config.clear_config()
