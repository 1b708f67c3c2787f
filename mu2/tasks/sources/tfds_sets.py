"""What is in the TFDS sets of the papers and of our own tables, where they are not prepared."""

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType

_KAGGLE = "https://www.kaggle.com/c/diabetic-retinopathy-detection/data"
_IMAGENET = "ILSVRC2012_img_train.tar and ILSVRC2012_img_val.tar from https://image-net.org"
_NOISY = (
    "the folder dataset_no_images, unpacked from https://storage.googleapis.com/cnlw/"
    "dataset_no_images.zip and with the images of its mini-imagenet-annotations.json in "
    f"noisy_images, and {_IMAGENET}"
)

# A release of tensorflow-datasets that prepares every version that the papers pin, in ArrayRecord
# form: its builders' versions were read. 4.9.4 has none of cats_vs_dogs and cycle_gan any more.
_RELEASE = "4.9.3"


@dataclasses.dataclass(frozen=True)
class Contents:
    """What is known of a set.

    Attributes:
      splits: number of examples, by name.
      classes: number of classes of each label feature.
      manual: what has to be downloaded by hand before TFDS can prepare the set, or None.
      own: how to make a set that TFDS's catalog does not have, or None.
      balanced: number of the classes that a split holds, if it has as many examples of each.
      releases: the release of tensorflow-datasets that prepares a version which the newest release
        does not; versions as a name has them, '3.2.0' or '3.*.*'.
    """

    splits: Mapping[str, int]
    classes: Mapping[str, int]
    manual: str | None = None
    own: str | None = None
    balanced: Mapping[str, int] = dataclasses.field(default_factory=dict)
    releases: Mapping[str, str] = dataclasses.field(default_factory=dict)


def _of(classes: int, manual: str | None = None, **splits: int) -> Contents:
    return Contents(MappingProxyType(splits), MappingProxyType({"label": classes}), manual)


def _labels(splits: Mapping[str, int], **classes: int) -> Contents:
    return Contents(MappingProxyType(splits), MappingProxyType(classes))


def _former(contents: Contents, *versions: str) -> Contents:
    releases = MappingProxyType(dict.fromkeys(versions, _RELEASE))
    return dataclasses.replace(contents, releases=releases)


