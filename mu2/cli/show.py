"""`mu2 show`: what a system holds."""

import argparse
import sys

from mu2.cli.command import FAULTS_HELP, OK, Command, add_json, write_json

EPILOG = f"""\
One JSON document with --json:
  format      1; changes when a key changes its meaning or goes
  system      the folder
  models      the architectures: class name and settings of each
  parameters  of all live paths, each component counted once
  tasks       a list: name, private, input, iterations, classes, path, model, test_accuracy,
              validation_accuracy, score, parent_task (null: a root), components,
              reused_components, reused_from, path_parameters, added_parameters,
              accounted_parameters, activated_share, seconds, hyperparameters
  run         complete; where it is not: task, iteration, generation
or, where that fails:
{FAULTS_HELP}"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """The system's folder, and the commit."""
    parser.add_argument("system", metavar="DIR", help="the system's folder")
    parser.add_argument("--at", metavar="COMMIT", help="as it stood then; see mu2 log")
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Prints the tasks of a system, their quality and where it comes from."""
    from mu2.report import text
    from mu2.report.summary import summarise
    from mu2.system import System

    summary = summarise(System.open(options.system, options.at))
    if options.json:
        write_json(summary)
    else:
        text.show_system(summary, sys.stdout)
    return OK


COMMAND = Command("show what a system holds", "DIR [--at COMMIT] [--json]", arguments, run, EPILOG)
