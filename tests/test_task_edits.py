"""Tasks renamed, removed, copied, made private: commits that can be gone back from; and `diff`."""

import dataclasses
import json

import numpy as np
import pytest

import mu2
from mu2 import cli
from mu2.errors import Mu2Error
from mu2.planning.verification import prove_samples
from mu2.report.difference import difference
from mu2.report.figures import figure_of
from mu2.report.html.page import report_document, report_page
from mu2.report.kinds import KINDS, OF_SEVERAL, OF_TASK
from mu2.report.reading import read_history
from mu2.report.summary import summarise
from mu2.store.verify import verify
from mu2.system import System, task_edits
from mu2.system.writable import WritableSystem
from tests import own_data, shrunken


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return shrunken.evolved(tmp_path_factory)


@pytest.fixture
def directory(run, tmp_path):
    return shrunken.copy(run.directory, tmp_path / "system")


@pytest.fixture(scope="module")
def images(run):
    return run.watch.data["digits"].read("test", (16, 16, 1)).inputs[:8]


def answers(directory, task, images, at=None):
    return mu2.open(directory, at).predict(task, images).probabilities


def task(action, *words):
    return cli.main(["task", action, *map(str, words)])


def newest(directory):
    return System.open(directory).history()[0]


def test_a_renamed_task_answers_to_both_names(directory, images, capsys):
    before, number = answers(directory, "digits", images), newest(directory)["number"]
    assert task("rename", directory, "digits", "numbers") == 0
    assert capsys.readouterr().out == (
        f"{directory}: digits is shown as numbers (commit {number + 1}).\n"
    )
    system = mu2.open(directory)
    assert system.tasks == ("numbers", "latin", "greek")
    for name in ("digits", "numbers"):
        np.testing.assert_array_equal(system.predict(name, images).probabilities, before)
    shown = {each["id"]: each["name"] for each in summarise(System.open(directory))["tasks"]}
    assert shown["digits"] == "numbers"
    assert verify(directory) == []
    assert cli.main(["show", str(directory)]) == 0
    assert "numbers" in capsys.readouterr().out
    for name in ("digits", "numbers"):
        assert cli.main(["show", str(directory), "--task", name]) == 0
        assert capsys.readouterr().out.startswith("numbers\n  comes from  ")
    page = report_page([read_history(directory)])
    assert '"name":"numbers"' in page
    assert '"digits"' not in page
    for name in ("digits", "numbers"):
        figure_of([read_history(directory)], "curves", name)
    # It can be gone back from, and taken back.
    assert mu2.open(directory, str(number)).tasks[0] == "digits"
    system.rename("numbers", "digits")
    assert system.tasks[0] == "digits"
    assert System.open(directory).aliases == {}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("rename", "digit", "x"), "Did you mean 'digits'?"),
        (("rename", "digits", "latin"), "has a task 'latin' already"),
        (("rename", "digits", "digits"), "is shown as 'digits' already"),
        (("rename", "digits", "a b"), "a task cannot be named 'a b'"),
        (("rename", "digits"), "needs the new name"),
        (("remove", "digits", "x"), "mu2 task remove takes no NAME"),
        (("copy", "digits"), "needs the other system"),
        (("private", "greek"), "is private already"),
        (("public", "latin"), "is public already"),
    ],
)
def test_what_cannot_be_changed(directory, words, said, capsys):
    before = shrunken.files(directory)
    action, *rest = words
    assert task(action, directory, *rest) == 2
    assert said in capsys.readouterr().err
    assert shrunken.files(directory) == before


def test_a_later_run_knows_a_renamed_task_by_both_names(directory, run):
    task_edits.rename_task(directory, "digits", "numbers")
    before = System.open(directory).task("digits")
    system = shrunken.evolve(
        directory,
        "Stream.tasks=(@digits/Task(),)",
        "digits/Task.name='numbers'",
        shrunken.ONCE,
        "Evolution.children_per_iteration=1",
    )
    assert system.tasks == ("digits", "latin", "greek")
    after = system.task("numbers")
    assert (after.name, after.alias) == ("digits", "numbers")
    assert after.iterations == before.iterations + 1
    with pytest.raises(Mu2Error, match="as one: it was renamed"):
        shrunken.evolve(
            directory,
            "Stream.tasks=(@digits/Task(), @latin/Task())",
            "latin/Task.name='numbers'",
            shrunken.ONCE,
        )


