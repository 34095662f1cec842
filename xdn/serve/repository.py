"""The model repository: a folder a model, in it a folder a version, whose name is a number, and in that a net.

::

    models/
        resnet/
            model.json                  how it is served (`xdn.serve.config`); may be left out
            1/  deploy.prototxt  deploy.caffemodel
            2/  net.onnx
            3/  deploy.xdn/  ...        as xdn-optimize writes it

A model's folder without folders of versions is its version 1, and so is a single net (`Repository.of`). Nothing outside
of the repository is read: links, and mean files, that lead out of it are refused.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from xdn import api, settings
from xdn.errors import SettingError, UnknownNameError, listed, placed
from xdn.files import is_file, is_folder, read_json
from xdn.frontend import FRONTENDS
from xdn.frontend.caffe.images.image_shape import find_mean, mean_folders
from xdn.graph import Net
from xdn.record import Reader
from xdn.serve.config import AS_IT_IS, ModelConfig
from xdn.serve.messages import UnknownModelError

CONFIG = "model.json"
#: What a model may be called.
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_VERSION = re.compile(r"[1-9][0-9]{0,17}|0")
#: The folder that xdn-optimize writes, and the net that is taken of several in a folder.
_OPTIMIZED, _PREFERRED = ".xdn", "deploy.prototxt"


@dataclass(frozen=True)
class Version:
    """A version of a model: where it is, and how it is served; the files are looked for when it is loaded."""

    model: str
    number: str
    place: Path
    config: ModelConfig


@dataclass(frozen=True)
class Repository:
    """Where nets are looked for.

    Parameters
    ----------
    root : Path
        The folder of models, or a single net.
    single : str
        The name of the only model where `root` is a net, or a folder with one; else empty.
    """

    root: Path
    single: str = ""

    @classmethod
    def of(cls, path: Path) -> "Repository":
        """Return the repository in a folder, or that of a single net, called as its file or its folder is.

        Raises
        ------
        SettingError
            Where nothing is there.
        """
        if not (is_folder(path) or is_file(path)):
            raise SettingError("there is no such folder, or net", where=str(path))
        if is_folder(path) and path.suffix != _OPTIMIZED:
            return cls(path.resolve())
        stem = re.sub(r"[^A-Za-z0-9_.-]", "_", path.resolve().stem)
        return cls(path.resolve(), stem if _NAME.fullmatch(stem) else "net")

    def models(self) -> tuple[str, ...]:
        """Return the models' names, sorted; folders that cannot be a model's are left out."""
        if self.single:
            return (self.single,)
        return tuple(sorted(each.name for each in self.root.iterdir() if _NAME.fullmatch(each.name) and each.is_dir()))

    def versions(self, model: str) -> tuple[Version, ...]:
        """Return the versions that are to be served, the earliest first.

        Raises
        ------
        UnknownModelError
            Where there is no such model.
        XdnError
            Where the model cannot be served at all; the message says why.
        """
        if model not in self.models():
            raise UnknownModelError(f"there is no model {model[:128]!r} in the repository")
        if self.single:
            return (Version(model, "1", self.root, AS_IT_IS),)
        folder = self.root / model
        self._within(folder)
        config = self._config(folder / CONFIG)
        numbers = sorted((each.name for each in folder.iterdir() if _is_version(each)), key=int)
        if not numbers:
            return (Version(model, "1", folder, config),)
        if absent := [str(number) for number in config.versions if str(number) not in numbers]:
            raise SettingError(f"there are no versions {listed(absent)}", where=str(folder / CONFIG))
        chosen = [str(number) for number in sorted(set(config.versions))] or numbers[-config.latest :]
        return tuple(Version(model, number, folder / number, config) for number in chosen)

    def net_of(self, version: Version) -> Path:
        """Return the file of a version's net.

        Raises
        ------
        XdnError
            Where there is none, or several may be meant, or a link leads out of the repository.
        """
        if self.single and version.place.is_file():
            return version.place
        folder = version.place
        self._within(folder)
        entries = sorted(folder.iterdir())
        optimized = [each for each in entries if each.suffix == _OPTIMIZED and each.is_dir()]
        if len(optimized) == 1:
            (folder,) = optimized
            entries = sorted(folder.iterdir())
        for entry in entries:
            self._within(entry)
        nets = [each for each in entries if each.suffix.lower() in FRONTENDS and each.is_file()]
        nets = [each for each in nets if each.name == _PREFERRED] or nets
        if len(nets) != 1:
            found = f"{len(nets)} nets: {listed([net.name for net in nets])}" if nets else "no net"
            mend = f"A version's folder holds one net; of several it takes {_PREFERRED}"
            raise SettingError(f"the folder has {found}", where=str(folder), mend=mend)
        return nets[0]

    def check_mean(self, net: Net) -> None:
        """Raise SettingError where the mean file of a net's images lies outside of a repository of models."""
        name = api.image_transform(net).mean_file if api.image_input(net) else ""
        path = find_mean(name, mean_folders(net.folder)) if name else None
        if path is not None and not self.single:
            self._within(path)

    def _within(self, path: Path) -> None:
        """Raise SettingError where a path leads out of the repository."""
        try:
            real = path.resolve(strict=True)
        except (OSError, RuntimeError):
            raise SettingError("the link leads nowhere", where=str(path)) from None
        if not real.is_relative_to(self.root):
            raise SettingError("this leads out of the repository, which is not followed", where=str(path))

    def _config(self, path: Path) -> ModelConfig:
        """Return how a model is served."""
        if not path.is_symlink() and not path.exists():
            return AS_IT_IS
        self._within(path)
        with placed(str(path), SettingError, UnknownNameError):
            return Reader(SettingError).read(ModelConfig, read_json(path, settings.MAX_CONFIGURATION_BYTES))


def _is_version(entry: Path) -> bool:
    return bool(_VERSION.fullmatch(entry.name)) and entry.is_dir()
