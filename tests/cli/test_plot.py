"""`mu2 plot`: every kind of chart of a real run, the same bytes each time, names as text."""

import pytest

from mu2 import cli
from mu2.report.kinds import KINDS, OF_SEVERAL, OF_TASK
from tests import shrunken
from tests.report.test_html import HOSTILE
from tests.report.written import write_system


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return shrunken.evolved(tmp_path_factory)


def words(run, kind, file, *more):
    folders = [str(run.directory)] * (1 + (kind in OF_SEVERAL))
    task = ["--task", "latin"] if kind in OF_TASK else []
    course = ["--hyperparameter", "learning_rate"] if kind == "course" else []
    return ["plot", *folders, kind, "--to", str(file), *task, *course, *more]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_drawn(run, kind, tmp_path):
    file = tmp_path / f"{kind}.png"
    assert cli.main(words(run, kind, file)) == 0
    assert file.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("ending", ["pdf", "svg", "png"])
def test_bytes_are_the_same_each_time(run, ending, tmp_path):
    for name in ("one", "two"):
        assert cli.main(words(run, "graph", tmp_path / f"{name}.{ending}")) == 0
    assert (tmp_path / f"one.{ending}").read_bytes() == (tmp_path / f"two.{ending}").read_bytes()


def test_hostile_names_are_text(tmp_path):
    import xml.etree.ElementTree as ElementTree

    write_system(tmp_path / "system", len(HOSTILE), 4, HOSTILE.__getitem__)
    for kind in ("graph", "flow", "time"):
        file = tmp_path / f"{kind}.svg"
        assert cli.main(["plot", str(tmp_path / "system"), kind, "--to", str(file)]) == 0
        texts = "".join(ElementTree.parse(file).getroot().itertext())
        assert HOSTILE[1] in texts
        assert HOSTILE[2] in texts


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (["grap"], "Did you mean 'graph'?"),
        (["curves"], "--task NAME"),
        (["curves", "--task", "latim"], "Did you mean 'latin'?"),
        (["course", "--hyperparameter", "learning_rat"], "Did you mean 'learning_rate'?"),
        (["comparison"], "two systems or more"),
    ],
)
def test_faults_name_the_cure(run, change, said, tmp_path, capsys):
    file = tmp_path / "x.svg"
    assert cli.main(["plot", str(run.directory), *change, "--to", str(file)]) == 2
    assert said in capsys.readouterr().err
    assert not file.exists()


def test_an_unknown_format_is_refused_before_anything_is_read(tmp_path, capsys):
    assert cli.main(["plot", "nowhere", "graph", "--to", str(tmp_path / "x.jpg")]) == 2
    assert "x.jpg" in capsys.readouterr().err


def test_the_help_names_every_kind(capsys):
    assert cli.main(["plot", "--help"]) == 0
    told = capsys.readouterr().out.replace(",", " ").split()
    assert set(KINDS) <= set(told)