def test_a_removed_task_leaves_what_others_share(directory, run, images, capsys):
    latin = run.watch.data["latin"].read("test", (16, 16, 1)).inputs[:5]
    before, number = answers(directory, "latin", latin), newest(directory)["number"]
    digits = answers(directory, "digits", images)
    old = System.open(directory).task("digits")
    assert task("remove", directory, "digits") == 0
    assert mu2.open(directory).tasks == ("latin", "greek")
    with pytest.raises(Mu2Error, match="no task 'digits'"):
        mu2.open(directory).predict("digits", images)
    np.testing.assert_array_equal(answers(directory, "latin", latin), before)
    assert all(path.parent != old.path.id for path in System.open(directory).paths().values())
    assert verify(directory) == []
    with WritableSystem.extend(directory) as system:
        system.sweep()
    # Nothing that the history needs is swept away.
    np.testing.assert_array_equal(answers(directory, "digits", images, str(number)), digits)
    np.testing.assert_array_equal(answers(directory, "latin", latin), before)
    # A task of the same name begins anew, and no id of a component comes again.
    system = shrunken.evolve(directory, *shrunken.DIGITS, shrunken.ONCE)
    assert system.tasks == ("latin", "greek", "digits")
    made = system.task("digits")
    assert made.iterations == old.iterations + 1
    assert made.path.id.split("/")[1] == str(old.iterations)
    np.testing.assert_array_equal(answers(directory, "latin", latin), before)


@pytest.mark.parametrize("names", [("digits",), ("latin",), ("digits", "latin", "greek")])
def test_what_is_drawn_of_a_system_that_has_lost_tasks(directory, names):
    task_edits.rename_task(directory, names[0], "gone")
    for name in names:
        task_edits.remove_task(directory, name)
    left = mu2.open(directory).tasks
    history = read_history(directory)
    (document,) = report_document([history])["systems"]
    assert [each["name"] for each in document["tasks"]] == list(left)
    numbers = {number for commit in document["commits"] for number, _ in commit["paths"]}
    assert numbers == set(range(len(left)))
    assert sum(len(commit["paths"]) for commit in document["commits"]) >= len(left)
    for kind in KINDS:
        if kind in OF_SEVERAL:
            figure_of([history, history], kind)()
        elif left:
            figure_of(
                [history],
                kind,
                left[0] if kind in OF_TASK else None,
                "learning_rate" if kind == "course" else None,
            )()


def test_a_task_is_copied_with_its_components(directory, run, images, tmp_path):
    before = answers(directory, "digits", images)
    other = tmp_path / "other"
    system = mu2.open(directory)
    system.copy("digits", other, "numbers")
    np.testing.assert_array_equal(answers(other, "numbers", images), before)
    assert verify(other) == []
    copied = System.open(other).path("numbers")
    assert [c.digest for c in copied.components] == [
        c.digest for c in system.path("digits").components
    ]
    assert {c.owner for c in copied.components} == {"numbers"}
    # What is known of its test examples came along.
    there, source = System.open(other), System.open(directory)
    assert [proof.same for proof in prove_samples(there)] == [True]
    assert there.predictions("numbers").accuracy == source.predictions("digits").accuracy
    # What the second shares with the first is there once, as it is here.
    system.copy("latin", other)
    shared = {c.digest for c in system.path("digits").components} & {
        c.digest for c in system.path("latin").components
    }
    here = {c.digest: c.id for c in System.open(other).path("latin").components}
    assert all(here[digest].startswith("numbers/") for digest in shared)
    with pytest.raises(Mu2Error, match="has a task 'latin' already"):
        system.copy("latin", other)
    # To a system that holds the same roots, these are shared.
    back = shrunken.copy(directory, tmp_path / "back")
    system.copy("digits", back, "again")
    assert [c.id for c in System.open(back).path("again").components] == [
        c.id for c in system.path("digits").components
    ]
    # The copy evolves on.
    went_on = shrunken.evolve(
        other,
        "Stream.tasks=(@digits/Task(),)",
        "digits/Task.name='numbers'",
        shrunken.ONCE,
        "Evolution.children_per_iteration=1",
    )
    assert went_on.task("numbers").iterations == 2


def test_a_copy_follows_no_link_out_of_the_system(directory, tmp_path):
    component = System.open(directory).path("digits").components[-1]
    pack = directory / "components" / component.pack
    (pack / "arrays").rename(tmp_path / "elsewhere")
    (pack / "arrays").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Mu2Error, match="symbolic link"):
        task_edits.copy_task(directory, "digits", tmp_path / "other")
    assert not System.exists(tmp_path / "other") or System.open(tmp_path / "other").tasks == ()


