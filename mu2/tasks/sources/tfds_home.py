"""Where a TFDS data set is, or what to do where it is not."""

import dataclasses
import json
import os
import re
import shlex
from pathlib import Path

from mu2.errors import Mu2Error, did_you_mean, nearest
from mu2.tasks.sources.tfds_sets import SETS, Contents

_NAME = re.compile(
    r"(?P<set>[a-z]\w*)(?:/(?P<config>[\w.+-]+))?(?::(?P<version>\d+(?:\.(?:\d+|\*)){2}))?"
)
_VERSION = re.compile(r"\d+\.\d+\.\d+")

_INSTALL = "pip install tensorflow tensorflow-datasets{} array-record importlib-resources"


@dataclasses.dataclass(frozen=True)
class Home:
    """A data set in a TFDS folder, there or not.

    Attributes:
      name: as the user wrote it.
      folder: the TFDS folder.
      set: the data set.
      config: which kind of it, or None.
      version: as in '3.0.1' or '3.*.*', or None for the newest.
    """

    name: str
    folder: Path
    set: str
    config: str | None
    version: str | None

    @classmethod
    def of(cls, name: object, data_dir: str | None) -> "Home":
        """Finds the TFDS folder as TFDS finds it.

        Args:
          name: of the data set.
          data_dir: the TFDS folder, or None for the one of the environment.

        Raises:
          Mu2Error: the name is not of TFDS's form.
        """
        match = _NAME.fullmatch(name) if isinstance(name, str) else None
        if match is None:
            raise Mu2Error(
                f"TFDS knows no names like {name!r}.",
                hint="Names are written as 'mnist', 'cmaterdb/bangla' or 'mnist:3.0.1'.",
            )
        folder = data_dir or os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets"
        return cls(
            match[0], Path(os.path.expanduser(folder)), *match.group("set", "config", "version")
        )

    @property
    def owner(self) -> str:
        """The data set, for messages."""
        return f"TFDS data set {self.name!r}"

    @property
    def contents(self) -> Contents | None:
        """What the set holds, where mu2 knows."""
        return SETS.get(self._unversioned)

    @property
    def _unversioned(self) -> str:
        return self.name.partition(":")[0]

    @property
    def _release(self) -> str | None:
        """The release of tensorflow-datasets that has the version; None for the newest."""
        if self.contents is None or self.version is None:
            return None
        return self.contents.releases.get(self.version)

    @property
    def _place(self) -> Path:
        return self.folder / self.set / (self.config or "")

    def is_prepared(self) -> bool:
        """Whether anything is there, right or wrong."""
        return self._place.is_dir()

    def preparation_error(self, prepared: list[str] | None = None) -> Mu2Error:
        """What is said of a data set that is not there.

        Args:
          prepared: what is prepared in its place.
        """
        return Mu2Error(
            f"{self.owner} is not prepared in {self.folder}"
            + ("." if self.folder.is_dir() else ", which is no folder."),
            hint=self._remedy(prepared or []),
        )

    def directory(self) -> Path:
        """The folder of the version asked for.

        Raises:
          Mu2Error: the data set is not prepared, or not in that version.
        """
        versions = _versions(self._place)
        if versions:
            pattern = _VERSION.pattern
            if self.version:
                pattern = re.escape(self.version).replace(r"\*", r"\d+")
            fitting = [version for version in versions if re.fullmatch(pattern, version)]
            if not fitting:
                raise Mu2Error(
                    f"{self.folder} has no version {self.version} of {self._unversioned!r}.",
                    hint=f"It has {', '.join(versions)}; the name {self._unversioned!r} takes the "
                    f"newest.\n  Or prepare that version with: {self.command()}"
                    f"{self._apart()}",
                )
            return self._place / fitting[-1]
        configs = [
            f"{self.set}/{path.name}"
            for path in _folders(self.folder / self.set)
            if _versions(path)
        ]
        if configs and not self.config:
            raise Mu2Error(
                f"{self.owner} comes in several kinds, and one must be named.",
                hint=f"In {self.folder}: {', '.join(configs)}.",
            )
        raise self.preparation_error(configs or [path.name for path in _folders(self.folder)])

    def command(self) -> str:
        """How to prepare it. Preparing, unlike reading, needs TensorFlow."""
        return f"{self._install()} && python -c {shlex.quote(self.code())}"

    def code(self) -> str:
        """The program that prepares it."""
        # Not `tfds build`: TFDS 4.9.10's command asks for Apache Beam and mlcroissant as well.
        return (
            f"import tensorflow_datasets as tfds; tfds.builder({json.dumps(self.name)}, "
            f"data_dir={json.dumps(str(self.folder.absolute()))}, "
            'file_format="array_record").download_and_prepare()'
        )

    @property
    def old_release(self) -> str | None:
        """The release of tensorflow-datasets that has the version; None for the newest."""
        return self._release

    @property
    def packages(self) -> tuple[str, ...]:
        """What has to be installed to prepare it."""
        return tuple(self._install().removeprefix("pip install ").split())

    def _install(self) -> str:
        """How to get what prepares it."""
        return _INSTALL.format(f"=={self._release}" if self._release else "")

    def _apart(self) -> str:
        """What to mind where an old release of tensorflow-datasets is needed."""
        if self._release is None:
            return ""
        return (
            "\n  Newer releases of tensorflow-datasets no longer have that version; do this in an "
            "environment of its own."
        )

    def _own(self, known: Contents, images: str) -> str:
        """How to make a set that TFDS's catalog does not have."""
        (classes,) = known.classes.values()
        return (
            f"TFDS's catalog does not have it. It is {images}.\n  "
            f"Write it, after {self._install()}, with\n  "
            f"tfds.dataset_builders.store_as_tfds_dataset({self.set!r}, '1.0.0', "
            "tfds.features.FeaturesDict({'image': tfds.features.Image(shape=(28, 28, 1)), "
            f"'label': tfds.features.ClassLabel(num_classes={classes})}}), "
            "{'train': TRAIN, 'test': TEST}, "
            f"data_dir={str(self.folder.absolute())!r}, file_format='array_record')\n  "
            "where TRAIN and TEST are iterables of (key, {'image': ..., 'label': ...})."
        )

    def _remedy(self, prepared: list[str]) -> str:
        """What to do about a data set that is not there."""
        if self.contents is not None and self.contents.own is not None:
            return self._own(self.contents, self.contents.own)
        if self.contents is None:
            import tensorflow_datasets as tfds

            catalog = tfds.list_builders(with_community_datasets=False)
            if self.set not in catalog:
                near = did_you_mean(self.name, {*catalog, *SETS, *prepared})
                if near is not None and near.startswith("Did"):
                    return near
                return (
                    "TFDS's catalog has no such data set; TFDS.data_dir names the folder of your "
                    "own."
                )
        lines = []
        if kinds := [name for name in prepared if name.startswith(f"{self.set}/")]:
            lines.append(f"Prepared there: {', '.join(kinds)}.")
        near = nearest(self.name, SETS) if self.contents is None and self.config else None
        meant = near is not None and near.startswith(f"{self.set}/")
        begin = f"Did you mean {near!r}? If not, prepare" if meant else "Prepare"
        lines.append(f"{begin} it with: {self.command()}{self._apart()}")
        if self.contents is not None and self.contents.manual is not None:
            downloads = self.folder.absolute() / "downloads/manual"
            lines.append(f"Before that, put {self.contents.manual}, into {downloads}.")
        return "\n  ".join(lines)


def _folders(folder: Path) -> list[Path]:
    """The folders in a folder, in order of name; none where it is not there."""
    if not folder.is_dir():
        return []
    inside = (path for path in folder.iterdir() if not path.name.startswith("."))
    return sorted(path for path in inside if path.is_dir())


def _versions(folder: Path) -> list[str]:
    """The versions prepared in a folder, the newest last."""
    names = [
        path.name
        for path in _folders(folder)
        if _VERSION.fullmatch(path.name) and (path / "features.json").is_file()
    ]
    return sorted(names, key=lambda name: tuple(map(int, name.split("."))))
