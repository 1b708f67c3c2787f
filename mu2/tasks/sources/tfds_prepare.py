"""Preparing a TFDS data set; unlike reading one, that mostly needs TensorFlow."""

import contextlib
import functools
import importlib.util
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from mu2.errors import Mu2Error
from mu2.tasks.data_sets import DataSet
from mu2.tasks.sources.tfds_home import Home
from mu2.tasks.sources.tfds_sizes import DOWNLOADS

Say = Callable[[str], None]


def data_set(home: Home) -> DataSet:
    """A set of a TFDS folder; see `FromDataSet.data_set`."""
    known = home.contents
    there = True
    try:
        home.directory()
    except Mu2Error:
        there = False
    own = known is not None and known.own is not None
    manual = None
    if known is not None and not there:
        manual = known.own or known.manual
    return DataSet(
        name=f"TFDS {home.name}",
        place=str(home.folder),
        there=there,
        download_bytes=None if there else download_bytes(home),
        manual=manual,
        prepare=None if own else functools.partial(prepare, home),
    )


def download_bytes(home: Home) -> int | None:
    """Bytes that preparing a set of TFDS's catalog downloads, all its kinds together.

    They are those of the list of files that comes with tensorflow-datasets; where that is not
    installed, those that `tfds_sizes` has of the sets of the papers and of our own tables.

    Returns:
      None where there is no such list.
    """
    if home.contents is not None and home.contents.own is not None:
        return None
    spec = importlib.util.find_spec("tensorflow_datasets")
    if spec is None or spec.origin is None:
        return DOWNLOADS.get(home.set)
    package = Path(spec.origin).parent
    lists = [package / "url_checksums" / f"{home.set}.txt"]
    lists += package.glob(f"**/{home.set}/checksums.tsv")
    sizes: dict[str, int] = {}
    for file in (each for each in lists if each.is_file()):
        for line in file.read_text(encoding="utf-8").splitlines():
            parts = line.split("\t") if "\t" in line else line.split(" ")
            if len(parts) > 1 and parts[1].isdecimal():
                sizes[parts[0]] = int(parts[1])
    return sum(sizes.values()) or None


def prepare(home: Home, say: Say) -> None:
    """Downloads and prepares a set in ArrayRecord form; files that are there are not got again.

    Without TensorFlow it is tried first in this process; a set that needs TensorFlow is prepared by
    a Python of its own in a temporary environment.

    Args:
      home: which set, and where.
      say: is told what goes on.

    Raises:
      Mu2Error: it cannot be prepared.
    """
    if home.old_release is None:
        try:
            _here(home)
            return
        except ImportError as error:
            why = str(error)
        except Exception as error:  # builders raise what they please
            if importlib.util.find_spec("tensorflow") is not None or "tensorflow" not in str(error):
                raise _failed(home, str(error)) from error
            why = str(error)
        if "tensorflow" not in why:
            raise _failed(home, why)
    _apart(home, say)


def _here(home: Home) -> None:
    import tensorflow_datasets as tfds

    with _temporary_files_that_go():
        builder = tfds.builder(home.name, data_dir=str(home.folder), file_format="array_record")
        builder.download_and_prepare()


@contextlib.contextmanager
def _temporary_files_that_go() -> Iterator[str]:
    """A folder for the temporary files of this process, which TFDS's builders leave behind."""
    before = tempfile.tempdir
    with tempfile.TemporaryDirectory(prefix="mu2-tfds-") as folder:
        tempfile.tempdir = folder
        try:
            yield folder
        finally:
            tempfile.tempdir = before


def _apart(home: Home, say: Say) -> None:
    """Prepares it by a Python that has TensorFlow, in an environment that goes afterwards."""
    with tempfile.TemporaryDirectory(prefix="mu2-tfds-") as folder:
        python = Path(folder) / "bin" / "python"
        (temporary := Path(folder) / "tmp").mkdir()
        environment = {**os.environ, "TMPDIR": str(temporary)}
        for what, command in (
            ("needs TensorFlow to be prepared", [sys.executable, "-m", "venv", folder]),
            (
                f"installing {' '.join(home.packages)} in {folder} for that, which takes minutes",
                [str(python), "-m", "pip", "install", "--quiet", *home.packages],
            ),
            (f"downloading and preparing in {home.folder}", [str(python), "-c", home.code()]),
        ):
            say(f"{home.owner}: {what}")
            done = subprocess.run(
                command, capture_output=True, text=True, check=False, env=environment
            )
            if done.returncode:
                lines = (done.stderr or done.stdout).strip().splitlines()
                raise _failed(home, lines[-1] if lines else f"exit code {done.returncode}")


def _failed(home: Home, why: str) -> Mu2Error:
    line = (why.strip() or "for a reason that it does not say").splitlines()[-1].rstrip(".")
    return Mu2Error(
        f"{home.owner} cannot be prepared: {line}.",
        hint=f"What was downloaded is kept. By hand: {home.command()}",
    )
