"""Kubeconfigs: the identity of the context in use, kubectl's way of merging, and files that are not what they should be."""

from __future__ import annotations

import base64
import hashlib
import os
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from helmtool.adapters.kubeconfig import KubeconfigInvalid, expand, read_access

DER = b"not really a certificate, but bytes"
PEM = ssl.DER_cert_to_PEM_cert(DER)
FINGERPRINT = "sha256:" + hashlib.sha256(DER).hexdigest()

Write = Callable[..., str]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_file(text: str | bytes, name: str = "config") -> str:
        file = tmp_path / name
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return str(file)

    return write_file


def config(
    *, current: str = "current-context: x", context: str = "{cluster: c, user: u}", cluster: str = "{server: 'https://host:6443'}"
) -> str:
    return (
        f"apiVersion: v1\nkind: Config\n{current}\ncontexts:\n- {{name: x, context: {context}}}\n"
        f"clusters:\n- {{name: c, cluster: {cluster}}}\nusers:\n- {{name: u, user: {{}}}}\n"
    )


def test_reads_the_context_in_use(write: Write) -> None:
    path = write(config())
    access = read_access(path)
    assert (access.kubeconfig, access.context, access.cluster, access.server) == (path, "x", "c", "https://host:6443")
    assert access.ca_fingerprint == ""


def test_a_given_context_goes_before_the_current_one(write: Write) -> None:
    path = write(config(current="current-context: other"))
    assert read_access(path, "x").context == "x"


@pytest.mark.parametrize(
    "ca",
    [
        f"certificate-authority-data: {base64.b64encode(PEM.encode()).decode()}",
        f"certificate-authority-data: {base64.b64encode((PEM + PEM).encode()).decode()}",
        "certificate-authority: ca.pem",
    ],
    ids=["data", "the same certificate twice", "file beside the kubeconfig"],
)
def test_the_fingerprint_of_the_authority(write: Write, ca: str) -> None:
    write(PEM, "ca.pem")
    assert read_access(write(config(cluster=f"{{server: 'https://host', {ca}}}"))).ca_fingerprint == FINGERPRINT


def test_of_several_authorities_each_counts_for_each_is_trusted(write: Write) -> None:
    other = ssl.DER_cert_to_PEM_cert(b"the certificate of somebody else")
    found = set()
    for bundle in (PEM + other, other + PEM, f"# a word\n{PEM}\n{other}"):
        data = base64.b64encode(bundle.encode()).decode()
        found.add(read_access(write(config(cluster=f"{{server: 'https://host', certificate-authority-data: {data}}}"))).ca_fingerprint)
    assert len(found) == 1
    assert not found & {"", FINGERPRINT}


@pytest.mark.parametrize(
    "ca",
    [
        "certificate-authority-data: aGVsbG8=",
        "certificate-authority: nosuch.pem",
    ],
)
def test_a_broken_ca_has_no_fingerprint_and_so_fits_no_pin(write: Write, ca: str) -> None:
    assert read_access(write(config(cluster=f"{{server: 'https://host', {ca}}}"))).ca_fingerprint == ""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "holds no settings"),
        ("# only a comment\n", "holds no settings"),
        ("- a\n", "the file: expected a map, found a list"),
        ("just text", "the file: expected a map, found text"),
        ("a: b\n\tc: d\n", ":2:1: the kubeconfig is not YAML"),
        ("a: 'open", "is not YAML"),
        (b"a: \xff\xfe", "is not YAML"),
        ("a: 2026-99-99", "names no current context"),
        ("current-context: y", "current-context: expected text, found true or false"),
        ("[" * 50_000, "is not YAML"),
        ("kind: Config\n", "names no current context"),
        (config(current="current-context: ''"), "names no current context"),
        (config(current="current-context: 3"), "current-context: expected text, found a number"),
        (config(current="current-context: [x]"), "current-context: expected text, found a list"),
        (config(current="current-context: nosuch"), "has no context 'nosuch'; it has: x"),
        ("current-context: x\ncontexts: 3\n", "contexts: expected a list, found a number"),
        ("current-context: x\ncontexts: [3, x]\n", "contexts[0]: expected a map, found a number"),
        (config(context="{cluster: nosuch}"), "names cluster 'nosuch', which is not in it"),
        (config(context="{cluster: c, user: nosuch}"), "names user 'nosuch', which is not in it"),
        (config(context="3"), "contexts[0].context: expected a map, found a number"),
        (config(cluster="3"), "clusters[0].cluster: expected a map, found a number"),
        (config(cluster="{}"), "cluster 'c' has no server"),
        (config(cluster="{server: 3}"), "clusters[0].cluster.server: expected text, found a number"),
        (config(cluster="{server: 'https://host', certificate-authority: 3}"), "cluster.certificate-authority: expected text"),
        (config(cluster="{server: 'https://host', certificate-authority-data: '%%%'}"), "certificate-authority-data: expected base64"),
        (config(cluster="{server: 'host:6443'}"), "cluster 'c' has no server"),
    ],
)
def test_what_is_not_a_kubeconfig_is_said_in_one_sentence(write: Write, text: str | bytes, said: str) -> None:
    path = write(text)
    with pytest.raises(KubeconfigInvalid) as caught:
        read_access(path)
    assert said in caught.value.message
    assert path in caught.value.message
    assert (caught.value.exit_code, caught.value.code) == (3, "kubeconfig")


def test_a_missing_file_is_named_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(KubeconfigInvalid, match=r"no kubeconfig at .*nosuch") as caught:
        read_access(str(tmp_path / "nosuch"))
    assert "--kubeconfig FILE" in caught.value.hint


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(KubeconfigInvalid, match="cannot be read: Is a directory"):
        read_access(str(tmp_path))


FIRST = "current-context: x\ncontexts:\n- {name: x, context: {cluster: c}}\n"
SECOND = (
    "current-context: z\ncontexts:\n- {name: x, context: {cluster: d}}\n- {name: z, context: {cluster: d}}\n"
    "clusters:\n- {name: c, cluster: {server: 'https://c', certificate-authority: ca.pem}}\n- {name: d, cluster: {server: 'https://d'}}\n"
)


def test_of_several_files_the_first_that_names_something_wins(write: Write, tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    write(PEM, "sub/ca.pem")
    merged = os.pathsep.join([write(FIRST, "first"), write(SECOND, "sub/second")])
    access = read_access(merged)
    assert (access.kubeconfig, access.context, access.cluster, access.server) == (merged, "x", "c", "https://c")
    assert access.ca_fingerprint == FINGERPRINT, "a relative path belongs to the file that holds it"
    assert read_access(merged, "z").server == "https://d"


def test_of_several_files_some_may_be_missing(write: Write, tmp_path: Path) -> None:
    there = write(config())
    nosuch = str(tmp_path / "nosuch")
    assert read_access(f"{nosuch}{os.pathsep}{os.pathsep}{there}").kubeconfig == there
    with pytest.raises(KubeconfigInvalid, match="no kubeconfig at"):
        read_access(f"{nosuch}{os.pathsep}{nosuch}2")


def test_a_tilde_is_expanded_because_helm_does_not(write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(config())
    monkeypatch.setenv("HOME", str(tmp_path))
    assert read_access("~/config").kubeconfig == path


def test_a_tilde_without_a_home_is_an_error_not_a_traceback() -> None:
    with pytest.raises(KubeconfigInvalid, match="there is no home directory"):
        expand("~nosuchaccount/config")
