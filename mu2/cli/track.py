"""`mu2 track`: gives what a system's log tells to a tracker of experiments."""

import argparse
from pathlib import Path

from mu2.cli.command import FAULTS_HELP, OK, Command, add_json, write_json, write_text

EPILOG = f"""\
Each task is a run of the tracker, each child a step. What a tracker has it does not get again, so
that the command may be given once more, after the run has gone on.

  mu2 track systems/quickstart --to tensorboard:runs       then: tensorboard --logdir runs
  mu2 track systems/quickstart --to csv:tables --follow    while the run goes on

Trackers:
  tensorboard:DIR  event files below DIR/<task>; needs mu2[tensorboard]
  csv:DIR          DIR/<task>/children.csv and task.json
  wandb:PROJECT    or wandb:ENTITY/PROJECT; needs mu2[wandb]; WANDB_MODE=offline writes to disk
  mlflow:URI       http://HOST:5000 or sqlite:///FILE; needs mu2[mlflow]

One JSON document with --json:
  format    1
  system    the folder
  children  how many were given to the trackers that did not have them
or, where that fails:
{FAULTS_HELP}"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """The system's folder and the trackers."""
    parser.add_argument("system", metavar="DIR", help="the system's folder")
    parser.add_argument(
        "--to", action="append", required=True, metavar="KIND:WHERE", help="a tracker; may be many"
    )
    parser.add_argument(
        "--follow", action="store_true", help="go on with each commit, until the run is complete"
    )
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Feeds the trackers."""
    from mu2.report.reading import read_history
    from mu2.report.trackers.feed import feed, follow
    from mu2.report.trackers.tracker import open_tracker
    from mu2.system import System

    trackers = [open_tracker(target) for target in options.to]
    try:
        if options.follow:

            def over() -> bool:
                return System.open(options.system).progress.complete

            count = follow(Path(options.system), trackers, over)
        else:
            history = read_history(options.system)
            count = sum(feed(history, tracker) for tracker in trackers)
    finally:
        for tracker in trackers:
            tracker.close()
    if options.json:
        write_json({"format": 1, "system": options.system, "children": count})
    else:
        from mu2.report.words import plural

        write_text(f"{options.system}: {plural(count, 'child')} given to {', '.join(options.to)}.")
    return OK


COMMAND = Command(
    "give what a system's log tells to a tracker: TensorBoard, CSV, W&B, MLflow",
    "DIR --to KIND:WHERE ... [--follow] [--json]",
    arguments,
    run,
    EPILOG,
)