def test_a_copy_does_not_go_among_other_layers(directory, tmp_path):
    other = tmp_path / "other"
    bindings = ("ViT.width=8", *shrunken.DIGITS, shrunken.ONCE)
    shrunken.evolve(other, *bindings)
    with pytest.raises(Mu2Error, match="belongs to another search space"):
        task_edits.copy_task(directory, "latin", other)
    with pytest.raises(Mu2Error, match="is the system that the task is in"):
        task_edits.copy_task(directory, "latin", directory, "new")


def test_a_private_task_gives_no_more(directory):
    task_edits.set_private(directory, "latin", True)
    system = System.open(directory)
    assert system.task("latin").private
    (head,) = [each for each in system.paths().heads if each.task == "latin"]
    assert head.private
    # A run whose stream says nothing of it does not make it public.
    after = shrunken.evolve(
        directory,
        "Stream.tasks=(@latin/Task(),)",
        shrunken.ONCE,
        "Evolution.children_per_iteration=1",
    )
    assert after.task("latin").private
    assert after.path("latin").private
    task_edits.set_private(directory, "latin", False)
    assert not System.open(directory).path("latin").private


def test_a_task_under_way_is_left_alone(run, tmp_path):
    with shrunken.stopped_at("commit", after=True, commits=3), pytest.raises(shrunken.Stopped):
        shrunken.evolve(tmp_path / "system")
    for change, more in ((task_edits.remove_task, ()), (task_edits.set_private, (True,))):
        with pytest.raises(Mu2Error, match="is under way"):
            change(tmp_path / "system", "digits", *more)
    # Another name does it no harm, and the run ends where it would have ended.
    task_edits.rename_task(tmp_path / "system", "digits", "numbers")
    ended = shrunken.evolve(tmp_path / "system")
    assert ended.progress.complete
    assert ended.path("numbers").test_digest == run.system.path("digits").test_digest


def test_diff_of_commits_and_systems(directory, run, tmp_path, capsys):
    assert difference(run.system, System.open(directory))["changed"] == []
    number = newest(directory)["number"]
    task_edits.rename_task(directory, "digits", "numbers")
    task_edits.remove_task(directory, "greek")
    assert cli.main(["diff", f"{directory}@{number}", str(directory), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["only_a"], found["only_b"], found["same"]) == (["greek"], [], 1)
    (changed,) = found["changed"]
    assert (changed["name"], changed["id"]) == ("numbers", "digits")
    assert changed["values"] == {"name": {"a": "digits", "b": "numbers"}}
    assert changed["layers"]["other"] == []
    assert found["settings"] == {"only_a": [], "only_b": []}
    other = tmp_path / "other"
    shrunken.evolve(other, *shrunken.DIGITS, shrunken.ONCE)
    assert cli.main(["diff", str(directory), str(other)]) == 0
    printed = capsys.readouterr().out
    assert f"only in {directory}: latin" in printed
    assert "  iterations            2 -> 1" in printed
    assert "settings of the last run:" in printed
    same = mu2.open(directory).diff(mu2.open(directory, str(number)))
    assert same["only_b"] == ["greek"]
    assert cli.main(["diff", str(directory), str(tmp_path / "none")]) == 2
    assert "is no mu2 system" in capsys.readouterr().err


def test_seconds_are_those_of_the_commit(directory):
    file = directory / "times.jsonl"
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    file.write_text("".join(json.dumps({**line, "seconds": 10.0}) + "\n" for line in lines))
    commits = [c for c in System.open(directory).history() if c["message"] == "digits iteration"]
    seconds = [
        {task["name"]: task["seconds"] for task in summarise(System.open(directory, at))["tasks"]}
        for at in (str(commits[-1]["number"]), None)
    ]
    # Three children an iteration, of which the first commit knows one.
    assert (seconds[0]["digits"], seconds[1]["digits"]) == (30.0, 60.0)


def test_tables_and_texts_are_edited_alike(tmp_path_factory, tmp_path):
    made = own_data.system(tmp_path_factory)
    mu2.open(made.directory).copy("trees", tmp_path / "other", "oaks")
    mu2.open(made.directory).copy("mood", tmp_path / "other")
    system = mu2.open(tmp_path / "other")
    system.rename("oaks", "woods")
    rows = own_data.rows(10, seed=2)
    expected = mu2.open(made.directory).predict("trees", rows).probabilities
    np.testing.assert_array_equal(system.predict("woods", rows).probabilities, expected)
    assert system.evaluate("woods", str(made.folder / "trees.csv")).examples == 80
    system.remove("mood")
    assert system.tasks == ("woods",)


def test_records_of_earlier_systems_have_no_alias(run):
    document = run.system.task("digits").to_json()
    assert "alias" not in document
    assert dataclasses.replace(run.system.task("digits"), alias="x").to_json()["alias"] == "x"
