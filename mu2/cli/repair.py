"""`mu2 repair`: puts back what can be of a damaged system."""

import argparse

from mu2.cli.command import FAULTS_HELP, OK, Command, add_json, write_json, write_lines, write_text

EPILOG = f"""\
Puts HEAD to the newest whole commit, writes pointers anew, and takes away what killed processes
left. Nothing is deleted: what gives way is moved to DIR/repaired/. Bytes that are lost cannot be
put back; `mu2 verify` says which.

One JSON document with --json:
  format  1
  system  the folder
  done    whether the steps were taken (--yes)
  steps   a list: file, problem, action
or, where that fails:
{FAULTS_HELP}"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """The system's folder, and whether to do it."""
    parser.add_argument("system", metavar="DIR", help="the system's folder")
    parser.add_argument("--yes", action="store_true", help="do it (otherwise it is only shown)")
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Shows what would be put back, or puts it back."""
    from pathlib import Path

    from mu2.system.audit import plan, repair

    steps = (repair if options.yes else plan)(Path(options.system))
    if options.json:
        listed = [{"file": s.file, "problem": s.problem, "action": s.action} for s in steps]
        head = {"format": 1, "system": options.system, "done": options.yes}
        write_json({**head, "steps": listed})
        return OK
    for step in steps:
        write_lines([f"{step.file}: {step.problem}", f"  {step.action}"])
    if not steps:
        write_text(f"{options.system}: there is nothing to put back.")
    elif options.yes:
        write_text(f"{options.system}: done. `mu2 verify {options.system}` says what is left.")
    else:
        write_text(f"{options.system}: nothing is done yet; --yes does it.")
    return OK


COMMAND = Command(
    "put back what can be of a damaged system; it is shown first, and nothing is lost",
    "DIR [--yes] [--json]",
    arguments,
    run,
    EPILOG,
)
