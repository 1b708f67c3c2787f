"""Price lists, and what money buys, by hand."""

import json
from pathlib import Path

import pytest

from mu2.errors import Mu2Error
from mu2.system.prices import Accelerator, Affordable, Prices, affordable

SHIPPED = Path(__file__).parents[2] / "benchmarks/tables/prices.json"
ENTRY = {
    "name": "chip",
    "peak": {"bfloat16": 200e12, "float32": 100e12},
    "utilisation": 0.5,
    "price": 2.0,
    "watts": 300,
    "kinds": ["chip v1"],
    "source": "a test",
}


def write(tmp_path, change=lambda document: None):
    document = {"format": 1, "currency": "USD", "accelerators": [json.loads(json.dumps(ENTRY))]}
    change(document)
    file = tmp_path / "prices.json"
    file.write_text(json.dumps(document), encoding="utf-8")
    return file


def test_hours_by_hand(tmp_path):
    (chip,) = Prices.read(write(tmp_path)).accelerators
    assert chip == Accelerator(**{**ENTRY, "kinds": ("chip v1",)})
    # 50e12 a second in float32, 100e12 in bfloat16.
    assert chip.hours(3600 * 50e12, "float32") == pytest.approx(1.0)
    assert chip.hours(3600 * 50e12, "bfloat16") == pytest.approx(0.5)
    assert chip.utilisation_of(1e12, 0.1, "float32") == pytest.approx(0.1)


def test_the_shipped_list_is_one_and_says_where_it_is_from():
    prices = Prices.read(SHIPPED)
    assert prices.find("TPU v4").peak["bfloat16"] == 275e12
    assert prices.of_kind("NVIDIA L4") == prices.find("L4")
    assert prices.of_kind("NVIDIA L40S") is None
    assert all("Edit me" in each.source for each in prices.accelerators)
    with pytest.raises(Mu2Error, match="no accelerator 'TPU v'"):
        prices.find("TPU v")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d.pop("format"), "no price list"),
        (lambda d: d.update(format=2), "no price list"),
        (lambda d: d.pop("currency"), "currency"),
        (lambda d: d.update(accelerators=[]), "accelerators"),
        (lambda d: d["accelerators"].append(ENTRY), "twice"),
        (lambda d: d["accelerators"][0].pop("name"), "no name"),
        (lambda d: d["accelerators"][0].pop("watts"), "no 'watts'"),
        (lambda d: d["accelerators"][0].update(wats=3), "has 'wats'"),
        (lambda d: d["accelerators"][0].update(peak=3), "peak"),
        (lambda d: d["accelerators"][0]["peak"].update(float32=0), "peak of float32 is 0"),
        (lambda d: d["accelerators"][0].update(utilisation=1.5), "utilisation is 1.5"),
        (lambda d: d["accelerators"][0].update(utilisation=40), "utilisation is 40"),
        (lambda d: d["accelerators"][0].update(price="3"), "price is '3'"),
        (lambda d: d["accelerators"][0].update(price=-1), "price is -1"),
        (lambda d: d["accelerators"][0].update(source=""), "source"),
        (lambda d: d["accelerators"][0].update(kinds="chip"), "kinds is a list"),
        (lambda d: d["accelerators"][0].update(kinds=[""]), "kinds is a list"),
        (lambda d: d["accelerators"].append({**ENTRY, "name": "b"}), "'chip v1' twice"),
    ],
)
def test_lists_that_are_none(tmp_path, change, said):
    with pytest.raises(Mu2Error, match=said):
        Prices.read(write(tmp_path, change))


def test_files_that_are_none(tmp_path):
    with pytest.raises(Mu2Error, match="cannot be read"):
        Prices.read(tmp_path / "none.json")
    (tmp_path / "text").write_text("no", encoding="utf-8")
    with pytest.raises(Mu2Error, match="no JSON"):
        Prices.read(tmp_path / "text")


VISITS = ((10, 1.0), (10, 4.0), (10, 5.0))


@pytest.mark.parametrize(
    ("money", "expected"),
    [
        (20.0, Affordable(3, 30, 1.0)),
        (100.0, Affordable(3, 30, 1.0)),
        (10.0, Affordable(2, 20, 0.5)),
        (2.0, Affordable(1, 10, 0.1)),
        (6.0, Affordable(1, 15, 0.3)),
        (1.0, Affordable(0, 5, 0.05)),
    ],
)
def test_what_a_sum_buys_by_hand(money, expected):
    # 2 an hour; the whole takes 10 hours.
    assert affordable(money, 2.0, VISITS) == expected
