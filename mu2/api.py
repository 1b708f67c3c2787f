"""The Python interface: what `import mu2` offers, for use in programs and notebooks."""

import contextlib
import dataclasses
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path as FilePath
from typing import Any

import jax
import numpy as np

from mu2 import config
from mu2.config import Experiment, Reporter, validation
from mu2.config.start import evolve
from mu2.config.writing import resolved
from mu2.errors import Mu2Error, shown
from mu2.report.difference import difference
from mu2.report.notebook import Plot, Report, summary_html
from mu2.report.progress import choose_reporter
from mu2.report.reading import read_history, tell_apart
from mu2.report.summary import summarise
from mu2.report.trackers.live import with_trackers
from mu2.system import Path, System, task_edits
from mu2.system.cost import Cost, measure_cost
from mu2.system.evaluation import Evaluation, evaluate
from mu2.system.inference import Inference, Prediction, forward, network_of, parameters_of
from mu2.system.inputs import examples_of
from mu2.system.run_start import RunStart

__all__ = ["Experiment", "Mu2Error", "OpenSystem", "Prediction", "load", "run"]

Name = str | os.PathLike[str]
Files = Name | Sequence[Name]


class OpenSystem:
    """A system, open for questions and for more runs.

    Args:
      directory: its folder.
      at: a commit of its history, by number or name (`mu2 log` lists them); None: the newest.

    Raises:
      Mu2Error: there is no system or no such commit, or it is of another format or damaged.
    """

    def __init__(self, directory: Name, at: str | None = None):
        self._directory, self._at = FilePath(directory), at
        self._inference = Inference(System.open(self._directory, at))

    def __repr__(self) -> str:
        return f"<mu2 system {self._directory}: {len(self.tasks)} tasks>"

    def _repr_html_(self) -> str:
        """The table of its tasks, for notebooks."""
        return summary_html(summarise(self._system))

    def report(self, *others: Name) -> Report:
        """Its page, or that of it and other systems side by side; a notebook shows it.

        Args:
          others: folders of systems that it is compared with.

        Raises:
          Mu2Error: there is no such system, or one is damaged.
        """
        histories = [
            read_history(self._directory, self._at),
            *(read_history(FilePath(each)) for each in others),
        ]
        return Report(tell_apart(histories, [self._directory, *others]))

    def plot(self, kind: str, task: str | None = None, hyperparameter: str | None = None) -> Plot:
        """A chart of it; a notebook shows it.

        Args:
          kind: of chart; `mu2 plot --help` lists them.
          task: for charts of one task.
          hyperparameter: for a course.

        Raises:
          Mu2Error: there is no such kind, task or hyperparameter, or no data for it.
        """
        return Plot(read_history(self._directory, self._at), kind, task, hyperparameter)

    @property
    def tasks(self) -> tuple[str, ...]:
        """Names of its tasks, as they are shown, in order of introduction."""
        return tuple(self._system.titles.values())

    def class_names(self, task: str) -> tuple[str, ...]:
        """Names of a task's classes, in the order of `Prediction.probabilities`.

        Raises:
          Mu2Error: no such task.
        """
        return self._system.task(task).class_names

    def path(self, task: str) -> Path:
        """The path that solves a task: its components, hyperparameters and qualities.

        Raises:
          Mu2Error: no such task, or its first iteration is not finished.
        """
        return self._inference.path(task)

    def columns(self, task: str) -> tuple[str, ...]:
        """The columns that a task of a table reads, in the order of rows without names.

        Raises:
          Mu2Error: no such task, or it reads no table, or an earlier mu2 wrote it, which kept none.
        """
        preparation = self._inference.preparation(task)
        if preparation is None or preparation.encoding is None:
            raise Mu2Error(f"{self._directory} knows no columns of task {task!r}.")
        return preparation.encoding.columns

    def input_shape(self, task: str) -> tuple[int, ...]:
        """Shape of one example as the task's network reads it: [S, S, C], [T] or [F].

        Raises:
          Mu2Error: no such task or path.
        """
        return self._inference.input_shape(task)

    def predict(self, task: str, examples: Any) -> Prediction:
        """Classifies examples.

        Args:
          task: the task.
          examples: of a task of images, a sequence of images of any sizes: names of files, what is
            in them (bytes), or pixels, uint8 [H, W] or [H, W, C] with C 1 or 3. They are made to
            fit as `mu2 predict` does it. Of texts, a sequence of str, a text file (a text a line),
            or a table with a column of texts. Of tables, a CSV or Parquet file, a data frame, a
            mapping of column to values, a sequence of such mappings, or rows in the order of the
            task's columns: all as they stand in a file, filled and scaled here as in training. Of
            each kind also a folder: all such files in it and below, by name, and no others.

        Returns:
          `classes`, int64 [N], and `probabilities`, float32 [N, classes]; `names` and `top(k)`
          tell the classes by name, `files` that of each example's file where a folder was given.

        Raises:
          Mu2Error: no such task or path, or an example cannot be read.
        """
        inference = self._inference
        form, kind = inference.form(task), self._system.task(task).input
        inputs, files = examples_of(kind, examples, [form], inference.preparation(task))
        return dataclasses.replace(inference.predict(task, inputs[form]), files=files)

    def predict_all(self, examples: Any, kind: str = "image") -> dict[str, Prediction]:
        """Classifies the same examples for every task of one kind; shared layers run once.

        Args:
          examples: as `predict` takes them.
          kind: `image`, `text` or `table`.

        Returns:
          Task to prediction, in order of introduction; of tasks that have a path.

        Raises:
          Mu2Error: an example cannot be read, or is no row of one of the tables.
        """
        tasks = self._inference.tasks(kind)
        if kind == "table":  # each has columns and a scale of its own
            return {task: self.predict(task, examples) for task in tasks}
        forms = list(dict.fromkeys(map(self._inference.form, tasks)))
        inputs, files = examples_of(kind, examples, forms)
        made = self._inference.predict_all(inputs, tasks)
        return {task: dataclasses.replace(each, files=files) for task, each in made.items()}

    def evaluate(
        self,
        task: str,
        data: Any,
        labels: Sequence[Any] | None = None,
        *,
        split: str | None = None,
        label: str | None = None,
        column: str | None = None,
        skip_unlabelled: bool = False,
    ) -> Evaluation:
        """Tells how well a task's path does on labelled examples; `mu2.system.evaluation` says how.

        Args:
          task: the task.
          data: a source; or a path: of a folder of images or text files by class, of an `.npz`, of
            a CSV or Parquet file with a column of labels; or a data frame with such a column; or,
            with `labels`, examples as `predict` takes them.
          labels: one an example: names of classes, or whole numbers in label order.
          split: a split expression of the data; None: their split 'test', else all of them.
          label: the column of labels, where it is not called as in training.
          column: the column of texts, likewise.
          skip_unlabelled: whether examples without a label are left out, and counted; else they
            are refused.

        Returns:
          Accuracy, confusion by class, and expected calibration error.

        Raises:
          Mu2Error: no such task or path; the data cannot be read, are of another kind, or hold
            classes that the task does not have; labels are missing.
        """
        return evaluate(
            self._inference,
            task,
            data,
            labels,
            split=split,
            label=label,
            column=column,
            skip_unlabelled=skip_unlabelled,
        )

    def cost(self, task: str) -> Cost:
        """What a task's path costs: parameters, bytes, operations, and measured seconds.

        Raises:
          Mu2Error: no such task or path, or a component is damaged.
        """
        return measure_cost(self._inference, task)

    def embed(self, task: str, examples: Any) -> np.ndarray:
        """What the task's head reads, float32 [N, width]; arguments and faults as `predict`."""
        return self._inference.embed(task, self._inference.examples(task, examples))

    def apply_fn(self, task: str) -> tuple[Callable[[Any, Any], jax.Array], dict[str, Any]]:
        """A task's network as a pure function, for jax.jit, jax.grad and further training.

        Returns:
          `apply(params, x) -> logits`, and its parameters, a tree of float32 arrays: component
          name to that component's Linen tree. `x` is `[B, *input_shape]` as it is stored, in uint8
          or with the same values in float32: the pixels of images from 0 to 255 (apply maps them
          to [-1, 1]), the UTF-8 bytes of a text with zeros behind it, the scaled rows of a table.
          Logits are float32 [B, classes]. Float images give gradients by the pixel.

        Raises:
          Mu2Error: no such task or path, or a component is missing or damaged.
        """
        path = self.path(task)
        return forward(network_of(path)), jax.device_put(parameters_of(self._system, path))

    def extend(
        self,
        experiment: Experiment | Files,
        bindings: Sequence[str] = (),
        *,
        accept_changes: bool = False,
        reporter: Reporter | None = None,
    ) -> None:
        """Runs an experiment on the system, as `run` does; then this object shows the result.

        Raises:
          Mu2Error: it is open at an older commit; or as `run`.
        """
        if self._at is not None:
            raise Mu2Error(
                f"{self._directory} is open at commit {self._at}, and runs go on from the newest.",
                hint=f"Branch it: mu2 run FILE --from {self._directory}@{self._at} --system NEW.",
            )
        run(experiment, self._directory, bindings, accept_changes=accept_changes, reporter=reporter)
        self._inference = Inference(System.open(self._directory))

    def rename(self, task: str, name: str) -> None:
        """Shows a task by another name; its own stays its id, and both are known from then on.

        This and the changes below are commits, which `mu2.open(DIR, at=...)` can look behind.

        Raises:
          Mu2Error: no such task, the name will not do or is taken, the system is open at an older
            commit, or another process is writing.
        """
        self._edit(task_edits.rename_task, task, name)

    def remove(self, task: str) -> None:
        """Takes a task out of the system; what other tasks share with it stays.

        Raises:
          Mu2Error: no such task, an iteration of it is under way, or as `rename`.
        """
        self._edit(task_edits.remove_task, task)

    def copy(self, task: str, target: Name, name: str | None = None) -> None:
        """Copies a task with its components to another system, old or new.

        Args:
          task: one with a path.
          target: the other system's folder.
          name: the task's name there; None: as it is shown here.

        Raises:
          Mu2Error: no such task or path; the target has a task of the name, or layers of the same
            architecture with other settings; or another process writes to it.
        """
        self.path(task)
        task_edits.copy_task(self._directory, task, os.fspath(target), name)

    def set_private(self, task: str, private: bool = True) -> None:
        """Makes a task material for others, or not, from the next run on.

        Raises:
          Mu2Error: no such task, it is so already, or as `rename`.
        """
        self._edit(task_edits.set_private, task, private)

    def diff(self, other: "OpenSystem | Name") -> dict[str, Any]:
        """What differs between this system (a) and another, or another commit, (b).

        Returns:
          The document of `mu2 diff --json`, without `a` and `b`.

        Raises:
          Mu2Error: there is no such system.
        """
        there = other if isinstance(other, OpenSystem) else OpenSystem(other)
        return difference(self._system, there._system)

    def _edit(self, change: Callable[..., None], *arguments: Any) -> None:
        if self._at is not None:
            raise Mu2Error(
                f"{self._directory} is open at commit {self._at}, and changes go on from the "
                "newest."
            )
        change(self._directory, *arguments)
        self._inference = Inference(System.open(self._directory))

    @property
    def _system(self) -> System:
        return self._inference.system


