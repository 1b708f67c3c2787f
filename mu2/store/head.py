"""HEAD: the file that says which commit is the newest, and when it is not to be believed.

The next HEAD is staged beside the present one before the commit that it names gets its name, and
renamed after it. A killed writer so leaves a staged HEAD behind with the commit; where commits
newer than HEAD stand that it does not name, HEAD was put back by someone else.
"""

from pathlib import Path

from mu2.errors import Mu2Error
from mu2.store.commit import NAME
from mu2.store.files import damage_error, flush, publish, read_bytes, stage

EMPTY = "none"  # what HEAD says before the first commit


def read_head(directory: Path) -> str | None:
    """The name of the newest commit; None before the first.

    Raises:
      Mu2Error: the file is missing, or names no commit.
    """
    path = directory / "HEAD"
    name = read_bytes(path).decode("ascii", errors="replace")
    if name == f"{EMPTY}\n":
        return None
    if not name.endswith("\n") or not NAME.fullmatch(name[:-1]):
        raise damage_error(path, "it names no commit.", hint=cure(directory))
    return name[:-1]


def cure(directory: Path) -> str:
    """The hint of whatever HEAD has to do with."""
    return f"`mu2 repair {directory}` says what can be put back, and does it with --yes."


def stage_head(directory: Path, name: str | None) -> None:
    """Writes the next HEAD beside the present one.

    Raises:
      OSError: the folder cannot be written.
    """
    stage(directory, f"{name or EMPTY}\n".encode())


def publish_head(directory: Path) -> None:
    """Puts the staged HEAD in place of the present one, durably.

    Raises:
      OSError: the folder cannot be written.
    """
    publish(directory / "HEAD")
    flush(directory)


def staged_head(directory: Path) -> str | None:
    """The commit that a killed writer was about to make the newest, if there is one."""
    try:
        content = read_bytes(directory / ".new").decode("ascii", errors="replace")
    except Mu2Error:
        return None
    return content[:-1] if content.endswith("\n") and NAME.fullmatch(content[:-1]) else None


def number_of(name: str | None) -> int:
    """The number of a commit by its name; 0 before the first."""
    return 0 if name is None else int(name.partition("-")[0])


def commit_names(directory: Path) -> list[str]:
    """Names of the commits whose files stand there, the newest first; no file is read."""
    folder = directory / "commits"
    names = [path.stem for path in folder.iterdir() if path.suffix == ".json"]
    return sorted(filter(NAME.fullmatch, names), key=lambda name: (number_of(name), name))[::-1]


def newer_commits(directory: Path) -> list[str]:
    """Names of the commits that stand there and are newer than HEAD's, the newest first.

    The commit that a killed writer was about to make the newest is not among them.

    Raises:
      Mu2Error: HEAD cannot be read.
      OSError: the folder of commits cannot be read.
    """
    # In this order nothing that a writer does meanwhile is mistaken.
    names, staged, head = commit_names(directory), staged_head(directory), read_head(directory)
    return [n for n in names if number_of(n) > number_of(head) and n != staged]


def refuse_doubtful_head(directory: Path) -> None:
    """Refuses to write where HEAD is older than commits that stand there.

    Raises:
      Mu2Error: it is, or cannot be read.
    """
    if newer := newer_commits(directory):
        head = read_head(directory)
        raise Mu2Error(
            f"HEAD names {'no commit' if head is None else f'commit {number_of(head)}'}, and "
            f"commit {number_of(newer[0])} stands there.",
            location=str(directory / "HEAD"),
            hint=f"Nothing is removed until that is mended. {cure(directory)}",
        )


def drop_commit(directory: Path, name: str | None) -> None:
    """Removes a commit that never became the newest, and what was staged of it.

    Args:
      directory: of the system, under the lock.
      name: of the commit; None: the one that a killed writer staged, if there is one.

    Raises:
      OSError: the folder cannot be written.
    """
    head, name = read_head(directory), name or staged_head(directory)
    if name is not None and number_of(name) > number_of(head):
        (directory / "commits" / f"{name}.json").unlink(missing_ok=True)
        (directory / ".new").unlink(missing_ok=True)
