"""Numbers in words of few letters."""

from collections.abc import Sequence


def percent(share: float | None, digits: int = 1) -> str:
    """A share of 1 as `97.1%`; a dash where there is none."""
    return "–" if share is None else f"{100 * share:.{digits}f}%"


def count(number: int | float | None) -> str:
    """A count in at most six letters: `9,999`, `12.3k`, `1.23M`; a dash where there is none."""
    if number is None:
        return "–"
    if abs(number) < 10_000:
        return f"{number:,.0f}"
    for unit, size in (("k", 1e3), ("M", 1e6), ("G", 1e9)):
        if abs(number) < 999.5 * size or unit == "G":
            break
    scaled = number / size
    return f"{scaled:.{max(0, 3 - len(str(int(abs(scaled)))))}f}{unit}"


def duration(seconds: float | None) -> str:
    """Seconds as `0.8 s`, `42 s`, `3:05` or `2:03:05`; a dash where there is none."""
    if seconds is None:
        return "–"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def clock(seconds: float | None) -> str:
    """Seconds as `0:42`, `3:05` or `2:03:05`, for what changes every second."""
    if seconds is None:
        return "–:––"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def plural(number: int, noun: str) -> str:
    """`1 task`, `2 tasks`; `child` becomes `children`."""
    many = "children" if noun == "child" else f"{noun}{'es' if noun.endswith('s') else 's'}"
    return f"{number:,} {noun if number == 1 else many}"


def outcome(record: dict[str, object]) -> str:
    """What became of a child: `kept`, `dropped` or `diverged`."""
    if record["diverged"]:
        return "diverged"
    return "kept" if record["retained"] else "dropped"


def bytes_of(number: int) -> str:
    """A size as `812 B`, `12.3 kB` or `1.23 MB`."""
    for unit, size in (("B", 1), ("kB", 1e3), ("MB", 1e6), ("GB", 1e9)):
        if number < 999.5 * size or unit == "GB":
            break
    digits = 0 if unit == "B" else max(0, 3 - len(str(int(number / size))))
    return f"{number / size:.{digits}f} {unit}"


def scaled(number: float) -> str:
    """A large number with a metric prefix: `0`, `250 G`, `1.4 T`, `30 P`."""
    for prefix, size in (("", 1.0), ("k", 1e3), ("M", 1e6), ("G", 1e9), ("T", 1e12), ("P", 1e15)):
        if abs(number) < 999.5 * size or prefix == "P":
            break
    return f"{number / size:.3g} {prefix}".rstrip()


def lineage(tasks: Sequence[str | None], most: int = 4) -> str:
    """The tasks that a path comes from, nearest first, as `latin ← digits ← root`."""
    names = [task or "root" for task in tasks]
    if len(names) > most:
        names = [*names[: most - 1], "…", names[-1]]
    return " ← ".join(names) or "–"


def layers(names: Sequence[str]) -> str:
    """Names of layers, those that differ only in their numbers together: `encoderblock_0, 1`."""
    groups: dict[str, list[str]] = {}
    for name in names:
        stem, _, number = name.rpartition("_")
        key, last = (stem, number) if stem and number.isdigit() else (name, "")
        groups.setdefault(key, []).append(last)
    return ", ".join(
        f"{stem}_{', '.join(numbers)}" if numbers != [""] else stem
        for stem, numbers in groups.items()
    )


def sparkline(values: Sequence[float | None], most: int = 24) -> str:
    """The last values in [0, 1] as bars of eight heights; a dot where there is none."""
    known = [value for value in values if value is not None]
    low, high = (min(known), max(known)) if known else (0.0, 0.0)
    bars = "▁▂▃▄▅▆▇█"
    return "".join(
        "·" if v is None else bars[round(7 * (v - low) / (high - low)) if high > low else 3]
        for v in list(values)[-most:]
    )
