"""Random search with successive halving: what is drawn, what is spent, what is refused."""

import collections
import sys

import optuna
import pytest

from benchmarks.speed import history
from benchmarks.tables import command, random_search, trials
from mu2.evolution.space import Choices, Hyperparameters, Ranges, SearchSpace
from mu2.models import ViT
from mu2.planning import forecast
from mu2.system.writable import WritableSystem
from mu2.training import evaluate
from tests import shrunken

SPACE = SearchSpace(
    models=(ViT(),),
    hyperparameters=Hyperparameters(
        mutation_probability=0.1, learning_rate=0.1, nesterov=True, schedule="cosine", momentum=0.9
    ),
    ranges=Ranges(
        mutation_probability=(0.1, 0.2), learning_rate=(0.1, 0.2, 0.5), nesterov=(True, False)
    ),
    choices=Choices(schedule=("cosine", "linear")),
)
ROW = {
    "task": "digits",
    "test_accuracy": 0.5,
    "system_test_accuracy": 0.75,
    "parameters": 1000,
    "trials": 3,
    "pruned": 2,
    "flops": 2e9,
    "seconds": 1.5,
}


def asked(seed=0):
    """A study whose trials are drawn and pruned as those of a search."""
    return optuna.create_study(
        direction="maximize",
        sampler=optuna.samplers.RandomSampler(seed),
        pruner=optuna.pruners.SuccessiveHalvingPruner(
            min_resource=1, reduction_factor=trials.REDUCTION
        ),
    )


