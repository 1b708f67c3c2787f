"""`mu2 log`: the commits of a system."""

import argparse

from mu2.cli.command import FAULTS_HELP, OK, Command, add_system, write_json, write_text

EPILOG = f"""\
A commit is named by its number, or by its number and the beginning of its digest:
  mu2 show DIR --at 12              the system as it stood
  mu2 run FILE ... --from DIR@12 --system NEW    a branch that goes on from there

One JSON document with --json:
  format   1
  system   the folder
  commits  a list, newest first: name, number, message, previous (null: the first), passing
           (true: a generation whose task iteration is not over)
or, where that fails:
{FAULTS_HELP}"""


def run(options: argparse.Namespace) -> int:
    """Prints the history, newest first."""
    from mu2.system import System

    commits = System.open(options.system).history()
    if options.json:
        write_json({"format": 1, "system": options.system, "commits": commits})
        return OK
    for commit in commits:
        note = "  (passing)" if commit["passing"] else ""
        write_text(
            f"{commit['number']}-{commit['name'].partition('-')[2][:8]}  {commit['message']}{note}"
        )
    return OK


COMMAND = Command("list the commits of a system", "DIR [--json]", add_system, run, EPILOG)
