"""What the tests of commands share."""

import json

import pytest

from tests.cli.caffe_files import write_small
from tests.report.results import closed_validator
from xdn.cli.common import Output
from xdn.evaluate.origin import origin
from xdn.report.documents import KINDS


@pytest.fixture(autouse=True)
def results_follow_the_schema(monkeypatch):
    """Let every result that a test of a command writes be held against the schema, which describes all its fields."""
    write = Output.write_json

    def checked(self, document, kind):
        """Check what is written, and write it."""
        whole = json.loads(json.dumps(origin(kind, "xdn-test", ["--json", "-"]) | document))
        if kind in KINDS:
            closed_validator().validate(whole)
        write(self, document, kind)

    monkeypatch.setattr(Output, "write_json", checked)


@pytest.fixture
def small(tmp_path, monkeypatch):
    """Write the small net into net/, and go to an empty working folder."""
    net, path = write_small(tmp_path / "net")
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return net, path
