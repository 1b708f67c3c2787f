"""The 124 tasks of µ2Net+: names, versions, splits and labels as published, without their data."""

import io
import os
import tempfile

import pytest

from mu2.config import load
from mu2.config.start import open_for_run, start_workers
from mu2.experiment import run
from mu2.planning.preview import preview_run
from mu2.report.progress import LogReporter
from mu2.report.summary import summarise
from mu2.system import System
from mu2.tasks import TFDS, Joined, Scenes
from mu2.tasks.sources.tfds_sets import SETS

TABLE = "benchmarks/tables/mu2net_plus_l16.gin"

# From the published list (muNet/mu4Net2.ipynb@1153f92): version, then tasks.
LIST = """
0.1.0 beans cassava i_naturalist2017 imagenet_a plantae_k
0.1.1 caltech_birds2010 caltech_birds2011
0.1.2 citrus_leaves
0.2.0 imagenet_r stanford_dogs
1.0.0 binary_alpha_digits cmaterdb/bangla cmaterdb/devanagari cmaterdb/telugu
1.0.0 controlled_noisy_web_labels/mini_imagenet_red controlled_noisy_web_labels/mini_imagenet_blue
1.0.0 domainnet/real domainnet/painting domainnet/clipart domainnet/quickdraw domainnet/infograph
1.0.0 domainnet/sketch i_naturalist2018 imagenet_lt imagenet_sketch imagenette malaria pet_finder
1.0.0 siscore/rotation siscore/size siscore/location stanford_online_products stl10
1.0.2 plant_village
1.2.0 visual_domain_decathlon/aircraft visual_domain_decathlon/cifar100
1.2.0 visual_domain_decathlon/daimlerpedcls visual_domain_decathlon/dtd
1.2.0 visual_domain_decathlon/gtsrb visual_domain_decathlon/imagenet12
1.2.0 visual_domain_decathlon/omniglot visual_domain_decathlon/svhn
1.2.0 visual_domain_decathlon/ucf101 visual_domain_decathlon/vgg-flowers
2.0.0 colorectal_histology cycle_gan/apple2orange cycle_gan/summer2winter_yosemite
2.0.0 cycle_gan/horse2zebra cycle_gan/monet2photo cycle_gan/cezanne2photo cycle_gan/ukiyoe2photo
2.0.0 cycle_gan/vangogh2photo cycle_gan/maps cycle_gan/cityscapes cycle_gan/facades
2.0.0 cycle_gan/iphone2dslr_flower food101 imagewang uc_merced
2.1.0 cars196 places365_small
3.0.0 curated_breast_imaging_ddsm/patches deep_weeds emnist/digits emnist/letters
3.0.0 horses_or_humans omniglot quickdraw_bitmap rock_paper_scissors
3.0.1 kmnist mnist tf_flowers
3.0.2 cifar10 cifar100
4.0.0 cats_vs_dogs
5.1.0 imagenet2012
"""
VERSIONS = {
    name: line.split()[0] for line in LIST.strip().splitlines() for name in line.split()[1:]
}
# TFDS's default kinds, where the published name has none.
KINDS = {"imagenette": "imagenette/full-size-v2", "imagewang": "imagewang/full-size"}
# Of VTAB's sets; cifar100 and cifar10 are among them for their 1,000 examples alone.
VTAB = {
    **dict.fromkeys(("cifar100", "cifar10", "caltech101", "dtd", "oxford_iiit_pet"), "3.*.*"),
    **dict.fromkeys(("svhn_cropped", "resisc45", "diabetic_retinopathy_detection"), "3.*.*"),
    **dict.fromkeys(("oxford_flowers102", "patch_camelyon", "eurosat", "dsprites"), "2.*.*"),
    "smallnorb": "2.*.*",
    "clevr": "3.*.*",
    "sun397": "4.*.*",
    "dmlab": "2.0.1",
    "kitti": "3.2.0",
}
FULL_LIST = """
caltech101 dtd oxford_flowers102 oxford_iiit_pet sun397 svhn_cropped patch_camelyon eurosat resisc45
diabetic_retinopathy_detection/btgraham-300 clevr/count_cylinders clevr/count_all
clevr/closest_object_distance dmlab dsprites/label_x_position dsprites/label_orientation
kitti/closest_object_distance kitti/count_vehicles kitti/closest_vehicle_distance
smallnorb/label_category smallnorb/label_lighting smallnorb/label_azimuth smallnorb/label_elevation
"""
FULL = FULL_LIST.split()
SMALL = [f"{name}/1k" for name in (*FULL, "cifar100", "cifar10")]
HALVES = ("train", "validation[:50%]", "validation[50%:]")
TEST_ALONE = ("test[10%:]", "test[5%:10%]", "test[:5%]")
BY_FAMILY = {
    "visual_domain_decathlon": HALVES,
    "controlled_noisy_web_labels": ("train_00", *HALVES[1:]),
    "cmaterdb": ("train[20%:]", "train[:20%]", "test"),
    "cycle_gan": ("trainA[10%:]+trainB[10%:]", "trainA[:10%]+trainB[:10%]", "testA+testB"),
    "siscore": TEST_ALONE,
    **dict.fromkeys(("i_naturalist2017", "i_naturalist2018", "places365_small"), HALVES),
    **dict.fromkeys(("imagenet_a", "imagenet_r", "imagenet_sketch"), TEST_ALONE),
    "imagenet2012": ("train", "other.test", "validation"),
    "cifar100": ("train[:98%]", "train[98%:]", "test"),
    "cifar10": ("train", "other.test", "test"),
    "omniglot": ("train", "small1", "small2"),
    "pet_finder": ("train[10%:]", "train[5%:10%]", "train[:5%]"),
    "quickdraw_bitmap": ("train[20000:]", "train[10000:20000]", "train[:10000]"),
    "stanford_online_products": ("train", "test[:10000]", "test[10000:]"),
}


