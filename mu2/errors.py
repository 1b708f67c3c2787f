"""The one exception that a user's input can raise, and the search for the name that was meant."""

import difflib
import unicodedata
from collections.abc import Iterable

# The first bytes of what Git LFS leaves in the place of a file that it has not downloaded.
_LFS = b"version https://git-lfs.github.com/spec/"


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
    if (twin := same_letters(name, names)) is not None:
        return twin
    close = nearest(name, names)
    if close is not None:
        return f"Did you mean {close!r}?"
    return f"Known: {', '.join(names)}." if names else None


def same_letters(name: str, candidates: Iterable[str]) -> str | None:
    """A hint where a candidate reads like `name` and is written with other code points, or None."""
    for candidate in candidates:
        if candidate != name and _composed(candidate) == _composed(name):
            return (
                f"{name!a} and {candidate!a} look the same: accents are part of a letter "
                "(composed, NFC) in one and follow it (decomposed, NFD, as macOS writes names) in "
                "the other. Write both alike."
            )
    return None


def _composed(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def lfs_pointer(head: bytes, place: str) -> Mu2Error | None:
    """What to say of a file that is a pointer of Git LFS; None where it is none.

    Args:
      head: the first bytes of the file, 64 or more.
      place: which file it is.
    """
    if not head.startswith(_LFS):
        return None
    return Mu2Error(
        f"{place} is a pointer of Git LFS, and not the file it stands for.",
        hint="Run `git lfs pull` in its repository (after `git lfs install`), or download the "
        "file itself.",
    )
