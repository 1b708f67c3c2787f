"""What `mu2 predict` tells of an example, and the CSV file that it writes."""

import csv
import io
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mu2.errors import Mu2Error

if TYPE_CHECKING:
    from mu2.system.inference import Guess

ENDING = ".csv"


def guess(best: "Sequence[Guess]") -> dict[str, Any]:
    """The likeliest class, and under `top` all that were asked for, the likeliest first."""
    guesses = [
        {"class": each.name, "class_index": each.label, "probability": each.probability}
        for each in best
    ]
    return {**guesses[0], "top": guesses}


def files_of(name: str, kind: str, skipped: list[str]) -> Sequence[str]:
    """A file as it is named, or the files of a kind in a folder and below, by name.

    Args:
      name: a file or a folder.
      kind: `image`, `table` or `text`.
      skipped: takes up what else is in the folder.

    Raises:
      Mu2Error: a folder holds none.
    """
    from mu2.system.inputs import files_in

    if not os.path.isdir(name):
        return [name]
    found, others = files_in(name, kind)
    skipped += others
    return found


def check_target(target: str) -> None:
    """Refuses a place for the answers before anything is computed.

    Raises:
      Mu2Error: it does not end in .csv, something is there, or its folder is not.
    """
    if not target.endswith(ENDING):
        raise Mu2Error(f"--to is {target!r}; answers are written as CSV, to a name in {ENDING}.")
    if os.path.lexists(target):
        raise Mu2Error(
            f"{target} is there already; answers are written over nothing.",
            hint="Choose another --to, or move it away.",
        )
    folder = os.path.dirname(target) or "."
    if not os.path.isdir(folder):
        raise Mu2Error(f"{target} cannot be written: there is no folder {folder}.")


def write(target: str, document: Mapping[str, Any], top: int) -> None:
    """Writes answers as CSV, UTF-8: the whole of them or nothing.

    Args:
      target: the file.
      document: what `mu2 predict --json` prints.
      top: classes an example.

    Raises:
      Mu2Error: it cannot be written.
    """
    from pathlib import Path

    from mu2.system import documents

    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(_lines(document, top))
    documents.write(Path(target), out.getvalue().encode())


def _lines(document: Mapping[str, Any], top: int) -> Iterator[list[Any]]:
    several, rows = "tasks" in document, "examples" in document
    head = ["file", *(["row"] if rows else []), *(["task"] if several else [])]
    head += ["class", "class_index", "probability"]
    # A task may have fewer classes than are asked for, and each line as many cells as the first.
    most = max(
        len(answer["top"])
        for example in document["examples" if rows else "images"]
        for answer in (example["answers"] if several else [example])
    )
    numbers = range(2, min(top, most) + 1)
    yield [*head, *(f"{name}_{k}" for k in numbers for name in ("class", "probability"))]
    for example in document["examples" if rows else "images"]:
        place = [example["file"], *([example["row"]] if rows else [])]
        for answer in example["answers"] if several else [example]:
            line = [*place, *([answer["task"]] if several else [])]
            line += [answer["class"], answer["class_index"], answer["probability"]]
            for each in answer["top"][1:]:
                line += [each["class"], each["probability"]]
            yield line + [""] * (2 * (most - len(answer["top"])))
