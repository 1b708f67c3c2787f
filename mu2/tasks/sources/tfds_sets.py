"""What is in the TFDS sets of the papers and of our own tables, where they are not prepared."""

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType

_KAGGLE = "https://www.kaggle.com/c/diabetic-retinopathy-detection/data"


@dataclasses.dataclass(frozen=True)
class Contents:
    """What is known of a set.

    Attributes:
      splits: number of examples, by name.
      classes: number of classes of each label feature.
      manual: what has to be downloaded by hand before TFDS can prepare the set, or None.
      own: how to make a set that TFDS's catalog does not have, or None.
      balanced: number of the classes that a split holds, if it has as many examples of each.
    """

    splits: Mapping[str, int]
    classes: Mapping[str, int]
    manual: str | None = None
    own: str | None = None
    balanced: Mapping[str, int] = dataclasses.field(default_factory=dict)


def _of(classes: int, manual: str | None = None, **splits: int) -> Contents:
    return Contents(MappingProxyType(splits), MappingProxyType({"label": classes}), manual)


def _labels(splits: Mapping[str, int], **classes: int) -> Contents:
    return Contents(MappingProxyType(splits), MappingProxyType(classes))


def _resplit(classes: int, images: str) -> Contents:
    return Contents(
        MappingProxyType({"train": 8500, "test": 1500}),
        MappingProxyType({"label": classes}),
        own=f"{images}; of each class those at positions i, in the order of the file, with "
        "i % 20 in (0, 7, 14) are 'test', the others 'train'",
    )


# Source: the TFDS catalog (github.com/tensorflow/datasets, docs/catalog), each compared
# with its page in November 2026; what is put there by hand is what TFDS's builders look for.
# CLEVR's and KITTI's labels are those of `mu2.tasks.sources.scenes`.
SETS: Mapping[str, Contents] = MappingProxyType(
    {
        "imagenet2012": _of(
            1000,
            "ILSVRC2012_img_train.tar and ILSVRC2012_img_val.tar from https://image-net.org",
            train=1_281_167,
            validation=50_000,
            test=100_000,
        ),
        "imagenet_v2/matched-frequency": _of(1000, test=10_000),
        "cifar100": _of(100, train=50_000, test=10_000),
        "cifar10": _of(10, train=50_000, test=10_000),
        "cifar10_1/v4": _of(10, test=2021),
        "cifar10_1/v6": _of(10, test=2000),
        "caltech101": _of(102, train=3060, test=6084),
        "dtd": _of(47, train=1880, validation=1880, test=1880),
        "oxford_flowers102": _of(102, train=1020, validation=1020, test=6149),
        "oxford_iiit_pet": _of(37, train=3680, test=3669),
        "sun397/tfds": _of(397, train=76_128, validation=10_875, test=21_750),
        "svhn_cropped": _of(10, train=73_257, test=26_032, extra=531_131),
        "patch_camelyon": _of(2, train=262_144, validation=32_768, test=32_768),
        "eurosat/rgb": _of(10, train=27_000),
        "resisc45": _of(
            45,
            "the folder NWPU-RESISC45 of the archive that the set's page in TFDS's catalog links",
            train=31_500,
        ),
        "diabetic_retinopathy_detection/btgraham-300": _of(
            5,
            f"the folders train, test and sample and trainLabels.csv, unpacked from {_KAGGLE}",
            train=35_126,
            validation=10_906,
            test=42_670,
            sample=10,
        ),
        "clevr": _of(0, train=70_000, validation=15_000, test=15_000),
        "dmlab": _of(6, train=65_550, validation=22_628, test=22_735),
        "dsprites": _labels(
            {"train": 737_280},
            label_orientation=40,
            label_scale=6,
            label_shape=3,
            label_x_position=32,
            label_y_position=32,
        ),
        "kitti": _of(0, train=6347, validation=423, test=711),
        "smallnorb": _labels(
            {"train": 24_300, "test": 24_300},
            label_azimuth=18,
            label_category=5,
            label_elevation=9,
            label_lighting=6,
        ),
        "visual_domain_decathlon/aircraft": _of(100, train=3334, validation=3333, test=3333),
        "visual_domain_decathlon/cifar100": _of(100, train=40_000, validation=10_000, test=10_000),
        "visual_domain_decathlon/daimlerpedcls": _of(2, train=23_520, validation=5880, test=19_600),
        "visual_domain_decathlon/dtd": _of(47, train=1880, validation=1880, test=1880),
        "visual_domain_decathlon/gtsrb": _of(43, train=31_367, validation=7842, test=12_630),
        "visual_domain_decathlon/imagenet12": _of(
            1000, train=1_232_167, validation=49_000, test=48_238
        ),
        "visual_domain_decathlon/omniglot": _of(1623, train=17_853, validation=6492, test=8115),
        "visual_domain_decathlon/svhn": _of(10, train=47_217, validation=26_040, test=26_032),
        "visual_domain_decathlon/ucf101": _of(101, train=7585, validation=1952, test=3783),
        "visual_domain_decathlon/vgg-flowers": _of(102, train=1020, validation=1020, test=6149),
        "cars196": _of(196, train=8144, test=8041),
        "cats_vs_dogs": _of(2, train=23_262),
        "food101": _of(101, train=75_750, validation=25_250),
        "imagenet_a": _of(1000, test=7500),
        "plant_village": _of(38, train=54_303),
        "emnist/digits": _of(10, train=240_000, test=40_000),
        "emnist/letters": _of(37, train=88_800, test=14_800),
        "kmnist": _of(10, train=60_000, test=10_000),
        "mnist": _of(10, train=60_000, test=10_000),
        "omniglot": dataclasses.replace(
            _of(1623, train=19_280, test=13_180, small1=2720, small2=3120),
            balanced=MappingProxyType({"train": 964, "test": 659, "small1": 136, "small2": 156}),
        ),
        "cmaterdb/bangla": _of(10, train=5000, test=1000),
        "cmaterdb/devanagari": _of(10, train=2500, test=500),
        "cmaterdb/telugu": _of(10, train=2500, test=500),
        # In no catalog: of benchmarks/tables/characters_small.gin alone.
        "kmnist10k": _resplit(10, "the test file of KMNIST, github.com/rois-codh/kmnist"),
        "emnist_letters_am10k": _resplit(
            13,
            "the first 10,000 images of the test file of EMNIST letters, the letters A to M, "
            "NIST Special Database 19",
        ),
        "kannada_mnist10k": _resplit(
            10, "the test file of Kannada-MNIST, github.com/vinayprabhu/Kannada_MNIST"
        ),
    }
)
