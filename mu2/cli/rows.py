"""Rows of tables and texts in files, for `mu2 predict`."""

import argparse
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mu2.cli import answers
from mu2.errors import Mu2Error

if TYPE_CHECKING:
    import numpy as np

    from mu2.system.inference import Inference, Prediction

CHUNK = 4096
STDIN = "-"


def kind_of(inference: "Inference", words: Sequence[str], column: str | None) -> str:
    """The kind of the data that some words name: `image`, `table` or `text`.

    A table is one of texts where a column is named, or no task reads tables. A folder's kind is
    that of its images, else of its tables, else of its text files.

    Raises:
      Mu2Error: they are of several kinds.
    """
    from mu2.system.inputs import LINES, PARQUET, SHEETS, SUFFIXES

    texts = column is not None or not inference.tasks("table")
    table = "text" if texts else "table"
    kinds = [(SUFFIXES, "image"), ((*SHEETS, *PARQUET), table), (LINES, "text")]
    found: dict[str, str] = {}
    for word in words:
        endings = {os.path.splitext(file)[1].lower() for file in _inside(word)}
        kind = next((kind for suffixes, kind in kinds if endings & {*suffixes}), "image")
        found.setdefault(kind, word)
    if len(found) > 1:
        said = " and ".join(f"{word} holds {kind}s" for kind, word in found.items())
        raise Mu2Error(f"--all asks for data of one kind, and {said}.")
    return next(iter(found), "image")


def _inside(word: str) -> list[str]:
    """A file as it is named, or all in a folder and below."""
    if not os.path.isdir(word):
        return [word]
    return [file for _, _, files in os.walk(word) for file in files]


def document(inference: "Inference", options: argparse.Namespace, kind: str) -> dict[str, Any]:
    """The answers of tasks of tables or texts for the rows of some files.

    Args:
      inference: of the system.
      options: of `mu2 predict`.
      kind: `table` or `text`, that of the task or of the data.

    Raises:
      Mu2Error: there is no path yet; a file cannot be read; its columns do not fit the task, or
        with --all none.
    """
    tasks = inference.tasks(kind) if options.all else (options.task,)
    if not tasks:
        raise Mu2Error(f"{options.system} has no task that reads {kind}s and has a path.")
    for task in tasks:
        inference.path(task)  # or it says that there is none yet
    if options.column is not None and kind != "text":
        raise Mu2Error(f"--column names a column of texts, and task {tasks[0]!r} reads {kind}s.")
    skipped: list[str] = []
    unfit: list[dict[str, Any]] = []
    examples: list[dict[str, Any]] = []
    for file in _files(options, kind, skipped):
        inputs = _inputs(inference, options, kind, tasks, file, unfit)
        count = len(next(iter(inputs.values())))
        for start in range(0, count, CHUNK):
            some = {task: each[start : start + CHUNK] for task, each in inputs.items()}
            told = {
                task: [answers.guess(each) for each in predicted.top(options.top)]
                for task, predicted in _predictions(inference, kind, some).items()
            }
            for number in range(min(CHUNK, count - start)):
                place = {"file": file, "row": start + number + 1}
                if options.all:
                    listed = [{"task": task, **each[number]} for task, each in told.items()]
                    examples.append({**place, "answers": listed})
                else:
                    examples.append({**place, **told[options.task][number]})
    return {
        "format": 1,
        "system": options.system,
        **({"tasks": list(tasks)} if options.all else {"task": options.task}),
        "examples": examples,
        **({"unfit": unfit} if options.all else {}),
        "skipped": skipped,
    }


def _predictions(
    inference: "Inference", kind: str, inputs: "dict[str, np.ndarray]"
) -> "Mapping[str, Prediction]":
    """What each task answers; layers that tasks of texts share are computed once."""
    if kind == "text":  # what has one form is the same for all tasks
        forms = {inference.form(task): each for task, each in inputs.items()}
        return inference.predict_all(forms, [*inputs])
    return {task: inference.predict(task, each) for task, each in inputs.items()}


def _inputs(
    inference: "Inference",
    options: argparse.Namespace,
    kind: str,
    tasks: Sequence[str],
    file: str,
    unfit: list[dict[str, Any]],
) -> "dict[str, np.ndarray]":
    """A file's examples as the network of each task reads them.

    With --all those tasks of tables are left out, and added to `unfit`, whose columns the file has
    not.
    """
    from mu2.system.inputs import read_columns, read_lines, read_texts

    if kind == "text":
        if file == STDIN:
            texts = read_lines(sys.stdin.buffer.read(), "standard input")
            return {task: inference.examples(task, texts) for task in tasks}
        return {
            task: inference.examples(
                task, read_texts(file, inference.preparation(task), options.column)
            )
            for task in tasks
        }
    if not options.all:
        return {task: inference.examples(task, file) for task in tasks}
    made = {}
    for task in tasks:
        preparation = inference.preparation(task)
        lacking = None
        if preparation is not None:
            lacking = preparation.missing_columns(read_columns(file, *preparation.signs))
        if lacking == ():
            made[task] = inference.examples(task, file)
        else:
            unfit.append({"file": file, "task": task, "lacking": list(lacking or ())})
    if not made:
        raise Mu2Error(
            f"{file} has the columns of none of the tasks that read tables: "
            f"{', '.join(map(repr, tasks))}.",
            hint="With --task NAME what one of them lacks is told.",
        )
    return made


def _files(options: argparse.Namespace, kind: str, skipped: list[str]) -> Iterator[str]:
    """The files that are named, by folders or themselves; what else is in those is skipped."""
    from mu2.system.inputs import ENDINGS

    suffixes = tuple(ENDINGS[kind])
    if options.data.count(STDIN) > 1:
        raise Mu2Error("standard input (-) is named twice.")
    for word in options.data:
        if word == STDIN:
            if kind != "text":
                raise Mu2Error(
                    "standard input (-) holds images or texts, and no table.",
                    hint="Give the name of a CSV or Parquet file.",
                )
            yield STDIN
            continue
        for file in answers.files_of(word, kind, skipped):
            if not file.lower().endswith(suffixes):
                whose = "all tasks here read" if options.all else f"task {options.task!r} reads"
                raise Mu2Error(
                    f"{whose} {kind}s, and {file or 'a file without a name'} is none by its name.",
                    hint=f"They end in {', '.join(suffixes)}.",
                )
            yield file
