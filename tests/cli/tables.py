"""A table of one's own, and what `mu2 table` says of it."""

import json

from mu2 import cli
from tests import shrunken

SMALL = "\n".join(shrunken.merged(*shrunken.SMALL))
# A table of one's own: a run, and its columns.
TINY = f"""\
# Two columns of the shrunken quickstart.
include '{shrunken.FILE}'
{SMALL}
Table.columns = (@ours/Column(), @other/Column())
ours/Column.name = 'µ2Net'
other/Column.name = 'two children | each'
other/Evolution.children_per_iteration = 2
"""


# A table of one's own: a run, and its columns.
TINY = f"""\
# Two columns of the shrunken quickstart.
include '{shrunken.FILE}'
{SMALL}
Table.columns = (@ours/Column(), @other/Column())
ours/Column.name = 'µ2Net'
other/Column.name = 'two children | each'
other/Evolution.children_per_iteration = 2
"""


def written(folder, text, name="tiny.gin"):
    file = folder / name
    file.write_text(text if isinstance(text, str) else json.dumps(text), encoding="utf-8")
    return str(file)


def told(capsys, *words):
    capsys.readouterr()
    with shrunken.shared_programs():
        assert cli.main(["table", *map(str, words), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def refused(capsys, *words):
    assert cli.main(["table", *map(str, words)]) == 2
    return capsys.readouterr().err
