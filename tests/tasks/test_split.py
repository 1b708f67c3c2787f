"""Split expressions: TFDS's syntax and rounding, and what is said of a wrong one."""

import itertools

import pytest

from mu2.errors import Mu2Error
from mu2.tasks.split import Span, parse, shared

SIZES = {"train": 1000, "test": 200, "small-1": 7}

TERMS = [
    *("train", "test", "small-1", "all", "train+test", "test + train", "train[:5%]+train[10%:]"),
    *("train[100:200]", "train[:-500]", "train[-500:]", "train[-10:-5]", "train[1_0:1_00]"),
    *("train[0:1000]", "train[-1000:]", "train[999:]", "train[:1]", "train[0:20%]"),
    *("train[20%:]", "train[:20%]", "train[-20%:]", "train[:-20%]", "train[25.5%:33.3%]"),
    *("train[50%:50.1%]", "train[0%:100%]", "train[-100%:]", "small-1[50%:]", "small-1[:50%]"),
]


def parsed(expression, sizes=None):
    return [(s.split, s.start, s.stop) for s in parse(expression, sizes or SIZES, "the set")]


def by_tfds(expression, sizes):
    """The same, resolved by tensorflow_datasets."""
    splits = pytest.importorskip("tensorflow_datasets.core.splits")
    naming = pytest.importorskip("tensorflow_datasets.core.naming")
    infos = {
        name: splits.SplitInfo(
            name=name,
            shard_lengths=[size],
            num_bytes=0,
            filename_template=naming.ShardedFileTemplate(
                data_dir="/", dataset_name="a", filetype_suffix="array_record"
            ),
        )
        for name, size in sizes.items()
    }
    spans = []
    for found in splits.AbstractSplit.from_spec(expression).to_absolute(infos):
        stop = sizes[found.splitname] if found.to is None else found.to
        if (found.from_ or 0) < stop:
            spans.append((found.splitname, found.from_ or 0, stop))
    return spans


@pytest.mark.parametrize("expression", TERMS)
def test_an_expression_selects_what_it_selects_in_tfds(expression):
    assert parsed(expression) == by_tfds(expression, SIZES)


@pytest.mark.parametrize("size", [1, 7, 150, 269, 1258, 60_000])
def test_percentages_round_as_in_tfds(size):
    bounds = [
        f"{sign}{n}%" for n in (0, 0.3, 1, 2.5, 12.5, 33.3, 50, 66.7, 99.9, 100) for sign in "-+"
    ]
    bounds = ["", *(bound.removeprefix("+") for bound in bounds)]
    differ = []
    for start, stop in itertools.product(bounds, bounds):
        expression = f"train[{start}:{stop}]"
        if expression == "train[:]":
            continue
        expected = by_tfds(expression, {"train": size})
        # What selects nothing is an error here.
        found = parsed(f"{expression}+marker", {"train": size, "marker": 1})[:-1]
        if found != expected:
            differ.append((expression, found, expected))
    assert differ == []


@pytest.mark.parametrize(
    ("size", "percent", "index"), [(10, 25, 2), (10, 35, 4), (30, 5, 2), (150, 1, 2), (250, 1, 2)]
)
def test_half_an_example_rounds_to_the_even_one(size, percent, index):
    assert parsed(f"train[{percent}%:]", {"train": size}) == [("train", index, size)]
    assert parsed(f"train[:{percent}%]", {"train": size}) == [("train", 0, index)]


@pytest.mark.parametrize("size", [1, 3, 10, 269, 1258, 5000])
def test_slices_that_meet_at_a_percentage_cover_the_split_once(size):
    for percent in (0.1, 10, 12.5, 33.3, 50, 99):
        spans = parse(f"train[:{percent}%]+train[{percent}%:]", {"train": size}, "the set")
        assert [i for span in spans for i in range(span.start, span.stop)] == list(range(size))


