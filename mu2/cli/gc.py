"""`mu2 gc`: removes what no commit names."""

import argparse

from mu2.cli.command import FAULTS_HELP, OK, Command, add_system, write_json, write_text

EPILOG = f"""\
Runs and agents remove what they no longer need by themselves; a crash may leave something behind.
Agents may run meanwhile.

One JSON document with --json:
  format  1
  system  the folder
  freed   bytes
or, where that fails:
{FAULTS_HELP}"""


def run(options: argparse.Namespace) -> int:
    """Frees the space, and says how much it was."""
    from mu2.system import System
    from mu2.system.writable import WritableSystem

    System.open(options.system)
    with WritableSystem.extend(options.system, beside_agents=True) as system:
        freed = system.sweep()
    if options.json:
        write_json({"format": 1, "system": options.system, "freed": freed})
    else:
        write_text(f"{options.system}: {freed:,} bytes freed.")
    return OK


COMMAND = Command("remove what no commit names", "DIR [--json]", add_system, run, EPILOG)
