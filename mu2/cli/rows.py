"""Rows of tables and texts in files, for `mu2 predict`."""

import argparse
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mu2.cli import answers
from mu2.errors import Mu2Error

if TYPE_CHECKING:
    import numpy as np

    from mu2.system.inference import Inference

CHUNK = 4096
STDIN = "-"


def document(inference: "Inference", options: argparse.Namespace) -> dict[str, Any]:
    """The answers of a task of tables or texts for the rows of some files.

    Raises:
      Mu2Error: there is no path yet; a file cannot be read, or its columns do not fit.
    """
    task = options.task
    kind = inference.system.task(task).input
    inference.path(task)  # or it says that there is none yet
    if options.column is not None and kind != "text":
        raise Mu2Error(f"--column names a column of texts, and task {task!r} reads {kind}s.")
    skipped: list[str] = []
    examples: list[dict[str, Any]] = []
    for file, inputs in _files(inference, options, kind, skipped):
        for start in range(0, len(inputs), CHUNK):
            best = inference.predict(task, inputs[start : start + CHUNK]).top(options.top)
            examples += [
                {"file": file, "row": start + number + 1, **answers.guess(each)}
                for number, each in enumerate(best)
            ]
    return {
        "format": 1,
        "system": options.system,
        "task": task,
        "examples": examples,
        "skipped": skipped,
    }


def _files(
    inference: "Inference", options: argparse.Namespace, kind: str, skipped: list[str]
) -> "Iterator[tuple[str, np.ndarray]]":
    """Each file with its examples, as the task's network reads them."""
    from mu2.system.inputs import FILES, read_lines, read_texts

    task, preparation = options.task, inference.preparation(options.task)
    suffixes = [s for s in FILES if kind == "text" or s != ".txt"]
    if options.data.count(STDIN) > 1:
        raise Mu2Error("standard input (-) is named twice.")
    for word in options.data:
        if word == STDIN:
            if kind != "text":
                raise Mu2Error(
                    "standard input (-) holds images or texts, and no table.",
                    hint="Give the name of a CSV or Parquet file.",
                )
            texts = read_lines(sys.stdin.buffer.read(), "standard input")
            yield STDIN, inference.examples(task, texts)
            continue
        for file in answers.files_of(word, suffixes, f"{kind}s", skipped):
            if not any(file.lower().endswith(suffix) for suffix in suffixes):
                raise Mu2Error(
                    f"task {task!r} reads {kind}s, and {file or 'a file without a name'} is none "
                    "by its name.",
                    hint=f"They end in {', '.join(suffixes)}.",
                )
            if kind == "text":
                yield file, inference.examples(task, read_texts(file, preparation, options.column))
            else:
                yield file, inference.examples(task, file)
