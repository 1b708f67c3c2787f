"""How well a task's path does on labelled examples that it has never seen."""

import dataclasses
import os
from collections.abc import Iterator, Sequence
from pathlib import Path as FilePath
from typing import Any

import numpy as np

from mu2.errors import Mu2Error, did_you_mean, nearest
from mu2.system.inference import Inference
from mu2.tasks import Folder, Npz, Source, Task, TextLines
from mu2.tasks.preparation import Preparation, RawRows
from mu2.tasks.sources.parquet import PARQUET
from mu2.tasks.user_tables import (
    LINES,
    SHEETS,
    Columns,
    columns_of_table,
    read_columns,
    text_column,
)

# Examples computed at a time, and MiB of images that stay in memory.
BLOCK, MEMORY_LIMIT_MB = 256, 4096
# Bins of equal width, as in Guo et al., On Calibration of Modern Neural Networks (1706.04599).
BINS = 15
_TOLD = 5
_LABEL = "label"


@dataclasses.dataclass(frozen=True, eq=False)
class Evaluation:
    """What became of labelled examples.

    Attributes:
      task: whose path answered.
      class_names: one a class, in label order.
      confusion: int64 [classes, classes], examples by true class (row) and answer (column).
      calibration_error: expected calibration error, from 0 to 1: over 15 bins of confidence of
        equal width, the mean distance of accuracy from confidence, weighted by examples (Guo et
        al., arXiv 1706.04599, section 2).
      split: the split expression that was read; None where the data have no splits.
    """

    task: str
    class_names: tuple[str, ...]
    confusion: np.ndarray
    calibration_error: float
    split: str | None = None

    @property
    def examples(self) -> int:
        """Number of examples."""
        return int(self.confusion.sum())

    @property
    def accuracy(self) -> float:
        """Share of examples that were answered right."""
        return float(np.trace(self.confusion) / self.confusion.sum())

    def to_json(self) -> dict[str, Any]:
        """A JSON document: task, split, examples, accuracy, calibration_error, classes, confusion.

        `classes` is a list in label order: class, examples, answers (how often it was the answer),
        recall (null without examples), precision (null without answers).
        """
        there, answered = self.confusion.sum(axis=1), self.confusion.sum(axis=0)
        return {
            "task": self.task,
            "split": self.split,
            "examples": self.examples,
            "accuracy": self.accuracy,
            "calibration_error": self.calibration_error,
            "classes": [
                {
                    "class": name,
                    "examples": int(there[i]),
                    "answers": int(answered[i]),
                    "recall": float(self.confusion[i, i] / there[i]) if there[i] else None,
                    "precision": float(self.confusion[i, i] / answered[i]) if answered[i] else None,
                }
                for i, name in enumerate(self.class_names)
            ],
            "confusion": self.confusion.tolist(),
        }


