"""`mu2 list`: what Gin files can include and name."""

import argparse
from typing import Any

from mu2.cli import catalogue
from mu2.cli.command import FAULTS_HELP, OK, Command, add_json, write_json, write_lines

EPILOG = f"""\
Files are named as in include 'NAME'; packages that offer entry points of the group 'mu2' add
theirs, from their folder gin/. `mu2 explain NAME` says more of each.

One JSON document with --json:
  format         1; changes when a key changes its meaning or goes
  files          a list: name, kind (spaces, methods, ranges, budgets, optimizers,
                 augmentations, streams, meshes, executors, roots, tables, runs, others),
                 package, summary
  configurables  a list: name, kind (sources, models, roots, others), package, summary
or, where that fails:
{FAULTS_HELP}"""
TITLES = {
    "spaces": "Search spaces",
    "methods": "Methods: rules of mutation, baselines",
    "ranges": "Ranges: what moves, and how far",
    "budgets": "Budgets: children, and how long each trains",
    "optimizers": "Optimizers, where their hyperparameters begin",
    "augmentations": "Augmentations, where their hyperparameters begin",
    "streams": "Streams of tasks",
    "meshes": "Meshes of devices",
    "executors": "Executors",
    "roots": "Roots",
    "tables": "Tables of papers and ours; as a run, the first column",
    "runs": "Runs",
    "others": "Other files",
}
CONFIGURABLES = {
    "sources": "Sources of examples, as in Task.source = @NAME()",
    "models": "Models, as in SearchSpace.models = (@NAME(),)",
    "roots": "Roots, as in Experiment.roots = (@NAME(),)",
    "others": "Other configurables",
}


def run(options: argparse.Namespace) -> int:
    """Prints all files and configurables, each with its first sentence."""
    found = document()
    if options.json:
        write_json(found)
        return OK
    width = catalogue.terminal_width()
    blocks = []
    for key, titles in (("files", TITLES), ("configurables", CONFIGURABLES)):
        for kind, title in titles.items():
            rows = [(_label(each), each["summary"]) for each in found[key] if each["kind"] == kind]
            if rows:
                blocks.append("\n".join([title, *catalogue.align_columns(rows, width)]))
    write_lines("\n\n".join(blocks).split("\n"))
    return OK


def _label(each: dict[str, Any]) -> str:
    own = each["package"] == catalogue.OWN
    return str(each["name"]) + ("" if own else f" ({each['package']})")


def document() -> dict[str, Any]:
    """The JSON document."""
    from mu2.config import vocabulary
    from mu2.config.documentation import configurables, constructor_doc

    known = vocabulary().configurables
    return {
        "format": 1,
        "files": [
            {
                "name": file.name,
                "kind": file.kind,
                "package": file.package,
                "summary": catalogue.first_sentence(file.header),
            }
            for file in catalogue.files()
        ],
        "configurables": [
            {
                "name": name,
                "kind": kind,
                "package": known[name].make.__module__.partition(".")[0],
                "summary": catalogue.first_sentence(constructor_doc(known[name].make)),
            }
            for kind, names in configurables().items()
            for name in names
        ],
    }


COMMAND = Command(
    "list the files and configurables that a Gin file can name", "[--json]", add_json, run, EPILOG
)
