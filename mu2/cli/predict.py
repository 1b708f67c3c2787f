"""`mu2 predict`: images, rows of tables and texts classified by a system."""

import argparse
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mu2.cli import answers, rows
from mu2.cli.command import FAULTS_HELP, OK, Command, add_json, write_json, write_text
from mu2.errors import Mu2Error, shown

if TYPE_CHECKING:
    import numpy as np

    from mu2.system.inference import Inference
    from mu2.system.inputs import Form

CHUNK = 256
STDIN = "-"
SKIPPED_SAID = 5
# What can be read: the name of a file, or a name with what is in it.
Picture = tuple[str, bytes | None]
EPILOG = f"""\
DATA is, of a task of
  images  image files; needs Pillow: pip install 'mu2[images]'. Transparent parts count as white.
  tables  CSV (.csv, .tsv) or Parquet files (.parquet) with the columns that the task was trained
          with, by name; other columns are passed over. Rows are filled and scaled as in training.
  texts   text files (.txt, a text a line), or CSV or Parquet files with a column of texts: that
          of training, else the one called 'text', else the only one; --column names another

A folder stands for all such files in it and in the folders below, by name; names that begin with
a dot are left out, and what is none by its name is told on standard error. `-` is standard input:
an image, or else the names of files and folders, one a line, in UTF-8; of a task of texts, the
texts, one a line.

With --all every task of the data's kind answers for every example; layers that tasks of images or
texts share are computed once. For a table those tasks answer whose columns it has; others are told
on standard error. A table is one of texts with --column, or where no task reads tables.

--to writes a CSV file: file, row (of tables and texts, from 1), task (with --all), class,
class_index, probability, and with --top K class_2, probability_2 and so on.

One JSON document with --json:
  format    1
  system    the folder
  task      the task; with --all instead: tasks, their names
  images    a list, in the given order: file, class, class_index, probability, and top,
            the likeliest classes first: class, class_index, probability
            with --all: file, and answers, one a task: task, class, class_index, probability, top
  examples  of a task of tables or texts in place of images: file, row, class, and so on; with
            --all: file, row and answers
  unfit     of tables with --all, a list: file, task, and lacking, the columns that the file has
            not (none where those of the task have no names)
  skipped   files in folders that are none by their name
or, where that fails:
{FAULTS_HELP}"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """The system, the task and the examples."""
    parser.add_argument("system", metavar="DIR", help="the system's folder")
    parser.add_argument(
        "data", nargs="+", metavar="DATA", help="a file of examples, a folder of them, or -"
    )
    whose = parser.add_mutually_exclusive_group(required=True)
    whose.add_argument("--task", metavar="NAME", help="whose classes to tell")
    whose.add_argument(
        "--all", action="store_true", help="the classes of every task of the data's kind"
    )
    parser.add_argument(
        "--top", type=_positive, default=1, metavar="K", help="the K likeliest classes (default 1)"
    )
    parser.add_argument("--column", metavar="NAME", help="the column of texts in a table")
    parser.add_argument("--to", metavar="FILE.csv", help="write the answers there; none is there")
    parser.add_argument("--at", metavar="COMMIT", help="the system as it stood then; see mu2 log")
    add_json(parser)


def _positive(text: str) -> int:
    number = int(text) if text.isdecimal() else 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1 on")
    return number


def run(options: argparse.Namespace) -> int:
    """Prints the likeliest classes of each example."""
    from mu2.report import text
    from mu2.system import System
    from mu2.system.inference import Inference

    if options.to is not None:
        answers.check_target(options.to)
    inference = Inference(System.open(options.system, options.at))
    if options.all:
        kind = rows.kind_of(inference, options.data, options.column)
    else:
        kind = inference.system.task(options.task).input
    if kind == "image":
        document = _of_images(inference, options)
    else:
        document = rows.document(inference, options, kind)
    tell_skipped(document["skipped"])
    tell_unfit(document.get("unfit", ()))
    if options.to is not None:
        answers.write(options.to, document, options.top)
    if options.json:
        write_json(document)
    elif options.to is None:
        text.show(text.prediction_table(document), sys.stdout)
    else:
        write_text(f"{options.to}: {len(document.get('images') or document['examples']):,} answers")
    return OK


def _of_images(inference: "Inference", options: argparse.Namespace) -> dict[str, Any]:
    """The answers for image files."""
    if options.column is not None:
        raise Mu2Error("--column names a column of texts, and images have none.")
    tasks = _tasks(inference, options.task)
    pictures, skipped = _pictures(options.data)
    images: list[dict[str, Any]] = []
    for start in range(0, len(pictures), CHUNK):
        some = pictures[start : start + CHUNK]
        told = _answers(inference, tasks, some, options.top)
        for (file, _), of_tasks in zip(some, told, strict=True):
            if options.all:
                listed = [{"task": task, **answer} for task, answer in of_tasks.items()]
                images.append({"file": file, "answers": listed})
            else:
                images.append({"file": file, **of_tasks[options.task]})
    return {
        "format": 1,
        "system": options.system,
        **({"tasks": list(tasks)} if options.all else {"task": options.task}),
        "images": images,
        "skipped": skipped,
    }


def _tasks(inference: "Inference", named: str | None) -> tuple[str, ...]:
    """The task that is named, or all that read images.

    Raises:
      Mu2Error: there is none.
    """
    if named is None:
        if not (tasks := inference.tasks("image")):
            directory = inference.system.directory
            raise Mu2Error(f"{directory} has no task that reads images and has a path.")
        return tasks
    inference.path(named)  # or it says that there is none yet
    return (named,)


def _pictures(words: Sequence[str]) -> tuple[list[Picture], list[str]]:
    """The images that some words stand for, and the files in folders that are passed over.

    Raises:
      Mu2Error: standard input is named twice or empty, or a folder holds no images.
    """
    from mu2.system.inputs import is_picture

    if words.count(STDIN) > 1:
        raise Mu2Error("standard input (-) is named twice.")
    pictures: list[Picture] = []
    skipped: list[str] = []
    for word in words:
        if word != STDIN:
            pictures += _named(word, skipped)
            continue
        content = sys.stdin.buffer.read()
        if not content.strip():
            raise Mu2Error(
                "standard input is empty.",
                hint="Give an image on it, or the names of image files, one a line.",
            )
        if is_picture(content):
            pictures.append((STDIN, content))
            continue
        try:
            names = content.decode().replace("\r\n", "\n").split("\n")
        except UnicodeDecodeError as error:
            raise Mu2Error(
                "standard input is no image that Pillow knows, and no list of names in UTF-8."
            ) from error
        pictures += [each for name in names if name for each in _named(name, skipped)]
    return pictures, skipped


def _named(name: str, skipped: list[str]) -> list[Picture]:
    """A file, or the images in a folder; what else is in that is added to `skipped`."""
    if not name:
        return [(name, None)]
    return [(file, None) for file in answers.files_of(name, "image", skipped)]


def tell_skipped(skipped: Sequence[str]) -> None:
    """Says on standard error which files in folders were passed over."""
    if skipped:
        more = len(skipped) - SKIPPED_SAID
        said = ", ".join(skipped[:SKIPPED_SAID]) + (f" and {more} more" if more > 0 else "")
        sys.stderr.write(f"mu2: skipped, no examples by their names: {shown(said)}\n")


def tell_unfit(unfit: Sequence[Mapping[str, Any]]) -> None:
    """Says on standard error which tasks of tables were not asked for a file's rows, and why."""
    for each in unfit[:SKIPPED_SAID]:
        names = ", ".join(map(repr, each["lacking"][:SKIPPED_SAID]))
        more = " …" * (len(each["lacking"]) > SKIPPED_SAID)
        why = f"{each['file']} lacks {names}{more}" if names else "its columns have no names"
        sys.stderr.write(f"mu2: task {each['task']!r} is not asked: {shown(why)}\n")
    if len(unfit) > SKIPPED_SAID:
        sys.stderr.write(f"mu2: and {len(unfit) - SKIPPED_SAID} more\n")