def by_default(splits):
    """The published rule for a set without rules of its own."""
    parts, used = {}, 0
    for part in ("test", "validation"):
        parts[part] = part if part in splits else f"train[{used}%:{used + 5}%]"
        used += 5 * (part not in splits)
    train = f"train[{used}%:]" if used else "train"
    return train, parts["validation"].replace("[0%:", "[:"), parts["test"].replace("[0%:", "[:")


@pytest.fixture(scope="module")
def made():
    return load([TABLE], []).experiment


@pytest.fixture(scope="module")
def tasks(made):
    return {task.name: task for task in made.stream.tasks}


@pytest.fixture(autouse=True)
def _without_data(request, tmp_path, monkeypatch):
    if request.node.get_closest_marker("slow") is None:
        monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))


def test_they_are_76_sets_of_tfds_and_vtab_twice(tasks):
    assert (len(VERSIONS), len(FULL), len(SMALL)) == (76, 23, 25)
    assert len(tasks) == 124
    assert set(tasks) == {*VERSIONS, *FULL, *SMALL}


def test_every_version_is_pinned_as_published(tasks):
    for name, version in VERSIONS.items():
        source, other = tasks[name].source, None
        if isinstance(source, Joined):
            source, other = source.source, source.other
        assert type(source) is TFDS
        assert source.name == f"{KINDS.get(name, name)}:{version}"
        wanted = {"imagenet2012": "imagenet_v2/matched-frequency:3.0.0"}
        wanted["cifar10"] = "cifar10_1/v4:1.1.0"
        assert getattr(other, "name", None) == wanted.get(name)
    for name in (*FULL, *SMALL):
        set_, version = tasks[name].source.name.partition("/")[0], VTAB[name.split("/")[0]]
        assert tasks[name].source.name.endswith(f":{version}")
        assert set_.partition(":")[0] == name.split("/")[0]


def test_every_split_is_as_published(tasks):
    for name in VERSIONS:
        task = tasks[name]
        published = BY_FAMILY.get(name, BY_FAMILY.get(name.split("/")[0]))
        if published is None:
            published = by_default(SETS[KINDS.get(name, name)].splits)
            # Left to the rule, and not spelt out.
            assert (task.train, task.validation, task.test) == ("train", "validation", "test")
        describe = task.source.describe()
        splits = type(task)(task.name, describe, task.train, task.validation, task.test).splits()
        assert (splits.train, splits.validation, splits.test) == published, name


