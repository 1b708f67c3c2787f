"""`mu2 agents`: an agent a task, each extending one system by cycles of its own."""

import argparse
import sys
from typing import TYPE_CHECKING, Any

from mu2.cli.command import BINDINGS_HELP, INTERRUPTED, OK, Command, read_valid
from mu2.errors import Mu2Error, shown

if TYPE_CHECKING:
    from mu2.system.agent_cycle import AgentCycle
    from mu2.system.record import TaskRecord

EPILOG = f"""\
Each agent is a process of its own: a cycle reads the newest paths, evolves its task by them, and
publishes the best path by one commit. Ctrl-C, or SIGTERM to this process or to an agent's, ends
each with its generation; the same command goes on, bit for bit. More agents may join from other
commands and machines, with other tasks and methods of the same search space.

{BINDINGS_HELP}"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """The files of the agents, and the system's folder."""
    parser.add_argument("files", nargs="*", metavar="FILE", help="a Gin file")
    parser.add_argument("--system", required=True, metavar="DIR", help="its folder, old or new")
    parser.add_argument(
        "--task", metavar="NAME", help="the agent of this task alone, in this very process"
    )
    parser.add_argument(
        "--cycles",
        type=_at_least_one,
        metavar="N",
        help="task iterations that each task has in the end (default: Stream.iterations)",
    )
    parser.add_argument(
        "--accept-changes",
        action="store_true",
        help="begin a cycle anew that was cut off with other settings",
    )
    parser.add_argument(
        "--replay",
        metavar="TASK:CYCLE",
        help="evolve a published cycle (from 0) again from the commit that it read, and compare",
    )


def run(options: argparse.Namespace) -> int:
    """Runs the agents, or one of them, or replays a cycle."""
    if options.replay is not None:
        return _replay(options)
    if not options.files:
        raise Mu2Error("no Gin file.", hint="mu2 agents FILE ... --system DIR")
    reading = read_valid(options)
    loaded = reading.load()
    from mu2.agents.agent import run_agent
    from mu2.agents.supervisor import StopSignal, supervise
    from mu2.config.agent_start import prepare_system

    experiment = loaded.experiment
    tasks = [task.name for task in experiment.stream.tasks]
    cycles = options.cycles or experiment.stream.iterations
    if options.task is not None and options.task not in tasks:
        raise Mu2Error(
            f"the stream has no task {options.task!r}.", hint=f"It has {', '.join(tasks)}."
        )
    cycle = prepare_system(experiment, loaded.resolved, options.system, reading.place)
    if options.task is None:
        return supervise(options.system, tasks, lambda task: _words(options, task), _tell)
    with StopSignal() as is_stopped:
        done = run_agent(
            experiment,
            options.system,
            options.task,
            cycle,
            cycles,
            _Lines(),
            is_stopped=is_stopped,
            accept_changes=options.accept_changes,
        )
    return OK if done else INTERRUPTED


def _words(options: argparse.Namespace, task: str) -> list[str]:
    """Of the command of one agent."""
    cycles = [] if options.cycles is None else ["--cycles", str(options.cycles)]
    accept = ["--accept-changes"] if options.accept_changes else []
    bindings = [f"--gin.{binding}" for binding in options.bindings]
    words = ["agents", *options.files, "--system", options.system, "--task", task]
    return [*words, *cycles, *accept, *bindings]


def _replay(options: argparse.Namespace) -> int:
    from mu2.agents.replay import replay

    task, colon, number = options.replay.rpartition(":")
    if not colon or not number.isdigit():
        raise Mu2Error(
            f"--replay {options.replay} names no cycle.", hint="Write TASK:CYCLE, as in digits:0."
        )
    if found := replay(options.system, task, int(number), _Lines()):
        raise Mu2Error(
            f"cycle {number} of {task} is not what it was: {' '.join(found)}",
            location=options.system,
        )
    sys.stdout.write(shown(f"{task} cycle {number}: the same bits.") + "\n")
    return OK


class _Lines:
    """A line on standard error for every cycle and child of an agent."""

    def cycle_started(self, cycle: "AgentCycle") -> None:
        commit = int(cycle.snapshot.partition("-")[0])
        _tell(f"{cycle.task} cycle {cycle.iteration} reads commit {commit}")

    def run_started(self, experiment: Any, system: Any) -> None:
        """An agent's run has no beginning of its own."""

    def task_started(self, task: str, iteration: int) -> None:
        """Told by `cycle_started`."""

    def child_done(self, record: dict[str, Any]) -> None:
        quality = "diverged" if record["quality"] is None else f"{100 * record['quality']:.1f}%"
        parent = record["parent_task"] or record["parent"]
        _tell(f"{record['path']}  {quality}  from {parent}  {record['seconds']:.1f} s")

    def task_done(self, record: "TaskRecord") -> None:
        accuracy = None if record.path is None else record.path.test_accuracy
        said = "" if accuracy is None else f", test accuracy {100 * accuracy:.1f}%"
        _tell(f"{record.title} cycle {record.iterations - 1} is published{said}")

    def run_done(self, compiled: int) -> None:
        """Nor an end."""


def _tell(line: str) -> None:
    sys.stderr.write(shown(line) + "\n")
    sys.stderr.flush()


def _at_least_one(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number of at least 1")
    return int(text)


COMMAND = Command(
    "evolve a system by an agent a task, side by side",
    "FILE ... --system DIR [--cycles N] [--task NAME] [--gin.NAME=VALUE ...]",
    arguments,
    run,
    EPILOG,
    many="files",
    bindings=True,
)
