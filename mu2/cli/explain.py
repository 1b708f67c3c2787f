"""`mu2 explain`: a configurable, a hyperparameter or a Gin file."""

import argparse
import inspect
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mu2.cli import catalogue
from mu2.cli.catalogue import GinFile
from mu2.cli.command import FAULTS_HELP, OK, Command, add_json, write_json, write_lines
from mu2.errors import Mu2Error, nearest

# Settings of one parameter that are shown; --json has all.
SHOWN = 6

EPILOG = f"""\
NAME is a configurable (Training), a parameter (Training.batch_size), a hyperparameter
(learning_rate) or a Gin file (gin/quickstart.gin, or quickstart).

One JSON document with --json; `kind` says which of these it is:
  configurable    name, summary, doc, parameters: a list of name, type, default (as Gin
                  writes it; null: it must be set), doc, set (a list of file, line, scope,
                  value)
  hyperparameter  name, type, doc, used_by, defaults, ranges, choices (lists as `set` above)
  file            name, doc, includes, bindings (a list of name, line, value)
or, where that fails:
{FAULTS_HELP}"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """What is explained."""
    parser.add_argument("name", metavar="NAME", help="what to explain")
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Prints what is known of a name."""
    found = document(options.name)
    if options.json:
        write_json(found)
    else:
        lines = {"file": _file_lines, "configurable": _lines, "hyperparameter": _value_lines}
        write_lines("\n".join(lines[found["kind"]](found)).split("\n"))
    return OK


def document(name: str) -> dict[str, Any]:
    """The JSON document of a name.

    Raises:
      Mu2Error: nothing is called so.
    """
    from mu2.config import vocabulary

    known = vocabulary()
    hyperparameters = {**known.hyperparameters, **known.model_hyperparameters}
    files = catalogue.files()
    by_name = {file.name: file for file in files}
    plain = name.strip().removeprefix("@").removesuffix("()")
    selector, _, parameter = plain.rpartition("/")[2].partition(".")
    if selector in ("Hyperparameters", "Ranges", "Choices") and parameter in hyperparameters:
        plain = parameter
    if plain in hyperparameters:
        return _hyperparameter(plain, hyperparameters[plain], files)
    if selector in known.configurables:
        return _configurable(selector, parameter, files)
    if (file := _file(plain, by_name)) is not None:
        return _file_document(file)
    names = [*known.configurables, *hyperparameters, *by_name, *map(_stem, by_name)]
    close = nearest(plain, names)
    if parameter and (meant := nearest(selector, known.configurables)):
        close = f"{meant}.{nearest(parameter, known.configurables[meant].parameters) or parameter}"
    raise Mu2Error(
        f"nothing is called {name!r}.",
        hint=f"Did you mean {close!r}?" if close else "`mu2 list` names everything.",
    )


def _stem(name: str) -> str:
    return name.rpartition("/")[2].removesuffix(".gin")


def _file(name: str, files: Mapping[str, GinFile]) -> GinFile | None:
    """The Gin file of a name: as included, without its folder or ending, or any path."""
    if name in files:
        return files[name]
    if name.endswith(".gin") and Path(name).is_file():
        return GinFile(name, catalogue.OTHERS, "", Path(name))
    return next((file for file in files.values() if _stem(file.name) == _stem(name)), None)


