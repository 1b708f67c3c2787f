"""Where weights lie: local paths, and URLs through fsspec."""

import contextlib
import dataclasses
import json
import os
from pathlib import Path
from typing import Any, BinaryIO, cast

from mu2.errors import Mu2Error, did_you_mean

DOCUMENT_LIMIT = 16 << 20


@dataclasses.dataclass(frozen=True)
class Location:
    """A file or a folder: a local path, or a URL that fsspec understands.

    Attributes:
      path: such as `weights/model.safetensors`, `gs://bucket/B_16.npz`, `hf://owner/model`.
    """

    path: str

    def __str__(self) -> str:
        return self.path

    @property
    def name(self) -> str:
        """The last part."""
        return self.path.rstrip("/").rpartition("/")[2]

    def sibling(self, name: str) -> "Location":
        """Another file of the same folder."""
        folder, slash, _ = self.path.rpartition("/")
        return Location(f"{folder}{slash}{name}")

    def inside(self, name: str) -> "Location":
        """A file of this folder."""
        return Location(f"{self.path.rstrip('/')}/{name}")

    @property
    def local(self) -> Path | None:
        """The path, where it is one of this machine."""
        return None if self._remote else self._local

    def names(self) -> list[str]:
        """What lies in this folder, by name.

        Raises:
          Mu2Error: it cannot be read.
        """
        with self._faults():
            if not self._remote:
                return sorted(entry.name for entry in self._local.iterdir())
            system, path = self._filesystem()
            return sorted(Location(str(each)).name for each in system.ls(path, detail=False))

    def exists(self) -> bool:
        """Whether there is such a file or folder.

        Raises:
          Mu2Error: the URL cannot be understood or reached.
        """
        with self._faults():
            if not self._remote:
                return self._local.exists()
            system, path = self._filesystem()
            return bool(system.exists(path))

    def is_folder(self) -> bool:
        """Whether it is a folder; also False where there is nothing.

        Raises:
          Mu2Error: the URL cannot be understood or reached.
        """
        if not self._remote:
            return self._local.is_dir()
        with self._faults():
            system, path = self._filesystem()
            return bool(system.isdir(path))

    def open(self) -> BinaryIO:
        """The file, open for reading at any place.

        Raises:
          Mu2Error: it is missing or cannot be read.
        """
        with self._faults():
            if not self._remote:
                return self._local.open("rb")
            system, path = self._filesystem()
            return cast(BinaryIO, system.open(path, "rb"))

    def document(self) -> dict[str, Any] | None:
        """The JSON object in the file; None where there is no file.

        Raises:
          Mu2Error: it cannot be read, or holds something else.
        """
        try:
            with self.open() as file:
                text = file.read(DOCUMENT_LIMIT + 1)
        except Mu2Error as error:
            if isinstance(error.__cause__, FileNotFoundError):
                return None
            raise
        try:
            found = json.loads(text) if len(text) <= DOCUMENT_LIMIT else None
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise Mu2Error("the file holds no JSON object.", location=self.path)
        return found

    @property
    def _remote(self) -> bool:
        return "://" in self.path

    @property
    def _local(self) -> Path:
        return Path(os.path.expanduser(self.path))

    def _filesystem(self) -> tuple[Any, str]:
        try:
            from fsspec.core import url_to_fs  # type: ignore[import-untyped]
        except ImportError as error:
            raise Mu2Error(
                f"{self.path} is a URL, which needs fsspec.", hint="pip install 'mu2[pretrained]'"
            ) from error
        system, path = url_to_fs(self.path)
        return system, str(path)

    @contextlib.contextmanager
    def _faults(self) -> Any:
        """Turns whatever the system or fsspec raises into a Mu2Error."""
        try:
            yield
        except Mu2Error:
            raise
        except FileNotFoundError as error:
            raise Mu2Error("there is no such file.", location=self.path, hint=self._near()) from (
                error
            )
        except Exception as error:  # each of fsspec's file systems has errors of its own
            raise Mu2Error(f"it cannot be read: {said(error)}", location=self.path) from error

    def _near(self) -> str | None:
        if self._remote:
            return "Check the URL; what lies behind a login needs its credentials set."
        folder = self._local.parent
        if not folder.is_dir():
            return f"{folder} is no folder either."
        names = [entry.name for entry in folder.iterdir()]
        return did_you_mean(self.name, names) if names else f"{folder} is empty."


def said(error: BaseException) -> str:
    """What an exception says, in one line that may hold some of a file's bytes, but not all."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]
