"""`mu2 run`: evolves a system."""

import argparse
import sys
from typing import TYPE_CHECKING

from mu2.cli.command import BINDINGS_HELP, INTERRUPTED, OK, Command, add_files, read_valid
from mu2.errors import Mu2Error, shown

if TYPE_CHECKING:
    from mu2.system.run_start import RunStart


def arguments(parser: argparse.ArgumentParser) -> None:
    """The files of the run, and the system's folder."""
    add_files(parser)
    parser.add_argument("--system", required=True, metavar="DIR", help="its folder, old or new")
    parser.add_argument(
        "--accept-changes",
        action="store_true",
        help="go on with an unfinished run though its Gin files have changed",
    )
    parser.add_argument(
        "--from",
        dest="source",
        metavar="DIR[@COMMIT]",
        help="begin --system, a new folder, as a branch of another system (see mu2 log)",
    )


def run(options: argparse.Namespace) -> int:
    """Checks an experiment as `mu2 check` does, runs it, and shows the system."""
    reading = read_valid(options)
    loaded = reading.load()
    from mu2.config.start import evolve
    from mu2.planning.doubtful import doubtful_settings
    from mu2.report import text
    from mu2.report.progress import choose_reporter
    from mu2.report.summary import summarise
    from mu2.report.trackers.live import with_trackers
    from mu2.system import System

    if options.source:
        branch(options.source, options.system)

    def tell(start: "RunStart") -> None:
        for warning in doubtful_settings(loaded.experiment, reading.place):
            sys.stderr.write(f"mu2: warning: {warning}\n")
        if start.state == "again":
            lines = start.lines(options.system)
            sys.stderr.write("".join(f"{shown(line)}\n" for line in lines))

    try:
        reporter = with_trackers(
            choose_reporter(sys.stderr), options.system, loaded.experiment.trackers
        )
        evolve(
            loaded.experiment,
            loaded.resolved,
            options.system,
            reporter,
            accept_changes=options.accept_changes,
            place=reading.place,
            tell=tell,
        )
    except KeyboardInterrupt:
        sys.stderr.write(
            f"mu2: interrupted. The last commit of {shown(options.system)} is whole; "
            "the same command goes on from it.\n"
        )
        return INTERRUPTED
    text.show_system(summarise(System.open(options.system)), sys.stdout)
    return OK


def branch(source: str, target: str) -> None:
    """Makes the target a branch of `DIR` or `DIR@COMMIT`, unless it is that one already.

    Raises:
      Mu2Error: there is no such system or commit, or the target is another system or holds
        something else.
    """
    from pathlib import Path

    from mu2.system import System

    directory, at, commit = source.rpartition("@")
    if not at or Path(source).exists():
        directory, commit = source, ""
    if not System.exists(target):
        System.branch(directory, target, commit or None)
    elif not System.is_branch(directory, target, commit or None):
        raise Mu2Error(
            f"{target} is a system already, and no branch of {source}.",
            hint="Choose a new folder for --system, or go on with this one without --from.",
        )


COMMAND = Command(
    "evolve a system, from its last commit on",
    "FILE ... --system DIR [--gin.NAME=VALUE ...] [--from DIR[@COMMIT]] [--accept-changes]",
    arguments,
    run,
    BINDINGS_HELP,
    many="files",
    bindings=True,
)
