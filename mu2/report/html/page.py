"""The page: one HTML file that needs no network and no server; the same bytes for the same data."""

import base64
import hashlib
import html
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mu2.report.charts import CIVIDIS, FEW, FEW_ON_DARK
from mu2.report.comparison_of_systems import compare_systems
from mu2.report.history import History
from mu2.report.html.document import chart_document, system_document
from mu2.report.words import percent
from mu2.system.documents import plain

SCRIPTS = (
    *("core.js", "terms.js", "charts.js", "matrix.js", "graph.js", "task.js", "children.js"),
    *("flow.js", "live.js", "page.js"),
)


def report_document(histories: Sequence[History]) -> dict[str, Any]:
    """All that a page of some systems shows, as its scripts read it.

    Args:
      histories: one system, or several that are compared.
    """
    histories = [history.with_titles() for history in histories]
    comparison = None
    if len(histories) > 1:
        compared = compare_systems(histories)
        comparison = {
            "tasks": compared.tasks,
            "settings": compared.settings,
            "charts": [chart_document(chart) for chart in compared.charts],
        }
    return {
        "few": {"light": FEW, "dark": FEW_ON_DARK},
        "cividis": CIVIDIS,
        "systems": [system_document(history) for history in histories],
        "comparison": comparison,
    }


def report_page(histories: Sequence[History]) -> str:
    """The page of some systems, complete in itself.

    Args:
      histories: one system, or several that are compared.

    Returns:
      HTML text. It asks nothing of any network: its content security policy forbids that.
    """
    data = script_json(report_document(histories))
    title = "mu2: " + ", ".join(history.name for history in histories)
    return page(
        title,
        _fallback([history.with_titles() for history in histories]),
        f'<script type="application/json" id="data">{data}</script>\n',
        asset("scripts"),
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'",
    )


def page(title: str, body: str, data: str, script: str, policy: str) -> str:
    """An HTML page around a script.

    Args:
      title: as text.
      body: what a reader without scripts sees, as HTML.
      data: elements that stand before the script, as HTML.
      script: its text; the only one that the page may run.
      policy: the content security policy, but for the script.
    """
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    allowed = html.escape(f"{policy}; script-src 'sha256-{digest}'; base-uri 'none'")
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{allowed}">\n'
        '<meta name="referrer" content="no-referrer">\n<link rel="icon" href="data:,">\n'
        f"<title>{html.escape(title)}</title>\n<style>\n{asset('page.css')}</style>\n</head>\n"
        f"<body>\n{body}\n{data}<script>{script}</script>\n</body>\n</html>\n"
    )


def asset(name: str) -> str:
    """The text of a part of the page; `scripts` are all its scripts as one."""
    folder = Path(__file__).parent
    if name != "scripts":
        return (folder / name).read_text(encoding="utf-8")
    text = "\n".join((folder / script).read_text(encoding="utf-8") for script in SCRIPTS)
    return f'"use strict";\n(() => {{\n{text}}})();\n'


def script_json(document: Mapping[str, Any]) -> str:
    """JSON that can stand in an HTML script element: no name in it can end the element."""
    text = json.dumps(plain(document), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for letter in ("<", ">", "&", "\u2028", "\u2029"):
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return text


def _fallback(histories: Sequence[History]) -> str:
    """What is seen where scripts do not run: a table of the tasks."""
    parts = ["<noscript>"]
    for history in histories:
        rows = "".join(
            f"<tr><td>{html.escape(task)}</td><td>{percent(path.test_accuracy)}</td>"
            f"<td>{percent(path.quality)}</td></tr>"
            for task, path in history.kept_paths.items()
        )
        parts.append(
            f"<h1>{html.escape(history.name)}</h1>"
            "<p>Charts need scripts, which do not run here.</p>"
            f"<table><thead><tr><th>task</th><th>test</th><th>validation</th></tr></thead>"
            f"<tbody>{rows}</tbody></table>"
        )
    return "".join([*parts, "</noscript>"])
