"""`mu2 plot`: a figure for a paper or a page, of one kind of chart."""

import argparse
from pathlib import Path

from mu2.cli.command import FAULTS_HELP, OK, Command, add_json, write_json, write_text

EPILOG = f"""\
Kinds of charts:
  graph        the system: a column a layer, a row a task
  growth       what each task iteration added and took, in five panels
  flow         whose layers serve whom            descent    whose paths a path comes from
  sharing      layers in common                   matrix     accuracy on all tasks over time
  parameters   of the system, over time           share      of it that one task uses
  size         accuracy against parameters        depth      layers a path
  time, flops  by task                            spent      accuracy against operations
  course       of a hyperparameter (--hyperparameter NAME) along the lineages
of one task (--task NAME):
  curves       of its children                    scores     of its children
  learning     along its lineage                  lineage    scores of its ancestors
  classes      accuracy per class                 confusion  of its classes
of several systems:
  comparison   accuracy task by task              efficiency accuracy against parameters a task

  mu2 plot systems/quickstart graph --to graph.pdf
  mu2 plot systems/quickstart curves --task latin --to curves.svg
  mu2 plot systems/one systems/other comparison --to comparison.png

One JSON document with --json:
  format   1
  file     the file that was written
  kind     of the chart
or, where that fails:
{FAULTS_HELP}"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """The systems' folders, the kind and the file."""
    parser.add_argument("words", nargs="+", metavar="DIR ... KIND", help="folders, then a kind")
    parser.add_argument("--to", required=True, metavar="FILE", help="ends in .pdf, .svg or .png")
    parser.add_argument("--task", metavar="NAME", help="for charts of one task")
    parser.add_argument("--hyperparameter", metavar="NAME", help="for a course")
    parser.add_argument("--at", metavar="COMMIT", help="as it stood then; see mu2 log")
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Draws the figure."""
    from mu2.errors import Mu2Error, did_you_mean
    from mu2.report.figures import figure_of
    from mu2.report.kinds import KINDS, OF_SEVERAL
    from mu2.report.plots import plot_format, write_plot
    from mu2.report.reading import read_history, tell_apart

    *folders, kind = options.words
    file = Path(options.to)
    plot_format(file)
    if kind not in KINDS:
        raise Mu2Error(f"no kind of chart is called {kind!r}.", hint=did_you_mean(kind, KINDS))
    if not folders or (len(folders) > 1 and kind not in OF_SEVERAL):
        raise Mu2Error(
            f"a chart of kind {kind!r} is of one system; {len(folders)} are named.",
            hint="Write: mu2 plot DIR KIND --to FILE.",
        )
    histories = tell_apart([read_history(f, options.at) for f in folders], folders)
    write_plot(figure_of(histories, kind, options.task, options.hyperparameter), file)
    if options.json:
        write_json({"format": 1, "file": str(file), "kind": kind})
    else:
        write_text(str(file))
    return OK


COMMAND = Command(
    "draw a chart of a system for a paper",
    "DIR ... KIND --to FILE [--task NAME] [--hyperparameter NAME] [--at COMMIT] [--json]",
    arguments,
    run,
    EPILOG,
    many="words",
)
