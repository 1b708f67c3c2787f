"""Gin files read as data, and every fault in them found at once."""

from mu2.linter.faults import Faults
from mu2.linter.graph import write
from mu2.linter.lint import ROOT, Vocabulary, lint
from mu2.linter.syntax import read
from mu2.linter.values import Configurable

__all__ = ["ROOT", "Configurable", "Faults", "Vocabulary", "lint", "read", "write"]
