"""Numbers in words of few letters."""


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
    many = "children" if noun == "child" else f"{noun}s"
    return f"{number:,} {noun if number == 1 else many}"


def outcome(record: dict[str, object]) -> str:
    """What became of a child: `kept`, `dropped` or `diverged`."""
    if record["diverged"]:
        return "diverged"
    return "kept" if record["retained"] else "dropped"
