"""Gin files read as data, and every fault in them found at once."""

from mu2.config.linter.faults import Faults, in_order
from mu2.config.linter.files import files_root, gin_files, package_folders
from mu2.config.linter.graph import write
from mu2.config.linter.lint import ROOT, LintResult, lint
from mu2.config.linter.syntax import MACRO, Binding, read, text_of
from mu2.config.linter.trial import HOLDERS
from mu2.config.linter.values import Configurable, Interval, Parameter, makers, words_of
from mu2.config.linter.vocabulary import Vocabulary

__all__ = [
    "HOLDERS",
    "MACRO",
    "ROOT",
    "Binding",
    "Configurable",
    "Faults",
    "Interval",
    "LintResult",
    "Parameter",
    "Vocabulary",
    "files_root",
    "gin_files",
    "in_order",
    "lint",
    "makers",
    "package_folders",
    "read",
    "text_of",
    "words_of",
    "write",
]
