"""`mu2 predict`: image files classified by a system."""

import argparse
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mu2.cli.command import FAULTS_HELP, OK, Command, add_json, write_json
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
Needs Pillow: pip install 'mu2[images]'. Transparent parts of an image count as white.

A folder stands for all image files in it and in the folders below, by name; names that begin with
a dot are left out, and what is no image by its name is told on standard error. `-` is standard
input: an image, or else the names of files and folders, one a line, in UTF-8.

With --all every task that reads images answers for every image; layers that tasks share are
computed once.

One JSON document with --json:
  format    1
  system    the folder
  task      the task; with --all instead: tasks, their names
  images    a list, in the given order: file, class, class_index, probability, and top,
            the likeliest classes first: class, class_index, probability
            with --all: file, and answers, one a task: task, class, class_index, probability, top
  skipped   files in folders that are no images by their name
or, where that fails:
{FAULTS_HELP}"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """The system, the task and the images."""
    parser.add_argument("system", metavar="DIR", help="the system's folder")
    parser.add_argument(
        "images", nargs="+", metavar="IMAGE", help="an image file, a folder of them, or -"
    )
    whose = parser.add_mutually_exclusive_group(required=True)
    whose.add_argument("--task", metavar="NAME", help="whose classes to tell")
    whose.add_argument("--all", action="store_true", help="the classes of every task of images")
    parser.add_argument(
        "--top", type=_positive, default=1, metavar="K", help="the K likeliest classes (default 1)"
    )
    add_json(parser)


def _positive(text: str) -> int:
    number = int(text) if text.isdecimal() else 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1 on")
    return number


def run(options: argparse.Namespace) -> int:
    """Prints the likeliest classes of each image."""
    from mu2.report import text
    from mu2.system import System
    from mu2.system.inference import Inference

    inference = Inference(System.open(options.system))
    tasks = _tasks(inference, options.task)
    pictures, skipped = _pictures(options.images)
    _tell_skipped(skipped)
    images: list[dict[str, Any]] = []
    for start in range(0, len(pictures), CHUNK):
        some = pictures[start : start + CHUNK]
        answers = _answers(inference, tasks, some, options.top)
        for (file, _), of_tasks in zip(some, answers, strict=True):
            if options.all:
                listed = [{"task": task, **answer} for task, answer in of_tasks.items()]
                images.append({"file": file, "answers": listed})
            else:
                images.append({"file": file, **of_tasks[options.task]})
    document = {
        "format": 1,
        "system": options.system,
        **({"tasks": list(tasks)} if options.all else {"task": options.task}),
        "images": images,
        "skipped": skipped,
    }
    if options.json:
        write_json(document)
    else:
        text.show(text.prediction_table(document), sys.stdout)
    return OK


def _tasks(inference: "Inference", named: str | None) -> tuple[str, ...]:
    """The task that is named, or all that read images.

    Raises:
      Mu2Error: there is none, or it reads something else.
    """
    if named is None:
        if not (tasks := inference.tasks("image")):
            directory = inference.system.directory
            raise Mu2Error(f"{directory} has no task that reads images and has a path.")
        return tasks
    if (kind := inference.system.task(named).input) != "image":
        known = ", ".join(inference.tasks("image"))
        raise Mu2Error(
            f"task {named!r} reads {kind}s, and `mu2 predict` reads image files.",
            hint=f"Tasks of images: {known}." if known else "Python reads them: mu2.open(DIR).",
        )
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
    from mu2.system.inputs import SUFFIXES

    if not name or not os.path.isdir(name):
        return [(name, None)]
    found: list[Picture] = []
    for folder, folders, files in os.walk(name):
        folders[:] = sorted(each for each in folders if not each.startswith("."))
        for file in sorted(each for each in files if not each.startswith(".")):
            path = os.path.join(folder, file)
            if os.path.splitext(file)[1].lower() in SUFFIXES and os.path.isfile(path):
                found.append((path, None))
            else:
                skipped.append(path)
    if not found:
        raise Mu2Error(
            f"{name} holds no images.", hint=f"Images end in {', '.join(sorted(SUFFIXES))}."
        )
    return found


def _tell_skipped(skipped: Sequence[str]) -> None:
    if skipped:
        more = len(skipped) - SKIPPED_SAID
        said = ", ".join(skipped[:SKIPPED_SAID]) + (f" and {more} more" if more > 0 else "")
        sys.stderr.write(f"mu2: skipped, no images: {shown(said)}\n")


def _answers(
    inference: "Inference", tasks: Sequence[str], pictures: Sequence[Picture], top: int
) -> Iterator[dict[str, dict[str, Any]]]:
    """For each picture, the guesses of each task.

    Raises:
      Faults: some files are no images; every one is named.
    """
    predicted = inference.predict_all(_inputs(inference, tasks, pictures), tasks)
    names = {task: inference.system.task(task).class_names for task in tasks}
    for number in range(len(pictures)):
        yield {
            task: _guess(predicted[task].probabilities[number], names[task], top) for task in tasks
        }


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


def _guess(probabilities: "np.ndarray", names: Sequence[str], top: int) -> dict[str, Any]:
    """The likeliest class, and the `top` likeliest."""
    order = (-probabilities).argsort(kind="stable")[:top]
    guesses = [
        {"class": names[i], "class_index": int(i), "probability": float(probabilities[i])}
        for i in order
    ]
    return {**guesses[0], "top": guesses}


COMMAND = Command(
    "classify image files with a system",
    "DIR {--task NAME | --all} IMAGE ... [--top K] [--json]",
    arguments,
    run,
    EPILOG,
    many="images",
)
