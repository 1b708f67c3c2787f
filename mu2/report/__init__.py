"""What is shown of runs and systems: progress, text, documents, costs."""

from mu2.report.progress import RunReporter, choose_reporter
from mu2.report.summary import summarise

__all__ = ["RunReporter", "choose_reporter", "summarise"]
