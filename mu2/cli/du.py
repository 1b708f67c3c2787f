"""`mu2 du`: where the bytes of a system are."""

import argparse

from mu2.cli.command import FAULTS_HELP, OK, Command, add_system, write_json, write_text

EPILOG = f"""\
One JSON document with --json:
  format   1
  system   the folder
  total    bytes of all files
  tasks    task to bytes of the layers that it was the first to keep
  roots    bytes of the roots' layers
  history  bytes of layers that only earlier commits name
  unnamed  bytes that no commit names; `mu2 gc` frees them
  journal  bytes of commits, index and records
  other    bytes of logs and Gin files
or, where that fails:
{FAULTS_HELP}"""


def run(options: argparse.Namespace) -> int:
    """Prints bytes by task and by kind."""
    from pathlib import Path

    from mu2.system.audit import usage

    used = usage(Path(options.system))
    tasks = {n[5:]: size for n, size in used.records.items() if n.startswith("task/")}
    kinds = {
        "roots": sum(size for n, size in used.records.items() if n.startswith("root/")),
        "history": used.history,
        "unnamed": used.unnamed,
        "journal": used.journal,
        "other": used.other,
    }
    if options.json:
        head = {"format": 1, "system": options.system, "total": used.total, "tasks": tasks}
        write_json({**head, **kinds})
        return OK
    rows = {**{f"task {name}": size for name, size in tasks.items()}, **kinds}
    rows["total"] = used.total
    width = max(map(len, rows))
    for name, size in rows.items():
        write_text(f"{name:{width}}  {size:>15,}")
    return OK


COMMAND = Command("say where the bytes of a system are", "DIR [--json]", add_system, run, EPILOG)