def run(
    experiment: Experiment | Files,
    directory: Name,
    bindings: Sequence[str] = (),
    *,
    accept_changes: bool = False,
    reporter: Reporter | None = None,
) -> OpenSystem:
    """Evolves a system, old or new, as `mu2 run` does: checked before anything is spent.

    Args:
      experiment: Gin files, or an experiment made in Python.
      directory: the system's folder.
      bindings: Gin bindings, `NAME=VALUE`, read after the files.
      accept_changes: go on with an unfinished run of other settings.
      reporter: told of every child and task; None writes to standard error.

    Raises:
      Mu2Error: something does not fit (`Faults` holds all that was found), or another process is
        writing to the system. What is committed is whole.
    """
    place: validation.Place = validation.unknown_place
    if isinstance(experiment, Experiment):
        if bindings:
            raise Mu2Error(
                "bindings go with Gin files, and an Experiment was given.",
                hint="Use dataclasses.replace on the experiment.",
            )
        made, text = experiment, resolved(experiment)
    else:
        reading = config.read(_names(experiment), bindings)
        if reading.faults:
            validation.validate(reading.faults, reading.made, reading.place)
        loaded = reading.load()
        made, text, place = loaded.experiment, loaded.resolved, reading.place
    directory = os.fspath(directory)
    chosen = choose_reporter(sys.stderr) if reporter is None else contextlib.nullcontext(reporter)
    told = with_trackers(chosen, directory, made.trackers)

    def tell(start: RunStart) -> None:
        if reporter is None and start.state == "again":
            lines = start.lines(os.fspath(directory))
            sys.stderr.write("".join(f"{shown(line)}\n" for line in lines))

    evolve(made, text, directory, told, accept_changes=accept_changes, place=place, tell=tell)
    return OpenSystem(directory)


def load(files: Files, bindings: Sequence[str] = ()) -> Experiment:
    """Reads Gin files into one frozen experiment.

    Raises:
      Faults: everything that is wrong in them, at once, each with its place.
    """
    return config.load(_names(files), bindings).experiment


def _names(files: Files) -> list[str]:
    """Names of files, of one or several."""
    return [os.fspath(f) for f in ([files] if isinstance(files, str | os.PathLike) else files)]