def refused(capsys, *words):
    """What is said of words that are refused, without a traceback."""
    assert random_search.main([str(word) for word in words]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    return said.err


def test_every_value_of_what_may_move_is_as_likely_as_any_other():
    study = asked()
    values = [trials.drawn(study.ask(), SPACE, {}) for _ in range(900)]
    assert {frozenset(each) for each in values} == {
        frozenset(("learning_rate", "nesterov", "schedule"))
    }
    for name, listed in [("learning_rate", (0.1, 0.2, 0.5)), ("schedule", ("cosine", "linear"))]:
        found = collections.Counter(each[name] for each in values)
        assert set(found) == set(listed)
        # Five standard deviations of a binomial of 900 draws are less than 75.
        assert all(abs(count - 900 / len(listed)) < 75 for count in found.values())


def test_what_the_data_set_is_not_drawn():
    given = {"learning_rate": 7}
    trial = asked().ask()
    assert trials.drawn(trial, SPACE, given)["learning_rate"] == 7
    assert "learning_rate" not in trial.params


def test_one_seed_draws_the_same():
    first, second, other = (
        [trials.drawn(trial, SPACE, {}) for trial in (study.ask() for _ in range(9))]
        for study in (asked(1), asked(1), asked(2))
    )
    assert first == second != other


@pytest.mark.parametrize(
    ("left", "intervals"), [(1000.0, 4), (40.0, 4), (39.0, 4), (30.0, 3), (21.0, 3), (0.5, 1)]
)
def test_a_trial_has_the_intervals_that_spend_what_is_left(left, intervals):
    assert trials.affordable(left, 10.0, 4) == intervals


def test_the_best_of_a_fourth_go_on():
    study = asked()
    judges = [trials.Judge(study.ask(), 4) for _ in range(4)]
    scores = (0.9, 0.8, 0.95, 0.7)
    verdicts = [judge(1, [score]) for judge, score in zip(judges, scores, strict=True)]
    assert verdicts == [(True,), (False,), (True,), (False,)]
    assert [judge.pruned for judge in judges] == [False, True, False, True]


def test_after_the_intervals_it_may_have_a_trial_ends_and_is_not_pruned():
    judge = trials.Judge(asked().ask(), 2)
    assert judge(1, [0.9]) == (True,)
    assert judge(2, [0.1]) == (False,)
    assert not judge.pruned


def test_the_table_ends_with_the_mean():
    other = {**ROW, "task": "latin", "test_accuracy": 0.25, "trials": 4, "flops": 4e9}
    *_, digits, latin, mean, _, note = (
        random_search.grid("it", [ROW, other]).markdown().split("\n")[:-1]
    )
    assert digits == "| digits | 50.00 | 75.00 | 1,000 | 3 | 2 | 2.000e+09 | 1.5 |"
    assert latin.startswith("| latin | 25.00 |")
    assert mean == "| mean | 37.50 | 75.00 | 1,000.0 | 3.5 | 2.0 | 3.000e+09 | 1.5 |"
    assert "one validation interval" in note


def test_a_folder_that_is_not_there_is_refused(capsys, tmp_path):
    assert "none" in refused(capsys, tmp_path / "none")


def test_an_unfinished_system_is_refused(capsys, tmp_path):
    system = tmp_path / "system"
    with WritableSystem.extend(system) as made:
        made.start_run("Experiment.seed = 0\n", ["digits"])
    said = refused(capsys, system)
    assert "not finished" in said
    assert f"mu2 run {system}/runs/0-" in said


def test_a_system_without_a_run_is_refused(capsys, tmp_path):
    with WritableSystem.extend(tmp_path / "system"):
        pass
    assert "no run" in refused(capsys, tmp_path / "system")


def test_runs_of_several_settings_are_refused(capsys, tmp_path):
    with WritableSystem.extend(tmp_path / "system") as made:
        for seed in range(2):
            made.start_run(f"Experiment.seed = {seed}\n", [])
            made.complete()
    assert "2 runs" in refused(capsys, tmp_path / "system")


def test_without_optuna_the_extra_is_named(capsys, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    assert "pip install 'mu2[bench]'" in refused(capsys, tmp_path)


def test_a_file_that_cannot_be_written_is_refused_first(capsys, tmp_path):
    said = refused(capsys, tmp_path, "--json", tmp_path / "none" / "file.jsonl")
    assert "--json" in said
    command.check_writable(tmp_path / "new.jsonl")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_search_takes_the_flops_of_the_system(capsys, tmp_path, monkeypatch):
    bindings = (
        *("Training.intervals=4", "Training.max_train_examples=512", shrunken.ONCE),
        "Evolution.children_per_iteration=8",
    )
    system = shrunken.evolve(tmp_path / "system", *shrunken.SMALL, *bindings)
    before = shrunken.files(system.directory)
    outcomes, train = [], trials.Trials.train
    monkeypatch.setattr(
        trials.Trials,
        "train",
        lambda *words: outcomes.append(train(*words)) or outcomes[-1],
    )
    file = tmp_path / "figures.jsonl"
    assert random_search.main([str(system.directory), "--seed", "3", "--json", str(file)]) == 0
    assert shrunken.files(system.directory) == before

    experiment = shrunken.load(*shrunken.SMALL, *bindings).experiment
    interval = {each.task: each.flops.most for each in forecast.forecast_run(experiment)}
    (line,) = history.read("random_search", file)
    assert {"commit", "machine", "date", "command"} < line.keys()
    rows = line["figures"]["rows"]
    assert [row["task"] for row in rows] == list(system.tasks) == ["digits", "latin"]
    for row in rows:
        own = [each for each in outcomes if each.plan.task == row["task"]]
        lines = [each for each in system.log if each["task"] == row["task"]]
        assert row["budget"] == sum(each["flops"] for each in lines)
        assert row["flops"] == sum(each.flops for each in own)
        assert row["budget"] <= row["flops"] < row["budget"] + interval[row["task"]]
        assert row["system_test_accuracy"] == system.path(row["task"]).test_accuracy
        assert row["trials"] == len(own)
        unfinished = [each for each in own if each.score is None]
        assert row["pruned"] == len(unfinished) - row["diverged"] < len(own)
        assert row["score"] == max(each.score for each in own if each.score is not None)
        assert all(
            component.action in ("clone", "new")
            for each in own
            for component in each.plan.components
        )
        assert len({each.plan.hyperparameters["learning_rate"] for each in own}) > 1
    assert sum(row["pruned"] for row in rows) > 0
    assert "| mean |" in capsys.readouterr().out

    # What is tested is the network of the best interval.
    workers = shrunken.workers(experiment.layout, experiment.training)
    for task, row in zip(experiment.stream.tasks, rows, strict=True):
        best = next(
            each for each in outcomes if (each.plan.task, each.score) == (task.name, row["score"])
        )
        shape = experiment.model(best.plan).input_shape(best.plan.hyperparameters)
        for part, stop, accuracy in [
            ("validation", experiment.training.max_validation_examples, row["score"]),
            ("test", None, row["test_accuracy"]),
        ]:
            (block,) = task.read(part, shape).blocks(10000, stop)
            logits = workers.logits(
                experiment.network(best.plan), best.arrays, block.inputs, best.plan.num_classes
            )
            assert evaluate.accuracy(logits, block.labels) == accuracy


def test_an_interrupt_says_that_nothing_is_kept(monkeypatch, capsys):
    def interrupted(directory, seed):
        raise KeyboardInterrupt

    monkeypatch.setattr(random_search, "searched", interrupted)
    assert random_search.main(["anywhere"]) == 130
    assert "nothing is kept" in capsys.readouterr().err
