"""Something else where a file should be: a pipe, a folder, a link to itself, a device, a file that is larger than any memory."""

from __future__ import annotations

import json
import random

from cases import LARGE, Case, Content, Special, codes, in_a_mode
from cluster_inputs import CONFIG, OBJECTS, Holds
from mutations import HOSTILE_TEXTS
from registry_inputs import Answers
from sites import Good

KINDS = ("fifo", "folder", "loop", "dangling", "zero", "socket", "memory", "sparse", "missing")


def places(rng: random.Random, good: Good) -> Case:
    """One of the files that commands read, and what stands in its place."""
    makers = (_of_the_checkout, _of_the_checkout, _kubeconfig, _credentials, _secret, _identity, _cache, _names)
    return rng.choice(makers)(rng, Special(rng.choice(KINDS)))


def _of_the_checkout(rng: random.Random, special: Special) -> Case:
    name = rng.choice(
        ("values/prod.yaml", "values/environments.yaml", "charts/newdqmgui/values.yaml", "charts/newdqmgui/values.schema.json")
    )
    command = rng.choice((("render", "prod", "HG0105a"), ("validate", "prod")))
    return Case(in_a_mode(rng, *command), codes(3), {f"root/{name}": special}, names=(name, "charts/", "values/"), memory=LARGE)


def _kubeconfig(rng: random.Random, special: Special) -> Case:
    command = rng.choice((("history", "test4"), ("secrets", "list", "test4"), ("diff", "test4", "HG0105a")))
    arguments = in_a_mode(rng, "--kubeconfig", "{home}/config", *command)
    return Case(arguments, codes(3), {"home/config": special}, names=("/home/config",), memory=LARGE)


def _credentials(rng: random.Random, special: Special) -> Case:
    name = rng.choice(("home/.docker/config.json", "home/.config/containers/auth.json"))
    extra: dict[str, Content] = {name: special}
    answers = Answers(login="basic", extra=extra)
    # Without credentials the registry refuses.
    allowed = codes(5) if special.kind in ("missing", "dangling") else codes(3)
    return Case(in_a_mode(rng, "tag", "next", "--env", "test4"), allowed, answers.files(), answers=answers, names=(name[4:],))


def _secret(rng: random.Random, special: Special) -> Case:
    name = "secrets/newdqmgui/robot.txt.encrypted"
    if rng.random() < 0.5:
        command = ("secrets", "check", "test4", "--services-config", "{secrets}", "--identity", "{home}/identity")
        allowed = codes(0, 3) if special.kind == "missing" else codes(3)
        return Case(in_a_mode(rng, *command), allowed, {name: special}, memory=LARGE, documents=True)
    command = ("secrets", "decrypt", f"{{{'secrets'}}}/newdqmgui/robot.txt.encrypted", "--out", "-", "--identity", "{home}/identity")
    return Case(in_a_mode(rng, *command), codes(2, 3), {name: special}, names=("robot.txt.encrypted",), memory=LARGE)


def _identity(rng: random.Random, special: Special) -> Case:
    """A pipe will do there, as of a shell's `<(…)`, and one that nobody writes to is waited for: it is left out."""
    special = Special("folder") if special.kind == "fifo" else special
    command = ("secrets", "check", "test4", "--services-config", "{secrets}", "--identity", "{home}/identity")
    return Case(in_a_mode(rng, *command), codes(3), {"home/identity": special}, names=("/home/identity",), memory=LARGE)


def _cache(rng: random.Random, special: Special) -> Case:
    """The cache of digests, with which nothing can go wrong: it is done without."""
    kind = special if rng.random() < 0.5 else None
    content = rng.choice((b"", b"[]", b"{", b"[" * 100_000, b"\xff", json.dumps({"digest": 5}).encode()))
    files: dict[str, Content] = {"cache/helmtool/facts": kind or content}
    answers = Answers(extra=files)
    return Case(in_a_mode(rng, "tag", "check", "HG0105a", "--env", "test4"), codes(0), answers.files(), answers=answers)


def _names(rng: random.Random, special: Special) -> Case:
    """Names of folders, environments, contexts and services that are nobody's."""
    name = rng.choice([text for text in HOSTILE_TEXTS if "\0" not in text and not text.startswith("-") and text])
    commands: tuple[tuple[str, ...], ...] = (
        ("--config-dir", name, "env", "list"),
        ("env", "show", name),
        ("--kubeconfig", name, "history", "test4"),
        ("--kubeconfig", "{home}/config", "--kube-context", name, "history", "test4"),
        ("secrets", "check", "test4", "--services-config", "{secrets}", "--service", name, "--identity", "{home}/identity"),
        ("secrets", "check", "test4", "--services-config", name, "--identity", "{home}/identity"),
        ("secrets", "decrypt", f"{name}.encrypted", "--out", "-", "--identity", "{home}/identity"),
    )
    command = rng.choice(commands)
    return Case(in_a_mode(rng, *command), codes(2, 3), CONFIG, answers=Holds(OBJECTS), memory=LARGE)
