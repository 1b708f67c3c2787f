"""How well a task's path does on labelled examples that it has never seen."""

import dataclasses
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path as FilePath
from typing import Any

import numpy as np

from mu2.errors import Mu2Error, did_you_mean
from mu2.system.inference import Inference
from mu2.system.true_labels import check_class_names, find_labels, skipping_source
from mu2.tasks import Folder, Npz, Source, Task, TextLines
from mu2.tasks.guesses import unlabelled
from mu2.tasks.labels import MISSING
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
      unlabelled: examples that were left out as they have no label.
    """

    task: str
    class_names: tuple[str, ...]
    confusion: np.ndarray
    calibration_error: float
    split: str | None = None
    unlabelled: int = 0

    @property
    def examples(self) -> int:
        """Number of examples."""
        return int(self.confusion.sum())

    @property
    def accuracy(self) -> float:
        """Share of examples that were answered right."""
        return float(np.trace(self.confusion) / self.confusion.sum())

    def to_json(self) -> dict[str, Any]:
        """A JSON document: the attributes, classes apart, and examples and accuracy.

        `classes` is a list in label order: class, examples, answers (how often it was the answer),
        recall (null without examples), precision (null without answers).
        """
        there, answered = self.confusion.sum(axis=1), self.confusion.sum(axis=0)
        return {
            "task": self.task,
            "split": self.split,
            "examples": self.examples,
            "unlabelled": self.unlabelled,
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
    skip_unlabelled: bool = False,
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
      skip_unlabelled: whether examples without a label are left out, and counted; else they are
        refused.

    Raises:
      Mu2Error: no such task or path; the data cannot be read, are of another kind, or hold classes
        that the task does not have; labels are missing.
    """
    names = inference.class_names(task)
    if labels is not None:
        inputs = inference.examples(task, data)
        if len(inputs) != len(labels):
            raise Mu2Error(f"{len(inputs)} examples and {len(labels)} labels were given.")
        chosen = find_labels(labels, names, task, skip_unlabelled=skip_unlabelled)
        return _tally(inference, task, [(inputs[chosen.rows], chosen.numbers)], None, chosen.left)
    if isinstance(data, str | os.PathLike):
        data = FilePath(os.path.expanduser(data))
        if not data.exists():
            raise Mu2Error(f"there is no {str(data)!r}.")
        if data.suffix.lower() in (*SHEETS, *PARQUET):
            preparation = inference.preparation(task)
            columns = read_columns(data, *(preparation.signs if preparation else ()))
            return _of_table(inference, task, columns, str(data), label, column, skip_unlabelled)
        data = _source(data, inference.system.task(task).input)
    elif not isinstance(data, Source) and (table := columns_of_table(data)) is not None:
        return _of_table(inference, task, table, "the data", label, column, skip_unlabelled)
    if not isinstance(data, Source):
        raise Mu2Error(
            f"{type(data).__name__} is neither a source nor a path nor a table, and no labels were "
            "given."
        )
    if (kind := inference.system.task(task).input) != data.input:
        raise Mu2Error(f"task {task!r} reads {kind}s, and the data are {data.input}s.")
    data = skipping_source(data) if skip_unlabelled else data
    expression = split or ("test" if "test" in data.splits() else "all")
    counts = unlabelled(data)
    named = {*data.splits()} & {*re.findall(r"\w+", expression)} or counts
    left = sum(count for each, count in counts.items() if each in named)
    return _tally(inference, task, _of_source(inference, task, data, expression), expression, left)


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
    skip_unlabelled: bool,
) -> Evaluation:
    """What becomes of the rows of a table's columns."""
    kind, preparation = inference.system.task(task).input, inference.preparation(task)
    if kind == "image":
        raise Mu2Error(f"task {task!r} reads images, and {owner} is a table.")
    name = label or (preparation.label if preparation else None) or _LABEL
    if name not in columns:
        raise Mu2Error(
            f"{owner} has no column {name!r} with labels.",
            hint=did_you_mean(name, columns) if label else "--label names it.",
        )
    chosen = find_labels(
        columns[name],
        inference.class_names(task),
        task,
        owner,
        missing=preparation.missing if preparation else MISSING,
        skip_unlabelled=skip_unlabelled,
    )
    rest = {
        each: [values[row] for row in chosen.rows]
        for each, values in columns.items()
        if each != name
    }
    if kind == "text":
        inputs = inference.examples(task, text_column(rest, preparation, owner, column))
    else:
        inputs = _rows(preparation, rest, owner)
    return _tally(inference, task, [(inputs, chosen.numbers)], None, chosen.left)


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
    check_class_names(theirs, known, task)
    return np.array([known[name] for name in theirs], np.int32)


def _tally(
    inference: Inference,
    task: str,
    blocks: Iterator[tuple[np.ndarray, np.ndarray]] | list[tuple[np.ndarray, np.ndarray]],
    split: str | None,
    left: int,
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
    return Evaluation(task, names, confusion, error, split, left)