def _settings(files: Sequence[GinFile]) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Every binding of some files, without those of their includes, and the JSON form of each."""
    from mu2.config import search_paths
    from mu2.config.linter import read, text_of

    for file in files:
        for binding in read([str(file.path)], [], search_paths()).bindings:
            if Path(binding.source).resolve() == file.path.resolve():
                line = int(binding.location.rpartition(":")[2])
                scope, value = binding.scope, text_of(binding.value)
                yield binding, {"file": file.name, "line": line, "scope": scope, "value": value}


def _configurable(name: str, only: str, files: Sequence[GinFile]) -> dict[str, Any]:
    from mu2.config import vocabulary
    from mu2.config.documentation import constructor_doc, parameter_docs
    from mu2.config.linter import HOLDERS, words_of
    from mu2.errors import did_you_mean

    configurable = vocabulary().configurables[name]
    if only and only not in configurable.parameters:
        raise Mu2Error(
            f"{name} has no parameter {only!r}.", hint=did_you_mean(only, configurable.parameters)
        )
    make = configurable.make
    told = parameter_docs(make)
    defaults = inspect.signature(make).parameters
    found: dict[str, list[dict[str, Any]]] = {}
    for binding, setting in _settings(files):
        if binding.selector == name:
            found.setdefault(binding.parameter, []).append(setting)
    parameters = [
        {
            "name": each.name,
            "type": words_of(each.annotation),
            "default": None
            if each.required
            else catalogue.text_of_default(defaults[each.name].default),
            "doc": told.get(each.name, ""),
            "set": found.get(each.name, []),
        }
        for each in configurable.parameters.values()
        if not only or each.name == only
    ]
    doc = constructor_doc(make)
    document = {
        "format": 1,
        "kind": "configurable",
        "name": name,
        "summary": catalogue.first_sentence(doc),
        "doc": doc,
        "parameters": parameters,
    }
    if name in HOLDERS:
        known = vocabulary()
        document["parameters"] = []
        document["hyperparameters"] = [*known.hyperparameters, *known.model_hyperparameters]
    return document


def _hyperparameter(name: str, kind: Any, files: Sequence[GinFile]) -> dict[str, Any]:
    from mu2.config.documentation import hyperparameter_notes
    from mu2.config.linter import HOLDERS, words_of

    doc, users = hyperparameter_notes(name)
    found: dict[str, list[dict[str, Any]]] = {holder: [] for holder in HOLDERS}
    for binding, setting in _settings(files):
        if binding.selector in found and binding.parameter == name:
            found[binding.selector].append(setting)
    return {
        "format": 1,
        "kind": "hyperparameter",
        "name": name,
        "type": words_of(kind),
        "doc": doc,
        "used_by": users,
        "defaults": found["Hyperparameters"],
        "ranges": found["Ranges"],
        "choices": found["Choices"],
    }


def _file_document(file: GinFile) -> dict[str, Any]:
    from mu2.config import Faults, search_paths
    from mu2.config.linter import read

    statements = read([str(file.path)], [], search_paths())
    if statements.faults:
        raise Faults(statements.faults)
    text = file.path.read_text(encoding="utf-8-sig")
    bindings = [
        {"name": str(binding), "line": setting["line"], "value": setting["value"]}
        for binding, setting in _settings([file])
    ]
    return {
        "format": 1,
        "kind": "file",
        "name": file.name,
        "doc": catalogue.header(text),
        "includes": re.findall(r"^include\s+['\"]([^'\"]+)['\"]", text, re.M),
        "bindings": bindings,
    }


def _lines(found: Mapping[str, Any]) -> Iterator[str]:
    """A configurable in words."""
    about = re.split(r"\n+(?:Attributes|Args):\n", found["doc"])[0]
    yield f"{found['name']}: {about}"
    if "hyperparameters" in found:
        yield ""
        yield f"Takes hyperparameters by name: {', '.join(found['hyperparameters'])}."
        yield "`mu2 explain` says more of each."
        return
    for parameter in found["parameters"]:
        default = parameter["default"]
        default = "must be set" if default is None else f"default {default}"
        yield ""
        yield f"{found['name']}.{parameter['name']}: {parameter['type']}; {default}"
        if parameter["doc"]:
            yield from catalogue.wrapped(f"  {parameter['doc']}", "  ", _width())
        yield from _set_lines(parameter["set"])


def _value_lines(found: Mapping[str, Any]) -> Iterator[str]:
    """A hyperparameter in words."""
    yield f"{found['name']}: {found['type']}; used by {', '.join(found['used_by'])}"
    if found["doc"]:
        yield from catalogue.wrapped(f"  {found['doc']}", "  ", _width())
    for holder, key in (
        ("Hyperparameters", "defaults"),
        ("Ranges", "ranges"),
        ("Choices", "choices"),
    ):
        if found[key]:
            yield ""
            yield f"{holder}.{found['name']}"
            yield from _set_lines(found[key])
    if not (found["defaults"] or found["ranges"] or found["choices"]):
        yield "  No Gin file sets it."


def _set_lines(settings: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Where a parameter is set, and to what."""
    rows = []
    for setting in settings[:SHOWN]:
        scope = f"  in {setting['scope']}/" if setting["scope"] else ""
        rows.append((f"{setting['file']}:{setting['line']}", f"= {setting['value']}{scope}"))
    yield from catalogue.align_columns(rows, _width())
    if len(settings) > SHOWN:
        yield f"  and {len(settings) - SHOWN} more; --json has all"


def _file_lines(found: Mapping[str, Any]) -> Iterator[str]:
    """A Gin file in words."""
    yield found["name"]
    yield ""
    yield found["doc"] or "It opens with no comment."
    if found["includes"]:
        yield ""
        yield "Includes"
        yield from (f"  {name}" for name in found["includes"])
    if found["bindings"]:
        yield ""
        yield "Sets"
        rows = [(each["name"], f"= {each['value']}") for each in found["bindings"]]
        yield from catalogue.align_columns(rows, None)


def _width() -> int:
    return catalogue.terminal_width() or 100


COMMAND = Command(
    "explain a configurable, a hyperparameter or a Gin file",
    "NAME [--json]",
    arguments,
    run,
    EPILOG,
)
