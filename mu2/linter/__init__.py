"""Gin files read as data, and every fault in them found at once."""

from mu2.linter.faults import Faults, in_order
from mu2.linter.files import files_root, gin_files, package_folders
from mu2.linter.graph import write
from mu2.linter.lint import ROOT, Linted, lint
from mu2.linter.syntax import MACRO, Binding, read, text_of
from mu2.linter.trial import HOLDERS
from mu2.linter.values import Configurable, Parameter, Within, makers, words_of
from mu2.linter.vocabulary import Vocabulary

__all__ = [
    "HOLDERS",
    "MACRO",
    "ROOT",
    "Binding",
    "Configurable",
    "Faults",
    "Linted",
    "Parameter",
    "Vocabulary",
    "Within",
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