def _answers(
    inference: "Inference", tasks: Sequence[str], pictures: Sequence[Picture], top: int
) -> Iterator[dict[str, dict[str, Any]]]:
    """For each picture, the guesses of each task.

    Raises:
      Faults: some files are no images; every one is named.
    """
    predicted = inference.predict_all(_inputs(inference, tasks, pictures), tasks)
    best = {task: predicted[task].top(top) for task in tasks}
    for number in range(len(pictures)):
        yield {task: answers.guess(best[task][number]) for task in tasks}


def _inputs(
    inference: "Inference", tasks: Iterable[str], pictures: Sequence[Picture]
) -> "Mapping[Form, np.ndarray]":
    """The pictures in every form that the tasks read."""
    import numpy as np

    from mu2.config.linter import Faults
    from mu2.system.inputs import fit_image, pixels

    made: dict[Form, list[np.ndarray]] = {inference.form(task): [] for task in tasks}
    faults = []
    for file, content in pictures:
        try:
            # Fitted one by one, so that only one is held at its full size.
            image = pixels(file if content is None else content, "standard input")
            for form, fitting in made.items():
                fitting.append(fit_image(image, form))
        except Mu2Error as fault:
            faults.append(fault)
    if faults:
        raise Faults(faults)
    return {form: np.stack(fitting) for form, fitting in made.items()}


COMMAND = Command(
    "classify images, rows of tables or texts with a system",
    "DIR {--task NAME | --all} DATA ... [--top K] [--column NAME]\n"
    "           [--to FILE.csv] [--at COMMIT] [--json]",
    arguments,
    run,
    EPILOG,
    many="data",
)
