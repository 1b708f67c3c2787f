"""`mu2 show`: what a system holds."""

import argparse
import sys

from mu2.cli.command import FAULTS_HELP, OK, Command, add_json, write_json

EPILOG = f"""\
  mu2 show systems/quickstart --task latin     its lineage, settings and children
  mu2 show systems/quickstart --tree           which task comes from which, and what it uses

One JSON document with --json:
  format      1; changes when a key changes its meaning or goes
  system      the folder
  models      the architectures: class name and settings of each
  parameters  of all live paths, each component counted once
  tasks       a list: name, private, input, iterations, classes, path, model, test_accuracy,
              validation_accuracy, score, parent_task (null: a root), lineage (null: a root),
              components, reused_components, reused_from, reused_layers, path_parameters,
              added_parameters, accounted_parameters, activated_share, seconds, hyperparameters
  run         complete; where it is not: task, iteration, generation
With --task the list `tasks` has that one, and there are `lineage`, from its path back to the root,
and `children`, all of the task's.
or, where that fails:
{FAULTS_HELP}"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """The system's folder, and the commit."""
    parser.add_argument("system", metavar="DIR", help="the system's folder")
    parser.add_argument("--at", metavar="COMMIT", help="as it stood then; see mu2 log")
    parser.add_argument("--task", metavar="NAME", help="everything of one task")
    parser.add_argument("--tree", action="store_true", help="which task comes from which")
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Prints the tasks of a system, their quality and where it comes from."""
    from mu2.errors import Mu2Error
    from mu2.report import text
    from mu2.report.summary import summarise
    from mu2.system import System

    system = System.open(options.system, options.at)
    if options.task is not None:
        system.task(options.task)  # refuses a task that there is not, with the nearest name
        if options.tree:
            raise Mu2Error("--task and --tree show different things.", hint="Give one of them.")
    summary = summarise(system)
    if options.task is not None:
        from mu2.report.one_task import one_task, show_task
        from mu2.report.reading import read_history

        history = read_history(options.system, options.at)
        (about,) = [task for task in summary["tasks"] if task["name"] == options.task]
        if options.json:
            write_json({**summary, "tasks": [about], **one_task(history, options.task)})
        else:
            show_task(about, history, sys.stdout)
    elif options.json:
        write_json(summary)
    elif options.tree:
        from mu2.report.one_task import task_tree

        text.show(task_tree(summary), sys.stdout)
    else:
        text.show_system(summary, sys.stdout)
    return OK


COMMAND = Command(
    "show what a system holds",
    "DIR [--task NAME | --tree] [--at COMMIT] [--json]",
    arguments,
    run,
    EPILOG,
)
