"""A table's file as the runs of its columns.

A column is a scope: what the file sets in it, or in a scope around it, holds for that column alone,
as Gin has it for constructors. What is set in no column's scope holds for all columns. A file may
include that of another table, and name columns of it.
"""

import dataclasses

from mu2.config.linter.graph import Node, covers
from mu2.config.linter.syntax import MACRO, Binding, Reference, Statements, references, text_of
from mu2.errors import Mu2Error, nearest

TABLE: Node = ("", "Table")
COLUMN = "Column"
DEFINES = (TABLE[1], COLUMN)


def is_table(statements: Statements) -> bool:
    """Whether some statements declare a table."""
    return any(binding.selector == TABLE[1] for binding in statements.bindings)


def definition(statements: Statements) -> Statements:
    """What they say of the table and its columns themselves, and the macros.

    Columns of an included table that this one does not have are left out.
    """
    found = [b for b in statements.bindings if b.selector in DEFINES]
    columns = [b.value for b in found if (b.selector, b.parameter) == (TABLE[1], "columns")]
    wanted = column_scopes(columns[-1:])
    last = {b.key: b for b in found}
    found = [
        b
        for b in found
        if len(b.chain) < 2
        or (
            last[b.key] is b
            and (b.selector != COLUMN or any(covers(b.scope, scope) for scope in wanted))
        )
    ]
    named = {r.scope for b in found for r in references(b.value) if r.name == MACRO}
    macros = (b for b in statements.bindings if b.selector == MACRO and b.scope in named)
    return Statements((*macros, *found), statements.faults, statements.first)


def column_scopes(columns: object) -> list[str]:
    """The scopes of the columns that a table's `columns` refers to, in order."""
    return [r.scope for r in references(columns) if r.name == COLUMN]


def of_column(statements: Statements, scope: str, parts: Statements) -> Statements:
    """The statements of one column's run.

    Parts come first, then what the file itself sets, then what it sets for the column, then the
    command line: a line of the file replaces what parts set, wherever these are named.

    Args:
      statements: of the table's file, its includes and the command line.
      scope: of the column.
      parts: what the column is made of.
    """
    defining = [b for b in statements.bindings if b.selector in DEFINES]
    prefixes = _all_prefixes(statements)
    named = {b.scope for b in definition(statements).bindings if b.selector == MACRO}
    rest = [b for b in statements.bindings if b.selector not in DEFINES]
    used = {r.scope for b in rest for r in references(b.value) if r.name == MACRO}
    rest = [b for b in rest if b.selector != MACRO or b.scope not in named - used]
    common: list[Binding] = []
    own: list[tuple[str, Binding]] = []
    for binding in rest:
        outer, inner = _parted(binding, prefixes)
        if not outer:
            common.append(binding)
        elif covers(outer, scope):
            # Another source: it may set once more what the file sets for all columns.
            source = f"{binding.source} ({outer})" if binding.source else ""
            own.append((outer, dataclasses.replace(binding, scope=inner, source=source)))
    own.sort(key=lambda each: len(each[0]))
    files = {binding.source for binding in defining}
    tables = {binding.chain[0] for binding in defining if binding.chain}
    of_table = [b for b in common if b.chain and b.chain[0] in tables]
    bindings = (
        *(b for b in of_table if b.source not in files),
        *parts.bindings,
        *(b for b in of_table if b.source in files),
        *(b for _, b in own if b.source),
        *(b for b in common if not (b.chain and b.chain[0] in tables)),
        *(b for _, b in own if not b.source),
    )
    return Statements(bindings, (*statements.faults, *parts.faults), statements.first)


def own_lines(statements: Statements, scope: str) -> tuple[str, ...]:
    """What a table's file sets for one column alone, as `NAME = VALUE` without the scope."""
    prefixes = _all_prefixes(statements)
    found: dict[str, str] = {}
    rest = (b for b in statements.bindings if b.selector not in DEFINES and b.source)
    parted = [(*_parted(b, prefixes), b) for b in rest]
    for outer, inner, binding in sorted(parted, key=lambda each: len(each[0])):
        if outer and covers(outer, scope):
            name = str(dataclasses.replace(binding, scope=inner))
            found[name] = f"{name} = {text_of(binding.value)}"
    return tuple(found.values())


def wrong_scopes(statements: Statements) -> list[Mu2Error]:
    """Scopes of columns that the run uses for something else, and those that are misspelt."""
    return [*_clashes(statements), *_misspelt(statements)]


def _misspelt(statements: Statements) -> list[Mu2Error]:
    """Scopes that nothing refers to and that are nearly a column's."""
    columns = _all_prefixes(statements)
    used = {r.scope for b in statements.bindings for r in references(b.value) if r.name != MACRO}
    known = {prefix for scope in used for prefix in _prefixes(scope)}
    faults = []
    for binding in statements.bindings:
        _, inner = _parted(binding, columns)
        if binding.selector == MACRO or not inner or inner in known:
            continue
        if close := nearest(binding.scope, columns):
            faults.append(
                Mu2Error(
                    f"the scope {binding.scope!r} of {binding} is no column's.",
                    location=binding.head,
                    hint=f"Did you mean {close!r}?",
                )
            )
    return faults


def _clashes(statements: Statements) -> list[Mu2Error]:
    """Scopes of columns that the run uses for something else."""
    tops = {prefix for prefix in _all_prefixes(statements) if "/" not in prefix}
    faults = []
    for binding in statements.bindings:
        for reference in references(binding.value):
            if reference.name not in (MACRO, COLUMN) and _top(reference) in tops:
                faults.append(
                    Mu2Error(
                        f"{reference}: {_top(reference)!r} is the scope of a column.",
                        location=reference.location,
                        hint="Give the column another scope.",
                    )
                )
    return faults


def _top(reference: Reference) -> str:
    return reference.scope.partition("/")[0]


def _all_prefixes(statements: Statements) -> set[str]:
    """The scopes of all columns, and those around them."""
    scopes = {b.scope for b in statements.bindings if b.selector == COLUMN}
    for binding in statements.bindings:
        if binding.selector == TABLE[1]:
            scopes.update(column_scopes(binding.value))
    return {prefix for scope in scopes for prefix in _prefixes(scope) if scope}


def _prefixes(scope: str) -> list[str]:
    words = scope.split("/")
    return ["/".join(words[: n + 1]) for n in range(len(words))]


def _parted(binding: Binding, prefixes: set[str]) -> tuple[str, str]:
    """The column's part of a binding's scope, and the rest."""
    if binding.selector == MACRO or not binding.scope:
        return "", binding.scope
    outer = [prefix for prefix in _prefixes(binding.scope) if prefix in prefixes]
    if not outer:
        return "", binding.scope
    return outer[-1], binding.scope[len(outer[-1]) + 1 :]
