"""The commands of `mu2`, a module each; a new one is a new module and a name in this table."""

import importlib

from mu2.cli.command import Command

NAMES = (
    *("check", "plan", "data", "run", "agents", "table", "show", "predict", "evaluate", "export"),
    *("report", "watch", "plot", "track", "task", "diff", "log", "verify", "repair", "gc", "du"),
    *("list", "explain"),
)


def command(name: str) -> Command:
    """The command of a name in the table; its module is light, whatever it needs later."""
    made: Command = importlib.import_module(f"mu2.cli.{name}").COMMAND
    return made
