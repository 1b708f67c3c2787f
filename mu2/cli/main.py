"""The command `mu2`: the command line and the exit codes. The commands are in `mu2/cli/`.

Exit codes: 0 done; 2 a fault in what the user gave, told without a traceback; 130 interrupted.
Whatever a command needs is imported when it runs, so that `mu2 --help` answers at once.
"""

import argparse
import errno
import io
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from mu2.cli.command import BINDING, BROKEN_PIPE, FAULT, INTERRUPTED, Command, write_json
from mu2.cli.process import check_environment, wrong_switch
from mu2.cli.registry import NAMES, command
from mu2.errors import Mu2Error, nearest


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
    except (KeyboardInterrupt, ImportError) as error:
        # An extension module that is interrupted while it is loaded fails to be imported.
        if not any(isinstance(each, KeyboardInterrupt) for each in (error, error.__cause__)):
            raise
        print("mu2: interrupted.", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        _drop_output()
        return BROKEN_PIPE
    except OSError as error:  # standard output takes no more, not even the fault
        _drop_output()
        print(f"mu2: standard output: {_os_fault(error).message}", file=sys.stderr)
        return FAULT


def _drop_output() -> None:
    """Lets Python's own flush of standard output succeed, as the process ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _main(argv: Sequence[str]) -> int:
    as_json = False
    try:
        words, bindings = split_bindings(argv)
        options = parse(words, bindings)
        as_json = options.json
        check_environment()
        return command(options.command).run(options)
    except SystemExit as stop:  # argparse has said what there is to say
        return stop.code if isinstance(stop.code, int) else FAULT
    except BrokenPipeError:
        raise
    except OSError as error:
        return _fail([_os_fault(error)], as_json)
    except Mu2Error as error:
        return _fail([_with_cause(fault) for fault in getattr(error, "faults", [error])], as_json)
    except Exception as error:
        if (fault := _out_of_memory(error) or wrong_switch(error)) is None:
            raise
        return _fail([fault], as_json)


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


def parse(words: Sequence[str], bindings: Sequence[str] = ()) -> argparse.Namespace:
    """Reads a command line whose bindings have been taken out.

    Returns:
      `command` with that command's own options, `json` always among them.

    Raises:
      SystemExit: with 2 and a message on stderr for a wrong command line; with 0 after help.
    """
    commands = {name: command(name) for name in NAMES}
    parser, parsers = _parsers(commands)
    if not words:
        parser.print_help(sys.stderr)
        raise SystemExit(FAULT)
    # Two passes let files and images stand on both sides of an option.
    options, rest = parser.parse_known_args(words)
    chosen = commands[options.command]
    for word in rest:
        if word == "--":
            continue
        if (word.startswith("-") and word != "-") or chosen.many is None:
            _refuse(parsers[options.command], word)
        getattr(options, chosen.many).append(word)
    if chosen.bindings:
        options.bindings = list(bindings)
    elif bindings:
        parsers[options.command].error(
            f"{options.command} takes no Gin bindings ({BINDING}{bindings[0]})"
        )
    return options


def _refuse(parser: argparse.ArgumentParser, word: str) -> NoReturn:
    known = [option for action in parser._actions for option in action.option_strings]
    close = nearest(word.partition("=")[0], known) if word.startswith("-") else None
    parser.error(f"unknown: {word}" + (f" (did you mean {close}?)" if close else ""))


def _parsers(
    commands: dict[str, Command],
) -> tuple[argparse.ArgumentParser, dict[str, argparse.ArgumentParser]]:
    parser = argparse.ArgumentParser(
        prog="mu2",
        description="Gin files in, evolved multitask networks out.",
        epilog="mu2 COMMAND --help says more.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action=_Version)
    parser.set_defaults(json=False)
    added = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    parsers = {}
    for name, each in commands.items():
        parsers[name] = added.add_parser(
            name,
            help=each.help,
            description=each.help[0].upper() + each.help[1:] + ".",
            usage=f"mu2 {name} {each.usage}",
            epilog=each.epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        each.arguments(parsers[name])
    return parser, parsers


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


def _fail(faults: Sequence[Mu2Error], as_json: bool) -> int:
    """Tells the faults: on standard error, or in the one document on standard output."""
    if as_json:
        from mu2.system.documents import faults_document

        write_json(faults_document(faults))
    else:
        for fault in faults:
            print(fault if fault.location else f"mu2: {fault}", file=sys.stderr)
        if len(faults) > 1:
            print(f"{len(faults)} faults.", file=sys.stderr)
    return FAULT


def _with_cause(fault: Mu2Error) -> Mu2Error:
    """A fault that calls a library missing, with the true cause where it is there."""
    cause = fault.__cause__
    if not isinstance(cause, ImportError) or isinstance(cause, ModuleNotFoundError):
        return fault
    return Mu2Error(
        f"{fault.message.rstrip('.')}, which is there and cannot be loaded: {cause}.",
        location=fault.location,
    )


def _out_of_memory(error: Exception) -> Mu2Error | None:
    """The fault of a process, or a device, whose memory is used up."""
    exhausted = type(error).__name__ in ("JaxRuntimeError", "XlaRuntimeError")
    if not isinstance(error, MemoryError) and not (
        exhausted and "RESOURCE_EXHAUSTED" in str(error)
    ):
        return None
    said = str(error).strip().splitlines()
    return Mu2Error(
        f"out of memory{': ' + said[0] if said else ''}.",
        hint="Smaller batches and networks need less: Training.batch_size, Stream.memory_limit_mb, "
        "Experiment.cache_limit_mb. What is committed is whole.",
    )


def _os_fault(error: OSError) -> Mu2Error:
    what = error.strerror or str(error)
    hint = None
    if error.errno in (errno.EMFILE, errno.ENFILE):
        hint = "Let the process open more files: ulimit -n 4096."
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        hint = "Make room, then give the same command again: what is committed is whole."
    return Mu2Error(f"{error.filename}: {what}." if error.filename else f"{what}.", hint=hint)


def _write_any_name() -> None:
    """Lets a terminal that knows few letters show class names as escapes rather than fail."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
