"""What the linter finds in a few lines of Gin."""

import tomllib
from pathlib import Path

import pytest

from mu2.config import Faults, load

BASE = "include 'gin/quickstart.gin'\n"


def faults(text: str | None, *flags: str) -> list[tuple[str | None, str, str]]:
    """Location, message and hint of each fault of `run.gin`, or of the quickstart with flags."""
    file = "gin/quickstart.gin"
    if text is not None:
        file = "run.gin"
        Path(file).write_text(text, encoding="utf-8")
    with pytest.raises(Faults) as caught:
        load([file], flags)
    return [(f.location, f.message, f.hint or "") for f in caught.value.faults]


def read_cases(file: Path) -> dict[str, tuple[str, int, str, str]]:
    """Name to lines of Gin, the line of the fault, parts of its message and of its hint."""
    return {
        name: (case["gin"].removesuffix("\n"), case["line"], case["message"], case.get("hint", ""))
        for name, case in tomllib.loads(file.read_text(encoding="utf-8")).items()
    }