def test_labels_are_the_label_but_for_products(tasks):
    for name in VERSIONS:
        source = tasks[name].source
        key = "super_class_id" if name == "stanford_online_products" else "label"
        assert getattr(source, "label_key", "label") == key
    assert isinstance(tasks["clevr/count_all"].source, Scenes)


def test_all_are_checked_and_known_without_data(made):
    would = preview_run(made)
    sizes = {
        t["name"]: (t["classes"], t["train"], t["validation"], t["test"]) for t in would["tasks"]
    }
    assert len(sizes) == 124
    assert sizes["cycle_gan/maps"] == (2, 1972, 220, 2196)
    assert sizes["quickdraw_bitmap"] == (345, 50_406_266, 10_000, 10_000)
    assert sizes["stanford_online_products"] == (12, 59_551, 10_000, 50_502)
    assert sizes["i_naturalist2018"] == (8142, 437_513, 12_213, 12_213)
    assert sizes["siscore/location"] == (1000, 487_393, 27_078, 27_077)
    assert sizes["imagenette"] == (10, 8996, 3925, 473)
    assert sizes["controlled_noisy_web_labels/mini_imagenet_blue"] == (100, 60_000, 2500, 2500)
    assert would["children"] == 124 * 24 * 16
    # Every set, and the weights.
    assert len(would["missing"]) == 95 + 1


def test_classes_and_releases_are_those_of_the_library(tasks, tmp_path, monkeypatch):
    """The builders of tensorflow-datasets itself say what labels a set has, and its version."""
    tfds = pytest.importorskip("tensorflow_datasets")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # each builder leaves a folder

    def builder(name):
        try:
            return tfds.builder(name, data_dir=str(tmp_path), try_gcs=False)
        except (AssertionError, ValueError):  # there is no such version, or kind, any more
            return None

    sources = [
        each
        for task in tasks.values()
        for each in (
            getattr(task.source, "source", task.source),
            getattr(task.source, "other", None),
        )
        if each is not None
    ]
    former = set()
    for name in {source.name for source in sources}:
        known, version = SETS[name.partition(":")[0]], name.partition(":")[2]
        made = builder(name)
        if made is None:
            assert version in known.releases, name
            former.add(name.partition("/")[0].partition(":")[0])
            made = builder(name.partition(":")[0])
        else:
            assert version not in known.releases, name
        for label, classes in known.classes.items() if made is not None else ():
            if classes:
                assert made.info.features[label].num_classes == classes, (name, label)
    assert former == {"caltech_birds2011", "cats_vs_dogs", "cycle_gan", "emnist", "oxford_iiit_pet"}


MICRO = (
    "Stream.tasks=(@mnist/Task(), @cmaterdb_telugu/Task(), @omniglot/Task())",
    *("Stream.iterations=2", "Evolution.children_per_iteration=2"),
    *("Evolution.children_per_generation=2", "Experiment.roots=(@RandomRoot(),)"),
    *("ViT.patch=8", "ViT.channels=1", "ViT.width=16", "ViT.heads=2", "ViT.mlp_dim=32"),
    *("Hyperparameters.num_layers=1", "Ranges.num_layers=(0, 1)"),
    *("Hyperparameters.image_size=16", "Ranges.image_size=(16, 32)"),
    *("Training.max_train_examples=64", "Training.max_validation_examples=64"),
    *("Training.intervals=2", "Scoring.num_parameters=10000", "Scoring.num_flops=1000000"),
)


@pytest.mark.slow
def test_the_table_runs_shrunken_on_real_sets(tmp_path):
    if not os.environ.get("TFDS_DATA_DIR"):
        pytest.skip("TFDS_DATA_DIR is not set: it names a folder of prepared TFDS data sets")
    loaded = load([TABLE], MICRO)
    with open_for_run(loaded.experiment, loaded.resolved, str(tmp_path / "system")) as system:
        run(
            loaded.experiment,
            system,
            start_workers(loaded.experiment),
            LogReporter(io.StringIO()),
        )
    summary = summarise(System.open(tmp_path / "system"))
    assert summary["run"] == {"complete": True}
    assert {task["name"] for task in summary["tasks"]} == {"mnist", "cmaterdb/telugu", "omniglot"}
    for task in summary["tasks"]:
        assert 0 <= task["test_accuracy"] <= 1
