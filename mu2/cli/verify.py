"""`mu2 verify`: proof that nothing in a system has changed."""

import argparse
from typing import Any

from mu2.cli.command import FAULT, FAULTS_HELP, OK, Command, add_json, write_json, write_text

EPILOG = f"""\
Every file that a commit names is compared with the digest it was written with, history, logs and
all; and of each task's few kept test examples the predictions are computed again (tasks that are
private keep none). Nothing but the folder is read, and none of its Gin files is run.

--data reads the tasks' data as the system's own Gin files say, and compares all test predictions
bit for bit with those it was locked with; that needs the data, and the hardware, threads and
libraries of that time. Ask for it where you trust whoever made the system.

One JSON document with --json:
  format       1
  system       the folder
  ok           false: a fault, or predictions that changed; the exit code is then 2
  faults       a list: file, problem, tasks (those that it harms)
  predictions  without --fast, a list: task, same (null: could not be tried, as where the test
               examples are others), reason
or, where that fails:
{FAULTS_HELP}"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """The system's folder, and how much to look at."""
    parser.add_argument("system", metavar="DIR", help="the system's folder")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--fast", action="store_true", help="digests alone, no predictions")
    how.add_argument(
        "--data", action="store_true", help="all test predictions, by the system's own Gin files"
    )
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Prints what is not as it was written, and whose predictions are not what they were."""
    from pathlib import Path

    from mu2.system.audit import verify

    faults = [
        {"file": fault.file, "problem": fault.problem, "tasks": _tasks(fault.records)}
        for fault in verify(Path(options.system))
    ]
    proofs: list[dict[str, Any]] = []
    if not options.fast:
        proofs = _predictions(options, [task for fault in faults for task in fault["tasks"]])
    ok = not faults and all(proof["same"] is not False for proof in proofs)
    if options.json:
        document = {"format": 1, "system": options.system, "ok": ok, "faults": faults}
        write_json(document if options.fast else {**document, "predictions": proofs})
        return OK if ok else FAULT
    for fault in faults:
        consequence = f" It harms: {', '.join(fault['tasks'])}." if fault["tasks"] else ""
        write_text(f"{fault['file']}: {fault['problem']}{consequence}")
    for proof in proofs:
        said = {True: "as when locked", False: "CHANGED", None: "not tried"}[proof["same"]]
        write_text(
            f"{proof['task']}: predictions {said}{': ' if proof['reason'] else ''}{proof['reason']}"
        )
    write_text(f"{options.system}: {'nothing has changed.' if ok else 'not as it was written.'}")
    return OK if ok else FAULT


def _tasks(records: tuple[str, ...]) -> list[str]:
    others = ("run/", "sample/")
    named = [name for name in records if not name.startswith(others)]
    tasks = [name.removeprefix("task/").removeprefix("predictions/") for name in named]
    return list(dict.fromkeys(tasks))


def _predictions(options: argparse.Namespace, damaged_tasks: list[str]) -> list[dict[str, Any]]:
    """The proofs of all tasks that can be read; harmed ones are told as such."""
    from mu2.errors import Mu2Error
    from mu2.planning.verification import prove, prove_samples
    from mu2.system import System

    try:
        proofs = list((prove if options.data else prove_samples)(System.open(options.system)))
    except Mu2Error as error:
        return [{"task": task, "same": None, "reason": error.message} for task in damaged_tasks]
    found = [{"task": p.task, "same": p.same, "reason": p.reason} for p in proofs]
    # What cannot be read is told as damaged, and is not tried.
    return [{**p, "same": p["same"] or None} if p["task"] in damaged_tasks else p for p in found]


COMMAND = Command(
    "prove that nothing in a system has changed, and nothing is forgotten",
    "DIR [--fast | --data] [--json]",
    arguments,
    run,
    EPILOG,
)