def test_all_is_every_split_in_order_unless_a_split_has_that_name():
    assert parsed("all") == [("train", 0, 1000), ("test", 0, 200), ("small-1", 0, 7)]
    assert parsed("all[:3]", {"a": 5, "all": 9}) == [("all", 0, 3)]
    with pytest.raises(Mu2Error, match="'all' takes no slice"):
        parsed("all[:50%]")


def test_terms_keep_their_order_and_may_repeat():
    expected = [("test", 0, 200), ("train", 5, 7), ("train", 5, 7)]
    assert parsed("test+train[5:7]+train[5:7]") == expected


def test_empty_terms_are_left_out_while_others_select():
    assert parsed("train[5:5]+test[:1]+train[7:3]") == [("test", 0, 1)]


@pytest.mark.parametrize(
    "expression",
    ["train[1001:]", "train[:1001]", "train[-1001:]", "train[:100.5%]", "train[-101%:]"],
)
def test_bounds_outside_the_split_are_refused(expression):
    with pytest.raises(Mu2Error, match=r"outside (the 1000 examples there are|-100% to 100%)"):
        parsed(expression)


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("train[10:20%]", "mixes a number of examples and a percentage"),
        ("train[10%:20]", "mixes a number of examples and a percentage"),
        ("train[0%:20]", "mixes a number of examples and a percentage"),
        ("train[1shard:]", "not by shard"),
        ("train[10.5:]", "'10.5' is neither a whole number nor a percentage"),
        ("train[a:]", "'a' is neither a whole number nor a percentage"),
        ("train[10 20:]", "'10 20' is neither a whole number nor a percentage"),
        ("train[5]", "no slice, which has one colon"),
        ("train[1:2:3]", "no slice, which has one colon"),
        ("train[]", "no slice, which has one colon"),
        ("train[1_:]", "cannot be read"),
        ("train[" + "9" * 5000 + ":]", "cannot be read"),
        *(
            (wrong, "cannot be read")
            for wrong in ("", "+", "train+", "train[", "train]", "train[1:]]")
        ),
        *(
            (wrong, "cannot be read")
            for wrong in ("train [1:]", "[:5]", "train,test", "train\n[1:]")
        ),
        (("train", "test"), "must be text"),
        (None, "must be text"),
    ],
)
def test_wrong_syntax_is_refused_with_an_example_of_right_syntax(expression, message):
    with pytest.raises(Mu2Error, match=message) as caught:
        parsed(expression)
    assert caught.value.message.startswith("the set")
    assert "train[20%:]" in caught.value.hint


def test_an_unknown_split_is_answered_with_the_nearest_and_all_there_are():
    with pytest.raises(Mu2Error, match="the set has no split 'tran'") as caught:
        parsed("tran[:5%]")
    assert caught.value.hint.startswith("Did you mean 'train'?")
    assert "test (200 examples)" in caught.value.hint
    with pytest.raises(Mu2Error) as caught:
        parsed("validation")
    assert "'train[:10%]' here" in caught.value.hint


@pytest.mark.parametrize("expression", ["train[5:5]", "train[9:3]", "small-1[:1%]", "empty", "all"])
def test_a_selection_of_nothing_is_refused(expression):
    sizes = {"empty": 0} if expression == "all" else {**SIZES, "empty": 0}
    with pytest.raises(Mu2Error, match="selects no examples") as caught:
        parsed(expression, sizes)
    assert "empty (0 examples)" in caught.value.hint


@pytest.mark.parametrize(
    ("left", "right", "count"),
    [
        ("train[:10%]", "train[10%:]", 0),
        ("train[:101]", "train[100:]", 1),
        ("train", "train[100:200]", 100),
        ("train", "test", 0),
        ("train[:10]+test[:20]", "test[10:]+train[5:]", 15),
        ("train[:10]+train[:10]", "train[:10]", 20),
        ("all", "small-1", 7),
    ],
)
def test_shared_counts_the_examples_of_both(left, right, count):
    left, right = parse(left, SIZES, "the set"), parse(right, SIZES, "the set")
    assert shared(left, right) == shared(right, left) == count


def test_a_span_is_as_long_as_its_examples():
    assert len(Span("train", 3, 10)) == 7
