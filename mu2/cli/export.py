"""`mu2 export`: one task's network alone, for use without mu2."""

import argparse

from mu2.cli.command import FAULTS_HELP, OK, Command, add_json, write_json, write_text

FORMS = ("orbax", "safetensors", "stablehlo")
EPILOG = f"""\
  orbax        a folder, a checkpoint that Orbax reads alone: the parameters, a tree
  safetensors  a file: the same parameters by name, and what they are as metadata
  stablehlo    a file that jax.export reads alone: from images (uint8) to logits, for one image
               or more; needs flatbuffers: pip install 'mu2[export]'

Beside it comes PATH.json, which says what it is. Nothing is written over; what cannot be written
whole is not there.

PATH.json, which --json prints as well:
  format               1
  mu2                  the version that wrote it
  form                 one of the three
  task, class_names    the task, and its classes in the order of the logits
  input                kind, shape of one example, dtype
  preprocessing        before: what is done to an example; first_step: what the network does to
                       it first; included: whether the export does that step; columns: those of
                       tables and texts, with means, deviations and categories (null: not known)
  output               what comes out
  model                name, settings
  hyperparameters      those of the path
  arithmetic           dtype of the arithmetic; parameters are float32
  path                 its id in the system
  components           a list in forward order: name, parameters, digest
  validation_accuracy, test_accuracy
  read_with            how to read it
  platforms, jax       of stablehlo alone
or, where that fails:
{FAULTS_HELP}"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """The system, the task, the form and the place."""
    parser.add_argument("system", metavar="DIR", help="the system's folder")
    parser.add_argument("--task", required=True, metavar="NAME", help="whose network")
    parser.add_argument("--format", required=True, choices=FORMS, help="the form")
    parser.add_argument("--to", required=True, metavar="PATH", help="where to; nothing is there")
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Writes the network and the document beside it."""
    from mu2.system import System
    from mu2.system.export import export

    document = export(System.open(options.system), options.task, options.format, options.to)
    if options.json:
        write_json(document)
        return OK
    parameters = sum(component["parameters"] for component in document["components"])
    platforms = f", for {', '.join(document['platforms'])}" if "platforms" in document else ""
    write_text(
        f"{options.to}: {options.task}, {len(document['class_names'])} classes, {parameters:,} "
        f"parameters{platforms}"
    )
    write_text(f"{options.to}.json says what it is. Read it with {document['read_with']}")
    return OK


COMMAND = Command(
    "write one task's network alone, for use without mu2",
    "DIR --task NAME --format {orbax,safetensors,stablehlo} --to PATH [--json]",
    arguments,
    run,
    EPILOG,
)
