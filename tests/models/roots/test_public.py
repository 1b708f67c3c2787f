"""The public ViT weights by the names of their files."""

import pytest

from mu2.errors import Mu2Error
from mu2.models import MLP, AugReg, RandomRoot, RemoteRoot, ViT
from mu2.models.roots.public import find_missing

NAME = "Ti_16-i21k-300ep-lr_0.001-aug_light1-wd_0.1-do_0.0-sd_0.0.npz"
TINY = ViT(patch=16, width=192, heads=3, mlp_dim=768)


def test_a_file_that_is_not_there_is_missing_and_told_how_to_get(tmp_path):
    path = str(tmp_path / "weights" / NAME)
    (lacking,) = find_missing(path, TINY)
    assert path in lacking.message
    assert f"curl --create-dirs -o {path} https://" in lacking.hint
    assert AugReg(path).find_missing(TINY)[0].message == lacking.message


@pytest.mark.parametrize(
    "path", ["https://host/" + NAME, "gs://vit_models/augreg/" + NAME, "mine.npz", "Ti_16.npz"]
)
def test_of_a_url_or_another_name_nothing_is_known(path):
    assert find_missing(path, TINY) == ()


def test_a_file_that_is_there_is_read_and_not_guessed(tmp_path):
    (tmp_path / NAME).write_bytes(b"")
    assert find_missing(str(tmp_path / NAME), TINY) == ()


def test_weights_of_other_sizes_are_refused_by_their_name():
    with pytest.raises(Mu2Error, match=r"ViT\.patch = 16") as caught:
        find_missing(NAME, ViT(patch=32, width=192, heads=3, mlp_dim=768))
    assert "Ti/16" in caught.value.hint
    with pytest.raises(Mu2Error, match=r"ViT\.width = 1024, ViT\.heads = 16, ViT\.mlp_dim = 4096"):
        find_missing(NAME.replace("Ti_16", "L_16"), TINY)


def test_it_is_for_vision_transformers_alone():
    assert find_missing(NAME, MLP(width=8, mlp_dim=8)) == ()
    assert isinstance(AugReg(NAME), RemoteRoot)
    assert not isinstance(RandomRoot(), RemoteRoot)
