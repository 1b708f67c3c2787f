"""Runs `mu2 check` on a few lines of Gin."""

import json
from pathlib import Path

from mu2 import cli

BASE = "include 'gin/quickstart.gin'\n"


def check(text, capsys, *words):
    """The exit code and the document for a run that begins with the quickstart."""
    Path("run.gin").write_text(BASE + text, encoding="utf-8")
    code = cli.main(["check", "run.gin", "--json", *words])
    return code, json.loads(capsys.readouterr().out)


def faults(text, capsys, *words):
    code, document = check(text, capsys, *words)
    assert (code, document["ok"]) == (2, False)
    return [(f["location"], f["message"], f["hint"] or "") for f in document["faults"]]