def _cycle(train_a: int, train_b: int, test_a: int, test_b: int) -> Contents:
    sizes = {"trainA": train_a, "trainB": train_b, "testA": test_a, "testB": test_b}
    return _former(_of(2, None, **sizes), "2.*.*", "2.0.0")


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
            _IMAGENET,
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
        "oxford_iiit_pet": _former(_of(37, train=3680, test=3669), "3.*.*", "3.2.0"),
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
        "cats_vs_dogs": _former(_of(2, train=23_262), "4.0.0"),
        "food101": _of(101, train=75_750, validation=25_250),
        "imagenet_a": _of(1000, test=7500),
        "plant_village": _of(38, train=54_303),
        "beans": _of(3, train=1034, validation=133, test=128),
        "binary_alpha_digits": _of(36, train=1404),
        "caltech_birds2010": _of(200, train=3000, test=3033),
        "caltech_birds2011": _former(_of(200, train=5994, test=5794), "0.1.*", "0.1.1"),
        "cassava": _of(5, train=5656, validation=1889, test=1885),
        "citrus_leaves": _of(4, train=594),
        "colorectal_histology": _of(8, train=5000),
        "controlled_noisy_web_labels/mini_imagenet_red": _of(
            100,
            _NOISY,
            train_00=50_000,
            train_05=50_000,
            train_10=50_000,
            train_15=50_000,
            train_20=50_000,
            train_30=49_985,
            train_40=50_010,
            train_50=49_962,
            train_60=50_000,
            train_80=50_008,
            validation=5000,
        ),
        "controlled_noisy_web_labels/mini_imagenet_blue": _of(
            100,
            _NOISY,
            train_00=60_000,
            train_05=60_000,
            train_10=60_000,
            train_15=60_000,
            train_20=60_000,
            train_30=60_000,
            train_40=60_000,
            train_50=60_000,
            train_60=60_000,
            train_80=60_000,
            validation=5000,
        ),
        "curated_breast_imaging_ddsm/patches": _of(
            5,
            "the images of CBIS-DDSM (https://wiki.cancerimagingarchive.net/display/Public/"
            "CBIS-DDSM), converted to PNG as the set's page in TFDS's catalog says",
            train=49_780,
            validation=5580,
            test=9770,
        ),
        "cycle_gan/apple2orange": _cycle(995, 1019, 266, 248),
        "cycle_gan/summer2winter_yosemite": _cycle(1231, 962, 309, 238),
        "cycle_gan/horse2zebra": _cycle(1067, 1334, 120, 140),
        "cycle_gan/monet2photo": _cycle(1072, 6287, 121, 751),
        "cycle_gan/cezanne2photo": _cycle(525, 6287, 58, 751),
        "cycle_gan/ukiyoe2photo": _cycle(562, 6287, 263, 751),
        "cycle_gan/vangogh2photo": _cycle(400, 6287, 400, 751),
        "cycle_gan/maps": _cycle(1096, 1096, 1098, 1098),
        "cycle_gan/cityscapes": _cycle(2975, 2975, 500, 500),
        "cycle_gan/facades": _cycle(400, 400, 106, 106),
        "cycle_gan/iphone2dslr_flower": _cycle(1812, 3325, 569, 480),
        "deep_weeds": _of(9, train=17_509),
        "domainnet/real": _of(345, train=120_906, test=52_041),
        "domainnet/painting": _of(345, train=50_416, test=21_850),
        "domainnet/clipart": _of(345, train=33_525, test=14_604),
        "domainnet/quickdraw": _of(345, train=120_750, test=51_750),
        "domainnet/infograph": _of(345, train=36_023, test=15_582),
        "domainnet/sketch": _of(345, train=48_212, test=20_916),
        "horses_or_humans": _of(2, train=1027, test=256),
        "i_naturalist2017": _labels(
            {"train": 579_184, "validation": 95_986, "test": 182_707}, label=5089, supercategory=13
        ),
        "i_naturalist2018": _labels(
            {"train": 437_513, "validation": 24_426, "test": 149_394}, label=8142, supercategory=14
        ),
        "imagenet_lt": _of(1000, _IMAGENET, train=115_846, validation=20_000, test=50_000),
        "imagenet_r": _of(1000, test=30_000),
        "imagenet_sketch": _of(1000, test=50_889),
        "imagenette/full-size-v2": _of(10, train=9469, validation=3925),
        "imagewang/full-size": _of(20, train=14_669, validation=3929),
        "malaria": _of(2, train=27_558),
        "pet_finder": _of(5, train=58_311, test=14_465),
        "places365_small": _of(365, train=1_803_460, validation=36_500, test=328_500),
        "plantae_k": _of(16, train=2153),
        "quickdraw_bitmap": _of(345, train=50_426_266),
        "rock_paper_scissors": _of(3, train=2520, test=372),
        "siscore/rotation": _labels({"test": 39_540}, label=1000, dataset_label=1000),
        "siscore/size": _labels({"test": 92_884}, label=1000, dataset_label=1000),
        "siscore/location": _labels({"test": 541_548}, label=1000, dataset_label=1000),
        "stanford_dogs": _of(120, train=12_000, test=8580),
        "stanford_online_products": _labels(
            {"train": 59_551, "test": 60_502}, class_id=22_634, super_class_id=12
        ),
        "stl10": _of(10, train=5000, test=8000, unlabelled=100_000),
        "tf_flowers": _of(5, train=3670),
        "uc_merced": _of(21, train=2100),
        "emnist/digits": _former(_of(10, train=240_000, test=40_000), "3.0.0"),
        "emnist/letters": _former(_of(37, train=88_800, test=14_800), "3.0.0"),
        "kmnist": _of(10, train=60_000, test=10_000),
        "mnist": _of(10, train=60_000, test=10_000),
        "omniglot": dataclasses.replace(
            _of(1623, train=19_280, test=13_180, small1=2720, small2=3120),
            balanced=MappingProxyType({"train": 964, "test": 659, "small1": 136, "small2": 156}),
        ),
        "cmaterdb/bangla": _of(10, train=5000, test=1000),
        "cmaterdb/devanagari": _of(10, train=2500, test=500),
        "cmaterdb/telugu": _of(10, train=2500, test=500),
        # In no catalog: of benchmarks/tables/{characters,photos}_small.gin alone.
        "sign_language_digits": dataclasses.replace(
            _of(10, train=1644, test=418),
            own="the photographs of github.com/ardamavi/Sign-Language-Digits-Dataset; every fifth "
            "of each class is 'test', the others 'train'",
        ),
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
