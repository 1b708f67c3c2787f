"""Parameters that two parts of a run set, so that the order of its includes decides."""

from collections.abc import Iterable, Iterator

from mu2.config.linter.syntax import Binding, text_of
from mu2.errors import Mu2Error


def set_by_two_parts(bindings: Iterable[Binding]) -> Iterator[Mu2Error]:
    """Each parameter that two included files set, neither of which includes the other.

    A file may set what a file that it includes sets, and so replace it; that settles what files
    below it disagree on. So do later files of a command line, and its flags.

    Args:
      bindings: in the order in which they take effect.
    """
    by_key: dict[tuple[str, str, str], list[Binding]] = {}
    for binding in bindings:
        by_key.setdefault(binding.key, []).append(binding)
    for same in by_key.values():
        pair = next(_unsettled(same), None)
        if pair is not None:
            earlier, later = pair
            over = _above(earlier, later)
            yield Mu2Error(
                f"{later} is set by two parts: by {earlier.location} as well; the one included "
                f"later, {text_of(later.value)}, wins.",
                location=later.location,
                hint=f"Leave one of the parts out, or set {later} in {over}, behind its includes.",
            )


def _unsettled(same: list[Binding]) -> Iterator[tuple[Binding, Binding]]:
    """The pairs of bindings of one parameter that nothing above them replaces, the last first."""
    for n in reversed(range(len(same))):
        for earlier in same[:n]:
            later = same[n]
            if (
                earlier.location != later.location
                and min(len(earlier.chain), len(later.chain)) > 1
                and earlier.chain[0] == later.chain[0]
                and not _includes(earlier, later)
                and not _includes(later, earlier)
                and not any(_settles(each, earlier, later) for each in same[n + 1 :])
            ):
                yield earlier, later


def _includes(outer: Binding, inner: Binding) -> bool:
    """Whether the file of one is that of the other, or includes it."""
    return outer.chain == inner.chain[: len(outer.chain)]


def _settles(binding: Binding, one: Binding, other: Binding) -> bool:
    """Whether a later binding holds whichever of two comes first."""
    return binding.chain[:1] != one.chain[:1] or (
        _includes(binding, one) and _includes(binding, other)
    )


def _above(one: Binding, other: Binding) -> str:
    """The innermost file that includes those of both."""
    shared = [a for a, b in zip(one.chain, other.chain, strict=False) if a == b]
    return shared[-1]
