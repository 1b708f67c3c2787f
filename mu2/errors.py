"""The one exception that a user's input can raise, and the search for the name that was meant."""

import difflib
from collections.abc import Iterable


class Mu2Error(Exception):
    """A fault in what the user gave: a Gin file, a data set, a system folder, an image.

    The command prints it without a traceback and exits with code 2.

    Args:
      message: what is wrong, in one sentence.
      location: where, as `file:line`, when the fault stands in a file.
      hint: how to mend it, in one sentence or one command.
    """

    def __init__(self, message: str, *, location: str | None = None, hint: str | None = None):
        super().__init__(message)
        self.message = message
        self.location = location
        self.hint = hint

    def __str__(self) -> str:
        where = f"{self.location}: " if self.location else ""
        how = f"\n  {self.hint}" if self.hint else ""
        return f"{where}{self.message}{how}"


def nearest(name: str, candidates: Iterable[str]) -> str | None:
    """The candidate most like `name` (case ignored), or None where none is close."""
    by_folded = {candidate.casefold(): candidate for candidate in candidates}
    close = difflib.get_close_matches(name.casefold(), by_folded, n=1, cutoff=0.6)
    return by_folded[close[0]] if close else None


def did_you_mean(name: str, candidates: Iterable[str]) -> str | None:
    """A hint naming the nearest candidate, or all of them where none is close."""
    names = sorted(candidates)
    close = nearest(name, names)
    if close is not None:
        return f"Did you mean {close!r}?"
    return f"Known: {', '.join(names)}." if names else None
