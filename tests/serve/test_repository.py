"""The model repository: which versions it has, and where their nets are."""

import pytest

from tests.serve.nets import SUM, write_config, write_net
from xdn import api
from xdn.errors import SettingError, XdnError
from xdn.serve.messages import UnknownModelError
from xdn.serve.repository import Repository


def net_in(folder, name="deploy.prototxt"):
    """Write a net without weights."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(SUM)
    return folder / name


def numbers(repository, model):
    return [version.number for version in repository.versions(model)]


def test_a_folder_a_model_and_a_folder_a_version(tmp_path):
    nets = {number: net_in(tmp_path / "sum" / str(number)) for number in (1, 2, 10)}
    net_in(tmp_path / "flat")
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "README").write_text("")
    repository = Repository.of(tmp_path)
    assert repository.models() == ("flat", "sum")
    (latest,) = repository.versions("sum")
    assert (latest.number, repository.net_of(latest)) == ("10", nets[10])
    assert numbers(repository, "flat") == ["1"]


def test_the_file_says_which_versions(tmp_path):
    for number in (1, 2, 10):
        net_in(tmp_path / "sum" / str(number))
    repository = Repository.of(tmp_path)
    write_config(tmp_path / "sum", latest=2)
    assert numbers(repository, "sum") == ["2", "10"]
    write_config(tmp_path / "sum", versions=[10, 1, 10])
    assert numbers(repository, "sum") == ["1", "10"]
    write_config(tmp_path / "sum", versions=[3])
    with pytest.raises(SettingError, match="no versions 3"):
        repository.versions("sum")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"max_batch": 0}, "max_batch: 0 is not between"),
        ({"max_latency_ms": -1.0}, "max_latency_ms: -1.0 is not a positive number"),
        ({"share": 0.0}, "share: 0.0 is not between 0.1 and 10"),
        ({"share": 11}, "share: 11.* is not between 0.1 and 10"),
        ({"max_latency_ms": float("nan")}, "max_latency_ms: nan"),
        ({"batch": 3}, "batch: unknown field"),
        ({"images": {"size": 224}}, "images.size"),
        ({"images": {"size": [0, 224]}}, "images.size: 0x224 pixels"),
        ({"images": {"size": [100000, 100000]}}, "images.size: 100000x100000 pixels"),
        ({"configuration": {"precision": "f31"}}, "f31"),
    ],
)
def test_a_file_that_means_nothing_is_refused(tmp_path, fields, message):
    net_in(tmp_path / "sum")
    write_config(tmp_path / "sum", **fields)
    with pytest.raises(XdnError, match=message) as found:
        Repository.of(tmp_path).versions("sum")
    assert "model.json" in str(found.value)


@pytest.mark.parametrize("name", ["other", "..", "", "sum/1", "a" * 200])
def test_other_models_are_unknown(tmp_path, name):
    net_in(tmp_path / "sum" / "1")
    with pytest.raises(UnknownModelError):
        Repository.of(tmp_path).versions(name)


def test_of_several_nets_the_deployed_one_is_taken(tmp_path):
    wanted = net_in(tmp_path / "sum")
    net_in(tmp_path / "sum", "train_val.prototxt")
    repository = Repository.of(tmp_path)
    (version,) = repository.versions("sum")
    assert repository.net_of(version) == wanted
    wanted.unlink()
    net_in(tmp_path / "sum", "other.prototxt")
    with pytest.raises(SettingError, match="2 nets"):
        repository.net_of(version)


def test_what_the_optimizer_writes_is_a_version(tmp_path):
    wanted = net_in(tmp_path / "sum" / "1" / "net.xdn", "net.prototxt")
    repository = Repository.of(tmp_path)
    (version,) = repository.versions("sum")
    assert repository.net_of(version) == wanted


def test_a_single_net_is_a_repository(tmp_path):
    path = net_in(tmp_path, "my net.prototxt")
    repository = Repository.of(path)
    assert repository.models() == ("my_net",)
    (version,) = repository.versions("my_net")
    assert (version.number, repository.net_of(version)) == ("1", path)
    optimized = net_in(tmp_path / "net.xdn", "net.prototxt")
    repository = Repository.of(optimized.parent)
    assert repository.net_of(*repository.versions("net")) == optimized


def test_nothing_outside_is_read(tmp_path):
    outside = net_in(tmp_path / "outside")
    root = tmp_path / "models"
    for model in ("linked_net", "linked_file"):
        (root / model).mkdir(parents=True)
    (root / "linked_model").symlink_to(outside.parent)
    (root / "linked_version").mkdir()
    (root / "linked_version" / "1").symlink_to(outside.parent)
    (root / "linked_net" / "deploy.prototxt").symlink_to(outside)
    net_in(root / "linked_file")
    (root / "linked_file" / "deploy.caffemodel").symlink_to("/etc/passwd")
    repository = Repository.of(root)
    with pytest.raises(SettingError, match="out of the repository"):
        repository.versions("linked_model")
    for model in ("linked_version", "linked_net", "linked_file"):
        (version,) = repository.versions(model)
        with pytest.raises(SettingError, match="out of the repository"):
            repository.net_of(version)


def test_a_mean_file_outside_is_not_read(tmp_path):
    (tmp_path / "outside.npy").write_bytes(b"")
    folder = tmp_path / "models" / "images"
    write_net(folder)
    repository = Repository.of(tmp_path / "models")
    (folder / "inside.npy").write_bytes(b"")
    net = api.load(folder / "deploy.prototxt")
    for name in ("../../outside.npy", str(tmp_path / "outside.npy")):
        with pytest.raises(SettingError, match="out of the repository"):
            repository.check_mean(api.with_transform(net, mean_file=name))
    repository.check_mean(api.with_transform(net, mean_file="inside.npy"))
    Repository.of(folder / "deploy.prototxt").check_mean(api.with_transform(net, mean_file="../../outside.npy"))


def test_links_within_are_followed(tmp_path):
    wanted = net_in(tmp_path / "sum" / "1")
    (tmp_path / "sum" / "2").symlink_to("1")
    repository = Repository.of(tmp_path)
    (version,) = repository.versions("sum")
    assert version.number == "2"
    assert repository.net_of(version).resolve() == wanted


def test_a_folder_without_a_net_says_so(tmp_path):
    (tmp_path / "sum" / "1").mkdir(parents=True)
    repository = Repository.of(tmp_path)
    (version,) = repository.versions("sum")
    with pytest.raises(SettingError, match="no net"):
        repository.net_of(version)
    with pytest.raises(SettingError, match="no such folder"):
        Repository.of(tmp_path / "absent")
