"""The command `mu2`: check, run, show, predict.

Exit codes: 0 done; 2 a fault in what the user gave, told without a traceback; 130 interrupted.
Whatever a command needs is imported when it runs, so that `mu2 --help` answers at once.
"""

import argparse
import ast
import errno
import io
import os
import re
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from mu2.errors import Mu2Error, nearest

if TYPE_CHECKING:
    import numpy as np

    from mu2.config import Loaded
    from mu2.system import System

OK, FAULT, INTERRUPTED, BROKEN_PIPE = 0, 2, 130, 141
BINDING = "--gin."
CHUNK = 256

BINDINGS_HELP = """\
Gin bindings:
  --gin.NAME=VALUE overrides a parameter, after all files, as in T5X:
    --gin.Evolution.children_per_iteration=16
    --gin.digits/Task.name='"numbers"'     a string keeps its quotes inside the shell's
    --gin.Stream.tasks='(@digits/Task(),)'
  Several files are read in order; what a later one binds holds.
"""
FAULTS_HELP = """\
  ok        false, where there are faults; the exit code is then 2
  faults    a list: message, location (file:line or null), hint (or null)
"""
CHECK_HELP = f"""\
{BINDINGS_HELP}
One JSON document with --json:
  ok        whether a run could begin
  faults    a list: message, location (file:line or null), hint (or null)
  preview   where ok: what the run would do (tasks, iterations, children, programs, depths,
            parameters, training steps)
"""
SHOW_HELP = f"""\
One JSON document with --json:
  format      1; changes when a key changes its meaning or goes
  system      the folder
  space       the architecture, and what else identifies the search space
  parameters  of all live paths, each component counted once
  tasks       a list: name, private, iterations, classes, path, test_accuracy,
              validation_accuracy, score, parent_task (null: a root), components,
              reused_components, reused_from, path_parameters, added_parameters,
              accounted_parameters, activated_share, seconds, hyperparameters
  run         complete; where it is not: task, iteration, generation
or, where that fails:
{FAULTS_HELP}"""
PREDICT_HELP = f"""\
Needs Pillow: pip install 'mu2[images]'. Transparent parts of an image count as white.

One JSON document with --json:
  format    1
  system    the folder
  task      the task
  images    a list, in the given order: file, class, class_index, probability, and top,
            the likeliest classes first: class, class_index, probability
or, where that fails:
{FAULTS_HELP}"""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command.

    Args:
      argv: the words after `mu2`; None takes the process's own.

    Returns:
      The exit code.
    """
    try:
        _write_any_name()
        code = _main(sys.argv[1:] if argv is None else argv)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        print("mu2: interrupted.", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # Python flushes standard output once more as it ends; let that succeed.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE


def _main(argv: Sequence[str]) -> int:
    as_json = False
    try:
        words, bindings = split_bindings(argv)
        options = parse(words, bindings)
        as_json = options.json
        return COMMANDS[options.command](options)
    except SystemExit as stop:  # argparse has said what there is to say
        return stop.code if isinstance(stop.code, int) else FAULT
    except BrokenPipeError:
        raise
    except OSError as error:
        return _fail([_os_fault(error)], as_json)
    except _fault_types() as error:
        return _fail(_faults_of(error), as_json)


# The command line


def split_bindings(argv: Sequence[str]) -> tuple[list[str], list[str]]:
    """Parts the words of a command line into those for argparse and the Gin bindings.

    Returns:
      The other words, and the bindings as `NAME=VALUE`, both in order.

    Raises:
      Mu2Error: a binding has no value.
    """
    words: list[str] = []
    bindings: list[str] = []
    for position, word in enumerate(argv):
        if word == "--":
            return words + list(argv[position:]), bindings
        if not word.startswith(BINDING):
            words.append(word)
            continue
        name, equals, value = word.removeprefix(BINDING).partition("=")
        if not (name.strip() and equals and value.strip()):
            raise Mu2Error(
                f"{word} is no binding.",
                hint=f"Write {BINDING}{name.strip() or 'NAME'}=VALUE, in one word.",
            )
        bindings.append(f"{name.strip()}={value.strip()}")
    return words, bindings


def quoting_faults(bindings: Sequence[str]) -> list[Mu2Error]:
    """The bindings whose value is a string that lost its quotes, most likely to the shell."""
    faults = []
    for binding in bindings:
        name, _, value = binding.partition("=")
        if _has_bare_word(value):
            bare = re.fullmatch(r"[^\s'\"(){}\[\],]+(\[[^\s'\"]*\])?(\+\S+)?", value)
            right = f"'\"{value}\"'" if bare else f"'{value}', with each string in double quotes"
            faults.append(
                Mu2Error(
                    f"{BINDING}{binding}: a string without quotes; the shell takes one pair away.",
                    hint=f"Write {BINDING}{name}={right}.",
                )
            )
    return faults


def _has_bare_word(value: str) -> bool:
    """Whether a Gin value holds a name that is neither a literal nor a reference or macro."""
    literal = re.sub(r"@[\w./]+(\(\))?|(?<![\w\]\)])%[\w./]+", "0", value)
    try:
        tree = ast.parse(literal, mode="eval")
    except (SyntaxError, ValueError):
        return re.match(r"[A-Za-z_./~]", literal) is not None
    return any(isinstance(node, ast.Name) for node in ast.walk(tree))


def parse(words: Sequence[str], bindings: Sequence[str] = ()) -> argparse.Namespace:
    """Reads a command line whose bindings have been taken out.

    Returns:
      `command` with that command's own options, `json` always among them.

    Raises:
      SystemExit: with 2 and a message on stderr for a wrong command line; with 0 after help.
    """
    parser, commands = _parsers()
    if not words:
        parser.print_help(sys.stderr)
        raise SystemExit(FAULT)
    # Two passes let files and images stand on both sides of an option.
    options, rest = parser.parse_known_args(words)
    command = commands[options.command]
    many = "images" if options.command == "predict" else "files"
    for word in rest:
        if word == "--":
            continue
        if word.startswith("-") or many not in options:
            _refuse(command, word)
        getattr(options, many).append(word)
    if options.command in ("check", "run"):
        options.bindings = list(bindings)
    elif bindings:
        command.error(f"{options.command} takes no Gin bindings ({BINDING}{bindings[0]})")
    return options


def _refuse(command: argparse.ArgumentParser, word: str) -> NoReturn:
    known = [option for action in command._actions for option in action.option_strings]
    close = nearest(word.partition("=")[0], known) if word.startswith("-") else None
    command.error(f"unknown: {word}" + (f" (did you mean {close}?)" if close else ""))


def _parsers() -> tuple[argparse.ArgumentParser, dict[str, argparse.ArgumentParser]]:
    parser = argparse.ArgumentParser(
        prog="mu2",
        description="Gin files in, evolved multitask networks out.",
        epilog="mu2 COMMAND --help says more.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action=_Version)
    parser.set_defaults(json=False)
    added = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)

    def add(name: str, help_: str, usage: str, epilog: str) -> argparse.ArgumentParser:
        return added.add_parser(
            name,
            help=help_,
            description=help_[0].upper() + help_[1:] + ".",
            usage=f"mu2 {name} {usage}",
            epilog=epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )

    json_help = "print one JSON document on standard output"

    check = add(
        "check",
        "find every fault of an experiment at once, or say what it would do",
        "FILE ... [--gin.NAME=VALUE ...] [--json]",
        CHECK_HELP,
    )
    check.add_argument("files", nargs="+", metavar="FILE", help="a Gin file")
    check.add_argument("--json", action="store_true", help=json_help)

    run = add(
        "run",
        "evolve a system, from its last commit on",
        "FILE ... --system DIR [--gin.NAME=VALUE ...] [--accept-changes]",
        BINDINGS_HELP,
    )
    run.add_argument("files", nargs="+", metavar="FILE", help="a Gin file")
    run.add_argument("--system", required=True, metavar="DIR", help="its folder, old or new")
    run.add_argument(
        "--accept-changes",
        action="store_true",
        help="go on with an unfinished run though its Gin files have changed",
    )

    show = add("show", "show what a system holds", "DIR [--json]", SHOW_HELP)
    show.add_argument("system", metavar="DIR", help="the system's folder")
    show.add_argument("--json", action="store_true", help=json_help)

    predict = add(
        "predict",
        "classify image files with a system",
        "DIR --task NAME IMAGE ... [--top K] [--json]",
        PREDICT_HELP,
    )
    predict.add_argument("system", metavar="DIR", help="the system's folder")
    predict.add_argument("images", nargs="+", metavar="IMAGE", help="an image file")
    predict.add_argument("--task", required=True, metavar="NAME", help="whose classes to tell")
    predict.add_argument(
        "--top", type=_positive, default=1, metavar="K", help="the K likeliest classes (default 1)"
    )
    predict.add_argument("--json", action="store_true", help=json_help)
    return parser, {"check": check, "run": run, "show": show, "predict": predict}


class _Version(argparse.Action):
    """Prints the version; looks it up only then."""

    def __init__(self, option_strings: Sequence[str], dest: str):
        super().__init__(option_strings, dest, nargs=0, help="print the version")

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        from importlib.metadata import version

        print(f"mu2 {version('mu2')}")
        parser.exit()


def _positive(text: str) -> int:
    number = int(text) if text.isdecimal() else 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1 on")
    return number


# The commands


def _check(options: argparse.Namespace) -> int:
    loaded = _load(options)
    from mu2.preview import preview
    from mu2.report import tables

    would = preview(loaded.experiment)
    if options.json:
        _print_json({"ok": True, "faults": [], "preview": would})
    else:
        print("ok; a run would take")
        print(tables.preview_lines(would))
    return OK


def _run(options: argparse.Namespace) -> int:
    loaded = _load(options)
    from mu2.experiment import run
    from mu2.preview import begin
    from mu2.report import tables
    from mu2.report.progress import choose_reporter

    try:
        with (
            begin(
                loaded.experiment,
                loaded.resolved,
                options.system,
                accept_changes=options.accept_changes,
            ) as system,
            choose_reporter(sys.stderr) as reporter,
        ):
            run(loaded.experiment, system, reporter)
    except KeyboardInterrupt:
        print(
            f"mu2: interrupted. The last commit of {options.system} is whole; "
            "the same command goes on from it.",
            file=sys.stderr,
        )
        return INTERRUPTED
    tables.show_system(system.summary(), sys.stdout)
    return OK


def _show(options: argparse.Namespace) -> int:
    from mu2.report import tables
    from mu2.system import System

    summary = System.open(options.system).summary()
    if options.json:
        _print_json(summary)
    else:
        tables.show_system(summary, sys.stdout)
    return OK


def _predict(options: argparse.Namespace) -> int:
    from mu2.report import tables
    from mu2.system import System

    system = System.open(options.system)
    names = system.task(options.task).class_names
    images = []
    for start in range(0, len(options.images), CHUNK):
        files = options.images[start : start + CHUNK]
        images += list(_guesses(system, options.task, names, files, options.top))
    document = {
        "format": 1,
        "system": options.system,
        "task": options.task,
        "images": images,
    }
    if options.json:
        _print_json(document)
    else:
        tables.show(tables.prediction_table(document), sys.stdout)
    return OK


COMMANDS = {"check": _check, "run": _run, "show": _show, "predict": _predict}


def _load(options: argparse.Namespace) -> "Loaded":
    from mu2.config import Faults, load

    faults = quoting_faults(options.bindings)
    if faults:
        raise Faults(faults)
    return load(options.files, options.bindings)


def _guesses(
    system: "System", task: str, names: Sequence[str], files: Sequence[str], top: int
) -> Iterator[dict[str, Any]]:
    """One entry of `images` for each file.

    Raises:
      Faults: some files are no images; every one is named.
    """
    import numpy as np

    from mu2.tasks.image import resize, to_channels

    size, _, channels = system.input_shape(task)
    images, faults = [], []
    for file in files:
        try:
            images.append(to_channels(resize(read_image(file)[np.newaxis], size), channels)[0])
        except Mu2Error as fault:
            faults.append(fault)
    if faults:
        from mu2.config import Faults

        raise Faults(faults)
    _, probabilities = system.predict(task, np.stack(images))
    for file, row in zip(files, probabilities, strict=True):
        order = np.argsort(-row, kind="stable")[:top]
        guesses = [
            {"class": names[i], "class_index": int(i), "probability": float(row[i])} for i in order
        ]
        yield {"file": file, **guesses[0], "top": guesses}


def read_image(file: str) -> "np.ndarray":
    """An image file as uint8 [H, W, 3], upright, on white where it is transparent.

    Of a moving image the first frame counts; 16-bit greys keep their upper eight bits.

    Raises:
      Mu2Error: Pillow is missing; the file is not there, is no image, is damaged, or has more
        pixels than Pillow trusts.
    """
    import numpy as np

    try:
        from PIL import Image, ImageOps, UnidentifiedImageError
    except ImportError as error:
        raise Mu2Error(
            "reading image files needs Pillow.", hint="pip install 'mu2[images]'"
        ) from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(file) as image:
                upright = ImageOps.exif_transpose(image)
        if upright.mode.startswith("I"):
            grey = np.clip(np.asarray(upright).astype(np.int64) >> 8, 0, 255).astype(np.uint8)
            return np.repeat(grey[:, :, np.newaxis], 3, axis=2)
        rgba = upright.convert("RGBA")
        white = Image.new("RGBA", rgba.size, "white")
        return np.asarray(Image.alpha_composite(white, rgba).convert("RGB"))
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise Mu2Error(
            f"{file}: more than {Image.MAX_IMAGE_PIXELS:,} pixels.", hint="Make it smaller first."
        ) from error
    except UnidentifiedImageError as error:
        raise Mu2Error(f"{file}: no image that Pillow knows.") from error
    except OSError as error:
        raise Mu2Error(f"{file}: {error.strerror or error}.") from error
    except (SyntaxError, ValueError) as error:  # what Pillow's decoders raise for damaged files
        raise Mu2Error(f"{file}: a damaged image ({error}).") from error


# What is printed


def _print_json(document: Mapping[str, Any]) -> None:
    from mu2.report.documents import pretty

    print(pretty(document))


def _fail(faults: Sequence[Mu2Error], as_json: bool) -> int:
    """Tells the faults: on standard error, or in the one document on standard output."""
    if as_json:
        from mu2.report.documents import faults_document

        _print_json(faults_document(faults))
    else:
        for fault in faults:
            print(fault if fault.location else f"mu2: {fault}", file=sys.stderr)
        if len(faults) > 1:
            print(f"{len(faults)} faults.", file=sys.stderr)
    return FAULT


def _fault_types() -> tuple[type[Exception], ...]:
    """What a user can be at fault with; `Faults` only exists once something has loaded it."""
    config = sys.modules.get("mu2.config")
    return (Mu2Error,) if config is None else (Mu2Error, config.Faults)


def _faults_of(error: Exception) -> list[Mu2Error]:
    return list(getattr(error, "faults", None) or [error])


def _os_fault(error: OSError) -> Mu2Error:
    what = error.strerror or str(error)
    hint = None
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        hint = "Make room, then give the same command again: what is committed is whole."
    return Mu2Error(f"{error.filename}: {what}." if error.filename else f"{what}.", hint=hint)


def _write_any_name() -> None:
    """Lets a terminal that knows few letters show class names as escapes rather than fail."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
