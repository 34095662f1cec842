"""Configurations: as JSON and back, and what is refused in one."""

import json

import pytest

from xdn.errors import SettingError, UnknownNameError, XdnError
from xdn.kernels.core.choice import Choice
from xdn.runtime.configuration import DEFAULT, Configuration, load_configuration

FULL = Configuration(
    threads=4,
    members=2,
    schedule="channel",
    chunk_blocks=3,
    heavy_weights=0.5,
    light_blocks=2,
    winograd=False,
    choices={"channel": {"conv1": Choice("direct", (6, 4), "tiles"), "fc": Choice(tile=(1, 8))}, "batch": {}},
)


@pytest.mark.parametrize("configuration", [DEFAULT, FULL, Configuration(threads=1)], ids=["default", "full", "some"])
def test_json_and_back(configuration):
    assert Configuration.of(json.loads(json.dumps(configuration.document()))) == configuration


def test_the_default_writes_nothing():
    assert DEFAULT.document() == {}
    chosen = FULL.document()["choices"]["channel"]
    assert chosen == {"conv1": {"algorithm": "direct", "tile": [6, 4], "order": "tiles"}, "fc": {"tile": [1, 8]}}


@pytest.mark.parametrize(
    ("document", "place"),
    [
        ([], "configuration"),
        ({"thread": 2}, "configuration.thread"),
        ({"threads": 0}, "threads"),
        ({"threads": True}, "configuration.threads"),
        ({"threads": 2.0}, "configuration.threads"),
        ({"threads": 1 << 40}, "threads"),
        ({"light_blocks": None}, "configuration.light_blocks"),
        ({"heavy_weights": "much"}, "configuration.heavy_weights"),
        ({"heavy_weights": float("nan")}, "heavy_weights"),
        ({"winograd": 1}, "configuration.winograd"),
        ({"schedule": 1}, "configuration.schedule"),
        ({"choices": {"channel": []}}, "configuration.choices.channel"),
        ({"choices": {"channel": {"c": {"tile": [1]}}}}, "configuration.choices.channel.c.tile"),
        ({"choices": {"channel": {"c": {"tile": [1, "2"]}}}}, "configuration.choices.channel.c.tile[1]"),
        ({"choices": {"channel": {"c": {"order": 3}}}}, "configuration.choices.channel.c.order"),
        ({"choices": {"channel": {"c": {"speed": 3}}}}, "configuration.choices.channel.c.speed"),
    ],
)
def test_a_wrong_document_is_refused_at_its_place(document, place):
    with pytest.raises(SettingError) as caught:
        Configuration.of(document)
    assert caught.value.where == place


def test_unknown_schedules_are_refused():
    for made in (lambda: Configuration(schedule="depth"), lambda: Configuration.of({"choices": {"depth": {}}})):
        with pytest.raises(UnknownNameError, match="Known: batch, channel"):
            made()


def test_nothing_else_than_typed_errors():
    for document in ({"choices": {"channel": {"c": {"tile": {}}}}}, {"choices": 3}, None, "x", {"members": "2"}):
        with pytest.raises(XdnError):
            Configuration.of(document)


@pytest.mark.parametrize(
    "text",
    [
        '{"heavy_weights": ' + "9" * 4000 + "}",
        '{"threads": ' + "[" * 900 + "]" * 900 + "}",
        '{"threads": [' + "1," * 99 + "1]}",
    ],
    ids=["digits", "depth", "length"],
)
def test_values_of_any_size_are_refused_in_few_words(tmp_path, text):
    (tmp_path / "c.json").write_text(text)
    with pytest.raises(SettingError) as caught:
        load_configuration(tmp_path / "c.json")
    assert len(caught.value.what) < 200


def test_whole_numbers_are_numbers():
    assert Configuration.of({"heavy_weights": 3}).heavy_weights == 3.0


def test_what_is_given_beside_a_configuration_comes_first():
    made = Configuration(threads=2, schedule="batch").with_given(threads=3, schedule=None, winograd=False)
    assert (made.threads, made.schedule, made.winograd) == (3, "batch", False)


@pytest.mark.parametrize("value", [None, 2])
def test_only_fields_can_be_given_beside_a_configuration(value):
    with pytest.raises(TypeError, match="thread"):
        Configuration().with_given(thread=value)
