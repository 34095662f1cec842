"""What containers call exists: the command's options, the paths of probes, ports."""

import json
import re

import pytest

from tests.conftest import ROOT
from xdn.cli.serve import parser

FILES = {path.name: path.read_text() for path in sorted((ROOT / "deploy").iterdir())}
#: A list of options in a file.
OPTIONS = {
    "Dockerfile": r'^CMD (\["/models".*\])$',
    "compose.yaml": r"^ +command: (\[.*\])$",
    "kubernetes.yaml": r"^ +args: (\[.*\])$",
}


@pytest.mark.parametrize("name", OPTIONS)
def test_containers_start_the_service_for_others(name):
    (words,) = re.findall(OPTIONS[name], FILES[name], re.M)
    args = parser().parse_args(json.loads(words))
    assert (args.host, str(args.repository)) == ("0.0.0.0", "/models")
    assert (args.http_port, args.grpc_port) == (8000, 8001)
    assert not args.no_grpc


def test_probes_ask_for_paths_that_are_there():
    routes = (ROOT / "xdn" / "serve" / "http" / "app.py").read_text()
    asked = {path for text in FILES.values() for path in re.findall(r"/v2/[\w/]+|/metrics", text)}
    assert asked == {"/v2/health/live", "/v2/health/ready", "/metrics"}
    assert all(f'Route("{path}"' in routes for path in asked)


def test_a_container_is_given_longer_to_stop_than_the_service():
    graces = {
        name: int(re.search(r'"--stop-grace-s", "(\d+)"', text)[1]) for name, text in FILES.items() if "grace-s" in text
    }
    assert int(re.search(r"stop_grace_period: (\d+)s", FILES["compose.yaml"])[1]) > graces["compose.yaml"]
    given = int(re.search(r"terminationGracePeriodSeconds: (\d+)", FILES["kubernetes.yaml"])[1])
    pause = int(re.search(r'\["sleep", "(\d+)"\]', FILES["kubernetes.yaml"])[1])
    assert given > graces["kubernetes.yaml"] + pause


def test_an_image_is_made_of_what_is_there():
    kept = re.findall(r"^!(.+)$", FILES["Dockerfile.dockerignore"], re.M)
    assert [path for path in kept if not (ROOT / path).exists()] == []
    needed = {"xdn", "prototxt", "setup.py", "pyproject.toml", "README.md"}
    assert needed <= set(kept)
