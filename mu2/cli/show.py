"""`mu2 show`: what a system holds."""

import argparse
import dataclasses
import sys
from typing import TYPE_CHECKING, Any

from mu2.cli.command import FAULTS_HELP, OK, Command, add_json, write_json, write_text

if TYPE_CHECKING:
    from mu2.system.cost import Cost

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
              added_parameters, accounted_parameters, activated_share, seconds, hyperparameters,
              id (the name that it was introduced with; see mu2 task rename)
  sharing     tasks, parameters, finetuned_parameters (every path a whole copy), flops,
              finetuned_flops (a whole copy trained as long as the longest child): all for a task
  run         complete; where it is not: task, iteration, generation
  agents      a list: task, process (null: stopped), cycle, generation, snapshot (its commit)
With --task the list `tasks` has that one, and there are `lineage`, from its path back to the root,
`children`, all of the task's, and `cost` (null without a path): parameters, bytes (in float32),
flops (of one example, forward), seconds (measured here, by number of examples).
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
        name = system.task(options.task).name  # or it says that there is none, with the nearest
        if options.tree:
            raise Mu2Error("--task and --tree show different things.", hint="Give one of them.")
    summary = summarise(system)
    if options.task is not None:
        from mu2.report.one_task import one_task, show_task
        from mu2.report.reading import read_history
        from mu2.system.cost import measure_cost
        from mu2.system.inference import Inference

        history = read_history(options.system, options.at)
        (about,) = [task for task in summary["tasks"] if task["id"] == name]
        cost = None if about["path"] is None else measure_cost(Inference(system), name)
        if options.json:
            write_json({**summary, "tasks": [about], **one_task(history, name)} | cost_of(cost))
        else:
            show_task(about, history, sys.stdout)
            if cost is not None:
                write_text(cost_line(cost))
    elif options.json:
        write_json(summary)
    elif options.tree:
        from mu2.report.one_task import task_tree

        text.show(task_tree(summary), sys.stdout)
    else:
        text.show_system(summary, sys.stdout)
    return OK


def cost_of(cost: "Cost | None") -> dict[str, Any]:
    """The size and the latency of a task's path, for --json."""
    return {"cost": None if cost is None else dataclasses.asdict(cost)}


def cost_line(cost: "Cost") -> str:
    """The size and the latency of a task's path."""
    times = ", ".join(
        f"{1000 * seconds:,.2f} ms for {examples} example{'s' * (examples > 1)}"
        for examples, seconds in cost.seconds.items()
    )
    return (
        f"answers in {times} here; {cost.bytes / 1e6:,.2f} MB, {cost.flops:,.3g} FLOPs an example"
    )


COMMAND = Command(
    "show what a system holds",
    "DIR [--task NAME | --tree] [--at COMMIT] [--json]",
    arguments,
    run,
    EPILOG,
)
