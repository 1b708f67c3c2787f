"""`mu2 task`: tasks of a system renamed, removed, copied, made private or public."""

import argparse

from mu2.cli.command import FAULTS_HELP, OK, Command, add_json, write_json, write_text
from mu2.errors import Mu2Error

ACTIONS = ("rename", "remove", "copy", "private", "public")
EPILOG = f"""\
  rename DIR TASK NAME     shows the task by another name; its own stays its id, and runs and
                           questions know both
  remove DIR TASK          takes the task out; what others share with it stays
  copy DIR TASK --to DIR   copies the task with its components to another system, old or new
       [--as NAME]
  private DIR TASK         the task is no material for others from the next run on
  public DIR TASK          it is

Each is a commit. To go back from it, begin a branch at the commit before (mu2 log lists them):
  mu2 run FILE ... --from DIR@COMMIT --system NEW

One JSON document with --json:
  format  1
  system  the folder that was written
  action, task
  commit  the number of the commit
or, where that fails:
{FAULTS_HELP}"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """The action, the system, the task, and what the action takes."""
    parser.add_argument("action", choices=ACTIONS, metavar="ACTION", help=", ".join(ACTIONS))
    parser.add_argument("system", metavar="DIR", help="the system's folder")
    parser.add_argument("task", metavar="TASK", help="one of its tasks")
    parser.add_argument("name", nargs="?", metavar="NAME", help="of rename: the new name")
    parser.add_argument("--to", metavar="DIR", help="of copy: the other system's folder")
    parser.add_argument("--as", dest="copy_name", metavar="NAME", help="of copy: its name there")
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Changes the system, and says so."""
    _check(options)
    from mu2.system import System, task_edits

    written, directory, task = options.system, options.system, options.task
    if options.action == "rename":
        task_edits.rename_task(directory, task, options.name)
        said = f"{task} is shown as {options.name}"
    elif options.action == "remove":
        task_edits.remove_task(directory, task)
        said = f"{task} is removed"
    elif options.action == "copy":
        task_edits.copy_task(directory, task, options.to, options.copy_name)
        written, said = options.to, f"{options.copy_name or task} is copied from {directory}"
    else:
        task_edits.set_private(directory, task, options.action == "private")
        said = f"{task} is {options.action}"
    number = System.open(written).history()[0]["number"]
    if options.json:
        head = {"format": 1, "system": written, "action": options.action, "task": task}
        write_json({**head, "commit": number})
    else:
        write_text(f"{written}: {said} (commit {number}).")
    return OK


def _check(options: argparse.Namespace) -> None:
    """Raises Mu2Error where words are missing, or belong to another action."""
    for action, word, value in (
        ("rename", "NAME", options.name),
        ("copy", "--to", options.to),
        ("copy", "--as", options.copy_name),
    ):
        if value is not None and options.action != action:
            raise Mu2Error(f"mu2 task {options.action} takes no {word}; mu2 task {action} does.")
    if options.action == "rename" and options.name is None:
        raise Mu2Error("mu2 task rename needs the new name: mu2 task rename DIR TASK NAME")
    if options.action == "copy" and options.to is None:
        raise Mu2Error("mu2 task copy needs the other system: mu2 task copy DIR TASK --to DIR")


COMMAND = Command(
    "rename, remove or copy a task, or make it private or public",
    "{rename,remove,copy,private,public} DIR TASK [NAME] [--to DIR] [--as NAME] [--json]",
    arguments,
    run,
    EPILOG,
)
