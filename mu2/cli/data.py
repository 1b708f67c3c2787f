"""`mu2 data`: which data sets and weights a run needs, which are there, and getting the others."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from mu2.cli.command import (
    BINDINGS_HELP,
    FAULT,
    FAULTS_HELP,
    OK,
    Command,
    add_files,
    add_json,
    write_json,
    write_lines,
)
from mu2.errors import Mu2Error, shown

if TYPE_CHECKING:
    from mu2.planning.needs import Need

EPILOG = f"""\
{BINDINGS_HELP}
--prepare gets what TFDS, Hugging Face or the servers of the public weights give, one after the
other. It can be stopped: what is there is not got again, and half of a file is gone on with.
Preparing a TFDS set mostly needs TensorFlow, which reading it does not: that is then installed in a
temporary environment. What has to be got by hand is told, and the others are got all the same.

One JSON document with --json:
  format  1
  needs   a list: name, of (tasks or roots), place, there (null: not known), download_bytes (at
          most; null: not known), manual (what to do by hand, or null), prepared (with --prepare:
          whether it is there now; its fault under fault)
or, where that fails:
{FAULTS_HELP}"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """The files of a run, and whether to get what is missing."""
    add_files(parser)
    parser.add_argument("--prepare", action="store_true", help="get what is missing")
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Tells what there is, and gets the rest."""
    from mu2.config import load
    from mu2.planning.needs import needs_of

    needs = needs_of(load(options.files, options.bindings).experiment)
    if not options.json:
        write_lines(line for need in needs for line in _lines(need))
    faults: dict[str, Mu2Error] = {}
    if options.prepare:
        faults = _prepare(needs, options.json)
    if options.json:
        write_json({"format": 1, "needs": [_document(n, options.prepare, faults) for n in needs]})
    return FAULT if faults else OK


def _prepare(needs: "Sequence[Need]", quiet: bool) -> dict[str, Mu2Error]:
    """Gets what is missing; what could not be got, by name."""
    faults: dict[str, Mu2Error] = {}
    missing = [need.data for need in needs if not need.data.there]
    sizes = [data.download_bytes for data in missing if data.prepare is not None]
    known = sum(size for size in sizes if size is not None)
    if sizes and not quiet:
        unknown = sizes.count(None)
        told = [f"{_bytes(known)} to download at most"] if known else []
        told += [f"the size of {unknown} is not known beforehand"] if unknown else []
        _say(f"{len(sizes)} to get: {', and '.join(told)}")
    for number, data in enumerate(missing, 1):
        if data.prepare is None:
            faults[data.name] = Mu2Error(f"{data.name} has to be got by hand.", hint=data.manual)
        else:
            _say(f"{number}/{len(missing)} {data.name}")
            try:
                data.prepare(_say)
            except Mu2Error as error:
                faults[data.name] = error
                if data.manual is not None:
                    error.hint = f"Before that, put {data.manual}, in its place. {error.hint or ''}"
        if data.name in faults and not quiet:
            sys.stderr.write(f"mu2: {faults[data.name]}\n")
    if not quiet and not faults:
        _say("all is there.")
    return faults


def _say(text: str) -> None:
    sys.stderr.write(f"mu2: {shown(text)}\n")


def _lines(need: "Need") -> Iterator[str]:
    data = need.data
    state = {True: "there", False: "missing", None: "not known"}[data.there]
    size = ""
    if not data.there and data.download_bytes is not None:
        size = f", {_bytes(data.download_bytes)}"
    elif not data.there and data.prepare is not None:
        size = ", size not known beforehand"
    yield f"{state:9}  {data.name}{size}  ({', '.join(need.of)}; {data.place})"
    if data.manual:
        yield f"           by hand: {data.manual}"


def _document(need: "Need", prepare: bool, faults: dict[str, Mu2Error]) -> dict[str, Any]:
    data = need.data
    document: dict[str, Any] = {
        "name": data.name,
        "of": list(need.of),
        "place": data.place,
        "there": data.there,
        "download_bytes": data.download_bytes,
        "manual": data.manual,
    }
    if prepare:
        fault = faults.get(data.name)
        document["prepared"] = fault is None
        document |= {"fault": fault.message} if fault else {}
    return document


def _bytes(number: float) -> str:
    units = ["B", "kB", "MB", "GB", "TB"]
    while number >= 999.5 and len(units) > 1:
        number, units = number / 1000, units[1:]
    return f"{number:.3g} {units[0]}"


COMMAND = Command(
    "tell which data and weights a run needs, and get those that are missing",
    "FILE ... [--gin.NAME=VALUE ...] [--prepare] [--json]",
    arguments,
    run,
    EPILOG,
    many="files",
    bindings=True,
)
