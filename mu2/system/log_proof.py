"""Proof that the logs of a system are those that its commits were made with."""

from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from mu2.errors import Mu2Error
from mu2.system.child_log import ChildLog
from mu2.system.record import Progress


def check_log(directory: Path, progresses: Sequence[Progress]) -> None:
    """Compares the logs with what some commits say of them.

    Args:
      directory: of the system.
      progresses: of the commits, the newest first. Where one keeps no digest (see `Progress`), its
        bytes and lines are counted.

    Raises:
      Mu2Error: log.jsonl is shortened, changed or another one; or times.jsonl is not of the same
        children.
    """
    file = directory / "log.jsonl"
    log, times = ChildLog(file), ChildLog(directory / "times.jsonl")
    size, marks = log.size(), log.marks({progress.log_bytes for progress in progresses})
    for progress in progresses:
        if progress.log_bytes > size:
            raise Mu2Error(
                f"the log is shortened: {size:,} bytes, and the commit was made with "
                f"{progress.log_bytes:,}.",
                location=str(file),
                hint=_CURE,
            )
        mark = marks.get(progress.log_bytes)
        if mark is None or mark.lines != progress.log_lines:
            raise Mu2Error(
                f"the log is another one: its {progress.log_lines:,} lines are not those of the "
                "commit.",
                location=str(file),
                hint=_CURE,
            )
        if progress.log_digest and mark.digest != progress.log_digest:
            raise Mu2Error("the log has changed.", location=str(file), hint=_CURE)
    if progresses:
        _check_times(log, times, progresses[0].log_lines, directory / "times.jsonl")


_CURE = (
    "Put it back from a copy. The networks do not need it; `mu2 run` goes on without with "
    "--accept-changes, and `mu2 verify` goes on telling it."
)


def _check_times(log: ChildLog, times: ChildLog, lines: int, file: Path) -> None:
    """Wall times are in no digest, as they differ from run to run; whose they are is told."""
    here = [_child(line) for line in islice(times, lines)]
    if len(here) < lines:
        raise Mu2Error(
            f"the wall times are shortened: {len(here):,} lines, and the commit has {lines:,}.",
            location=str(file),
            hint=_CURE,
        )
    for number, (line, child) in enumerate(zip(islice(log, lines), here, strict=True), 1):
        if child is None or child != (line.get("path"), line.get("task")):
            raise Mu2Error(
                "the wall times are not those of the log's children.",
                location=f"{file}:{number}",
                hint=_CURE,
            )


def _child(line: dict[str, object]) -> tuple[object, object] | None:
    """Whose time a line tells; None where it tells none."""
    seconds = line.get("seconds")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds < 1e12:
        return None
    return line.get("path"), line.get("task")
