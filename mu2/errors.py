"""The one exception that a user's input can raise, and how names are shown and meant ones found."""

import difflib
import unicodedata
from collections.abc import Iterable

# The first bytes of what Git LFS leaves in the place of a file that it has not downloaded.
_LFS = b"version https://git-lfs.github.com/spec/"

# Controls, formats (bidirectional marks among them), surrogates, and ends of lines and paragraphs.
_HIDDEN = ("Cc", "Cf", "Cs", "Zl", "Zp")
# They join letters and emoji, and move nothing.
_JOINERS = "\u200c\u200d"


def shown(text: str) -> str:
    r"""A text in one line, as it may be shown: what would steer a terminal or a page is escaped.

    Control characters, line breaks, bidirectional and invisible marks and surrogates become
    `\x1b`, `\n`, `\u202e`. Whatever shows a name that others have chosen shows it so.
    """
    if text.isprintable():  # most are, and this is fast
        return text
    return "".join(map(_shown_letter, text))


def shown_lines(text: str) -> str:
    """A text of several lines, each as `shown` has it."""
    return "\n".join(map(shown, text.split("\n")))


def _shown_letter(letter: str) -> str:
    if letter in _JOINERS or unicodedata.category(letter) not in _HIDDEN:
        return letter
    return letter.encode("unicode_escape").decode("ascii")


def check_name(name: str, what: str) -> None:
    """Refuses a name that could not be shown as it is.

    Args:
      name: the name.
      what: whose it is, for the message.

    Raises:
      Mu2Error: it holds control characters, line breaks, or bidirectional or invisible marks.
    """
    if shown(name) != name:
        raise Mu2Error(
            f"{what} is named {name!r}, which holds a character that cannot be seen.",
            hint="Names are letters, digits, signs and spaces in one line.",
        )


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
        where = f"{shown(self.location)}: " if self.location else ""
        how = f"\n  {shown_lines(self.hint)}" if self.hint else ""
        return f"{where}{shown(self.message)}{how}"


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