def evaluate(
    inference: Inference,
    task: str,
    data: Any,
    labels: Sequence[Any] | None = None,
    *,
    split: str | None = None,
    label: str | None = None,
    column: str | None = None,
) -> Evaluation:
    """Lets a task's path answer for labelled examples.

    Classes are told apart by their names, so that their order in the data does not matter. Tables
    are filled and scaled as the task was trained, never by the new data.

    Args:
      inference: of a system.
      task: the task.
      data: a source (as `mu2.tasks` offers them); or a path: of a folder of images or of text files
        by class, of an `.npz`, or of a CSV or Parquet file with a column of labels; or a table with
        such a column: a data frame, a mapping of column to values, or a sequence of mappings; or,
        with `labels`, examples as `OpenSystem.predict` takes them.
      labels: one an example: names of classes, or whole numbers in label order.
      split: a split expression of the data; None: their split 'test', else all of them.
      label: the column of labels, where it is not called as in training.
      column: the column of texts, likewise.

    Raises:
      Mu2Error: no such task or path; the data cannot be read, are of another kind, or hold classes
        that the task does not have.
    """
    names = inference.class_names(task)
    if labels is not None:
        inputs = inference.examples(task, data)
        numbers = _given_labels(labels, names, task)
        if len(inputs) != len(numbers):
            raise Mu2Error(f"{len(inputs)} examples and {len(numbers)} labels were given.")
        return _tally(inference, task, [(inputs, numbers)], None)
    if isinstance(data, str | os.PathLike):
        data = FilePath(os.path.expanduser(data))
        if not data.exists():
            raise Mu2Error(f"there is no {str(data)!r}.")
        if data.suffix.lower() in (*SHEETS, *PARQUET):
            preparation = inference.preparation(task)
            columns = read_columns(data, *(preparation.signs if preparation else ()))
            made = _of_table(inference, task, columns, str(data), label, column)
            return _tally(inference, task, [made], None)
        data = _source(data, inference.system.task(task).input)
    elif not isinstance(data, Source) and (table := columns_of_table(data)) is not None:
        made = _of_table(inference, task, table, "the data", label, column)
        return _tally(inference, task, [made], None)
    if not isinstance(data, Source):
        raise Mu2Error(
            f"{type(data).__name__} is neither a source nor a path nor a table, and no labels were "
            "given."
        )
    if (kind := inference.system.task(task).input) != data.input:
        raise Mu2Error(f"task {task!r} reads {kind}s, and the data are {data.input}s.")
    chosen = split or ("test" if "test" in data.splits() else "all")
    return _tally(inference, task, _of_source(inference, task, data, chosen), chosen)


def _source(path: FilePath, kind: str) -> Source:
    """The source of a folder or of an `.npz`."""
    if path.suffix.lower() == ".npz":
        return Npz(str(path))
    if path.is_dir() and kind == "image":
        return Folder(str(path))
    if path.is_dir() and kind == "text":
        return TextLines(str(path))
    known = {
        "image": "a folder of images by class, or an .npz",
        "text": f"a folder of {LINES[0]} files by class, or a table with a column of labels",
        "table": f"a table ({', '.join((*SHEETS, *PARQUET))}) with a column of labels, or an .npz",
    }
    raise Mu2Error(
        f"{path} is none of the data that a task of {kind}s is evaluated on.",
        hint=f"Give {known[kind]}; or a Gin file that names a source of any kind.",
    )


def _of_table(
    inference: Inference,
    task: str,
    columns: Columns,
    owner: str,
    label: str | None,
    column: str | None,
) -> tuple[np.ndarray, np.ndarray]:
    """Inputs and labels of a table's columns."""
    kind, preparation = inference.system.task(task).input, inference.preparation(task)
    if kind == "image":
        raise Mu2Error(f"task {task!r} reads images, and {owner} is a table.")
    name = label or (preparation.label if preparation else None) or _LABEL
    if name not in columns:
        raise Mu2Error(
            f"{owner} has no column {name!r} with labels.",
            hint=did_you_mean(name, columns) if label else "--label names it.",
        )
    numbers = _given_labels(columns[name], inference.class_names(task), task, owner)
    rest = {each: values for each, values in columns.items() if each != name}
    if kind == "text":
        texts: Any = text_column(rest, preparation, owner, column)
        return inference.examples(task, texts), numbers
    return _rows(preparation, rest, owner), numbers


def _rows(preparation: Preparation | None, columns: Any, owner: str) -> np.ndarray:
    if preparation is None or preparation.encoding is None:
        raise Mu2Error(
            "the system does not say how this task's columns become numbers: it was written by an "
            "earlier mu2.",
            hint="Run the task again, which keeps it.",
        )
    return preparation.rows(columns, owner)


