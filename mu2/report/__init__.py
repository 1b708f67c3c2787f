"""What is shown of runs and systems: progress, text, charts, pages, trackers.

All but progress is read from a `History`. A chart is a function of `task_charts` (of one task) or
`system_charts` (of all), and has a name in `kinds`; `plots` draws it, and the page of `html` too.
"""

from mu2.report.progress import RunReporter, choose_reporter
from mu2.report.summary import summarise

__all__ = ["RunReporter", "choose_reporter", "summarise"]
