"""What the linter finds in a few lines of Gin."""

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
