"""A tag that breaks the grammar, and one that the environment's policy does not take: said before anything else is looked at."""

from __future__ import annotations

import pytest
from program import Cli, FakeApi, Inside

WRONG = [
    ("HG3201a", "there is no day 32"),
    ("HG0113a", "there is no month 13"),
    ("HG3104a", "April has 30 days"),
    ("HG3002a", "February has at most 29 days"),
    ("HG0005a", "there is no day 00"),
    ("hg0105a", "HG must be in capitals"),
    ("HG0105", "the version letter a-z is missing"),
    ("HG0105ab", "one letter a-z, found `ab`"),
    ("HG0105A", "one small letter a-z, found `A`"),
    ("HG\uff10\uff11\uff10\uff15a", "(U+FF10) is not ASCII"),
    ("HG\u0660\u0661\u0660\u0665a", "(U+0660) is not ASCII"),
    (" HG0105a ", "blanks around it"),
    ("HG0105a\n", "blanks around it"),
    ("", "it is empty"),
    ("registry.cern.ch/cmsweb/newdqmgui:HG0105a", "it carries a repository"),
    ("HG0105a@sha256:" + "0" * 64, "it carries a digest"),
    ("HG0105a-Stable", "the only ending is one -stable"),
    ("vHG0105a", "a `v` leads it"),
    ("HG0105a\x1b[31m", "a control character inside"),
    ("HG0105a" + "b" * 100_000, "the version is one letter"),
]


@pytest.mark.parametrize(("tag", "reason"), WRONG, ids=[str(number) for number in range(len(WRONG))])
def test_a_tag_that_is_none(inside: Inside, tag: str, reason: str) -> None:
    error = inside.fails("tag", "check", "--offline", tag, code=3, says=[reason])
    assert error["code"] == "invalid-tag"
    assert len(error["message"]) < 300
    assert "\x1b" not in error["message"]


@pytest.mark.parametrize("tag", ["HG3201a", " HG0105a "])
@pytest.mark.parametrize("command", ["release", "render", "diff", "values"])
def test_every_command_that_takes_a_tag_says_so_first(cli: Cli, api: FakeApi, command: str, tag: str) -> None:
    kubeconfig = cli.kubeconfig(api.url)
    assert cli.fails("--kubeconfig", kubeconfig, command, "test4", tag, code=3)["code"] == "invalid-tag"
    assert api.asked == []


def test_a_bad_tag_is_said_before_a_missing_kubeconfig(cli: Cli) -> None:
    cli.fails("release", "prod", "HG3201a", code=3, says=["there is no day 32"])


def test_what_was_meant_is_the_next_thing_to_type(cli: Cli) -> None:
    for tag in ("hg0105a", "HG\u0660\u0661\u0660\u0665a", " HG0105a", "cmsweb/newdqmgui:HG0105a"):
        assert cli.run("tag", "check", "--offline", tag, "-o", "json").document["error"]["hint"] == "did you mean HG0105a?"


@pytest.mark.parametrize("tag", ["HG2902a", "HG0105a", "HG3112z-stable"])
def test_a_tag_that_is_one(cli: Cli, tag: str) -> None:
    text, script = (
        cli.run("tag", "check", "--offline", tag, "--offline"),
        cli.run("tag", "check", "--offline", tag, "--offline", "-o", "json"),
    )
    assert (text.code, text.err) == (0, "")
    assert text.out.startswith(f"{tag}: ")
    assert script.document["tag"] == tag


def test_where_only_stable_tags_are_taken(cli: Cli, api: FakeApi) -> None:
    file = cli.root / "values/environments.yaml"
    file.write_text(file.read_text().replace('stableTag: "add"', "stableTag: require"))
    kubeconfig = cli.kubeconfig(api.url, cluster="cms-prodsrv")
    for command in ("release", "render"):
        error = cli.fails("--kubeconfig", kubeconfig, command, "prod", "HG0105a", code=4, says=["prod takes only stable tags", "stableTag"])
        assert error["code"] == "tag-policy"
        assert "HG0105a-stable" in error["hint"]
    assert api.asked == []
    assert cli.run("render", "prod", "HG0105a-stable").code == 0


def test_an_image_of_another_tag_is_no_way_around_the_policy(cli: Cli) -> None:
    for image in ("image.tag=HG0105a", "image.digest=sha256:" + "0" * 64):
        shown = cli.run("render", "prod", "HG0205a-stable", "--set", image)
        assert shown.code == 3 or "newdqmgui:HG0205a-stable" in shown.out