def _of_source(
    inference: Inference, task: str, source: Source, split: str
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Inputs and labels of a split of a source, block by block."""
    match = _matched(source.class_names(), inference.class_names(task), task)
    if source.input == "table":
        if not isinstance(source, RawRows):
            raise Mu2Error(
                f"{type(source).__name__} does not give the rows of its table as they stand.",
                hint="Give a CSV or Parquet file with the task's columns.",
            )
        columns, labels = source.raw_rows(split)
        yield _rows(inference.preparation(task), columns, "the data"), match[labels]
        return
    whole = Task("evaluation", source, train=split, validation=split, test=split)
    form = inference.form(task)
    stream = whole.stream("test", form.shape, MEMORY_LIMIT_MB, form.resize)
    for block in stream.blocks(BLOCK):
        yield block.inputs, match[block.labels]


def _matched(theirs: Sequence[str], ours: Sequence[str], task: str) -> np.ndarray:
    """For each class of some data the task's class of that name, int32."""
    known = {name: number for number, name in enumerate(ours)}
    _check_names(theirs, known, task)
    return np.array([known[name] for name in theirs], np.int32)


def _given_labels(
    labels: Sequence[Any], names: Sequence[str], task: str, owner: str = "the labels"
) -> np.ndarray:
    """Labels as numbers of the task's classes, int32 [N].

    What names a class is one; whole numbers of which none does are numbers of classes.
    """
    known = {name: number for number, name in enumerate(names)}
    values = [_plain(value) for value in labels]
    if not values:
        raise Mu2Error(f"{owner}: there are no examples.")
    if all(isinstance(value, int) for value in values) and not any(str(v) in known for v in values):
        if wrong := [value for value in values if not 0 <= value < len(names)]:
            raise Mu2Error(
                f"{owner}: {wrong[0]} is no class; task {task!r} has {len(names)}, from 0 on."
            )
        return np.array(values, np.int32)
    words = ["" if value is None else str(value).strip() for value in values]
    if "" in words:
        lacking = words.count("")
        raise Mu2Error(
            f"{owner}: {lacking:,} labels are missing, the first in row {words.index('') + 1}."
        )
    _check_names(list(dict.fromkeys(words)), known, task, owner)
    return np.array([known[word] for word in words], np.int32)


def _plain(value: Any) -> Any:
    """A label as Python's own type: a whole number in a float is one; NaN is none."""
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, float):
        if value != value:
            return None
        return int(value) if value.is_integer() else value
    return value


def _check_names(
    found: Sequence[str], known: dict[str, int], task: str, owner: str = "the data"
) -> None:
    if strange := [name for name in found if name not in known]:
        told = ", ".join(map(repr, strange[:_TOLD])) + " …" * (len(strange) > _TOLD)
        close = nearest(strange[0], known)
        raise Mu2Error(
            f"{owner}: {told} {'is no class' if len(strange) == 1 else 'are no classes'} of task "
            f"{task!r}.",
            hint=f"Did you mean {close!r}?"
            if close
            else f"Its {len(known)} classes: {', '.join([*known][:20])}{' …' * (len(known) > 20)}.",
        )


def _tally(
    inference: Inference,
    task: str,
    blocks: Iterator[tuple[np.ndarray, np.ndarray]] | list[tuple[np.ndarray, np.ndarray]],
    split: str | None,
) -> Evaluation:
    names = inference.class_names(task)
    confusion = np.zeros((len(names), len(names)), np.int64)
    bins = np.zeros((3, BINS))  # examples, right answers, confidence
    for inputs, labels in blocks:
        for start in range(0, len(inputs), BLOCK):
            prediction = inference.predict(task, inputs[start : start + BLOCK])
            truth = labels[start : start + BLOCK]
            np.add.at(confusion, (truth, prediction.classes), 1)
            confidence = prediction.probabilities.max(axis=1).astype(np.float64)
            # Bins are open below and closed above.
            place = np.clip(np.ceil(confidence * BINS).astype(int) - 1, 0, BINS - 1)
            for row, values in enumerate((1.0, prediction.classes == truth, confidence)):
                np.add.at(bins[row], place, values)
    if not confusion.sum():
        raise Mu2Error("the data hold no examples.")
    error = float(np.abs(bins[1] - bins[2]).sum() / bins[0].sum())
    return Evaluation(task, names, confusion, error, split)
