"""Gin files read as data, and every fault in them found at once."""

from mu2.config.linter.columns import (
    TABLE,
    column_scopes,
    definition,
    is_table,
    of_column,
    own_lines,
    wrong_scopes,
)
from mu2.config.linter.faults import Faults, in_order
from mu2.config.linter.files import files_root, gin_files, package_folders
from mu2.config.linter.graph import write
from mu2.config.linter.lint import ROOT, LintResult, lint
from mu2.config.linter.syntax import MACRO, NOTHING, Binding, Statements, read, read_parts, text_of
from mu2.config.linter.trial import HOLDERS
from mu2.config.linter.values import Configurable, Interval, Parameter, makers, words_of
from mu2.config.linter.vocabulary import Vocabulary

__all__ = [
    "HOLDERS",
    "MACRO",
    "NOTHING",
    "ROOT",
    "TABLE",
    "Binding",
    "Configurable",
    "Faults",
    "Interval",
    "LintResult",
    "Parameter",
    "Statements",
    "Vocabulary",
    "column_scopes",
    "definition",
    "files_root",
    "gin_files",
    "in_order",
    "is_table",
    "lint",
    "makers",
    "of_column",
    "own_lines",
    "package_folders",
    "read",
    "read_parts",
    "text_of",
    "words_of",
    "write",
    "wrong_scopes",
]
