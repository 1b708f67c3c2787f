"""Runs whose first children have solved heads: stopped, resumed, stopped early, planned, shown."""

import io

import pytest

from mu2.errors import Mu2Error
from mu2.evolution.closed_form import solving_flops
from mu2.evolution.probing import probe_examples
from mu2.planning.forecast import forecast_run
from mu2.report import one_task
from mu2.report.reading import read_history
from mu2.report.summary import summarise
from mu2.store.verify import verify
from tests import shrunken
from tests.shrunken import DIGITS, ONCE, SMALL

SOLVED = (
    *SMALL,
    "Evolution.closed_form_children=2",
    "Evolution.parents='probed'",
    "Stream.iterations=1",
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    directory = tmp_path_factory.mktemp("solved") / "system"
    return shrunken.evolve(directory, *SOLVED)


def test_heads_are_solved_first_and_trained_afterwards(whole):
    for task, solved in (("digits", 1), ("latin", 2)):
        lines = [line for line in whole.log if line["task"] == task]
        assert len(lines) == 3
        assert [line["actions"]["head"] == "solve" for line in lines] == [
            i < solved for i in range(3)
        ]
        assert {line["generation"] for line in lines[:solved]} == {0}
        for line in lines[:solved]:
            others = {a for name, a in line["actions"].items() if name != "head"}
            assert others == {"share"}
            assert (line["steps"], len(line["qualities"]), line["stopped"]) == (0, 1, False)
            assert line["retained"]
        for line in lines[solved:]:
            assert line["steps"] > 0
            assert line["actions"]["head"] == ("clone" if line["parent_task"] == task else "new")
    assert verify(whole.directory) == []


def test_its_operations_are_those_of_a_pass_and_of_the_solution(whole):
    experiment = shrunken.load(*SOLVED).experiment
    line = next(iter(whole.log))
    network = experiment.space.models[0].network(line["hyperparameters"], 10)
    sizes = experiment.stream.tasks[0].check()
    solved_on = experiment.training.solved_examples(sizes["train"])
    validated = experiment.training.validation_examples(sizes["validation"])
    forward = sum(c.flops for c in network if not c.optional)
    expected = solving_flops(forward, network[-1].size, 10, solved_on, validated)
    assert line["flops"] == expected
    assert "probes" not in line  # the first task had one seed
    digits, latin = forecast_run(experiment)
    assert (digits.solved, latin.solved) == (1, 2)
    assert digits.solving.least == expected
    total = digits.total(None)
    assert total.least == pytest.approx(2 * digits.flops.least * digits.intervals + expected)
    assert digits.total_steps(None) == sum(
        line["steps"] for line in whole.log if line["task"] == "digits"
    )


def test_seeds_are_probed_before_a_tasks_first_child(whole):
    experiment = shrunken.load(*SOLVED).experiment
    lines = [line for line in whole.log if line["task"] == "latin"]
    probes = lines[0]["probes"]
    assert {seed.partition("/")[0] for seed in probes} == {"root", "digits"}
    assert all(0 <= accuracy <= 1 for accuracy in probes.values())
    # Of equals the root is tried first, as it was the first candidate.
    ranked = sorted(probes, key=lambda seed: (-probes[seed], not seed.startswith("root")))
    assert [line["parent"] for line in lines[:2]] == ranked
    assert not any("probes" in line for line in lines[1:])
    # A probe is solved on fewer examples, and counts as such.
    sizes = experiment.stream.tasks[1].check()
    some, others = probe_examples(sizes["train"], 26)
    network = experiment.space.models[0].network(lines[0]["hyperparameters"], 26)
    network = [c for c in network if not c.optional]
    forward, head = sum(c.flops for c in network), network[-1].size
    judged = experiment.training.validation_examples(others)
    solved_on = experiment.training.solved_examples(some)
    probing = solving_flops(forward, head, 26, solved_on, judged)
    assert lines[0]["flops"] == pytest.approx(lines[1]["flops"] + 2 * probing)
    _, latin = forecast_run(experiment)
    assert latin.probing.least == pytest.approx(2 * probing)


@pytest.mark.parametrize("after", [True, False])
def test_a_run_that_is_stopped_ends_as_one_that_is_not(whole, tmp_path, after):
    stopped, stops = True, 0
    while stopped:
        try:
            with shrunken.stopped_at("_commit" if after else "log_child", after):
                shrunken.evolve(tmp_path, *SOLVED)
            stopped = False
        except shrunken.Stopped:
            stops += 1
    assert stops >= 4
    for file in ("log.jsonl", "HEAD"):
        assert (tmp_path / file).read_bytes() == (whole.directory / file).read_bytes()
    assert verify(tmp_path) == []


def test_what_is_solved_takes_no_part_in_stopping(tmp_path, whole):
    halving = ("Evolution.stopping=@Halving()", "Halving.factor=2", "Training.intervals=2")
    system = shrunken.evolve(
        tmp_path, *DIGITS, ONCE, "Evolution.closed_form_children=1", *halving,
        "Evolution.children_per_iteration=5",
    )  # fmt: skip
    solved, *trained = system.log
    assert solved["actions"]["head"] == "solve"
    assert not solved["stopped"]
    # Of each generation of two the better one goes on; the solved head is nobody's rival.
    assert [len(line["qualities"]) for line in trained].count(2) >= 1


def test_the_action_is_named(whole):
    history = read_history(whole.directory)
    told = io.StringIO()
    for task in summarise(whole)["tasks"]:
        one_task.show_task(task, history, told)
    steps = [step for task in whole.tasks for step in one_task.one_task(history, task)["lineage"]]
    assert "solve" in {step.get("actions", {}).get("head") for step in steps}
    assert "solve head" in told.getvalue()


def test_a_head_that_is_not_linear_is_refused_before_the_run(monkeypatch, tmp_path):
    def refuse(head):
        raise Mu2Error("the head of this network is no linear layer")

    monkeypatch.setattr("mu2.config.solved_heads.check_linear", refuse)
    with pytest.raises(Mu2Error, match="no linear layer"):
        shrunken.evolve(tmp_path, *SOLVED)
    assert not (tmp_path / "mu2.json").exists()
