"""The guard: the right cluster or none, from the context in use alone."""

from __future__ import annotations

import base64
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from helmtool.adapters import local
from helmtool.adapters.kubeconfig import KubeconfigInvalid, read_access
from helmtool.model.environment import ClusterIdentity, Environment
from helmtool.operations.guard import LocalNotUp, WrongCluster, check_system_uid, choose_access, is_pinned
from helmtool.operations.settings import Settings

Write = Callable[..., str]


def environment(name: str, *endings: str, **pins: str) -> Environment:
    return Environment(name, "dqm", "newdqmgui", cluster=ClusterIdentity(endings, **pins), kubeconfig=f"~/{name}")


TEST = environment("test4", "testsrv-v1.22.9")
PROD = environment("prod", "prodsrv")
LOCAL = Environment("local", "dqm", "newdqmgui", embedded=True)
ALL = {e.name: e for e in (TEST, PROD, LOCAL)}


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def kubeconfig(name: str, cluster: str, server: str = "https://api.example:6443", ca: bytes = b"") -> str:
        pem = base64.b64encode(ssl.DER_cert_to_PEM_cert(ca).encode()).decode() if ca else ""
        file = tmp_path / name
        file.write_text(
            f"current-context: ctx\ncontexts:\n- {{name: ctx, context: {{cluster: {cluster}}}}}\n"
            "- {name: two, context: {cluster: cms-prodsrv}}\n"
            f"clusters:\n- {{name: {cluster}, cluster: {{server: '{server}', certificate-authority-data: '{pem}'}}}}\n"
            "- {name: cms-prodsrv, cluster: {server: 'https://prod.example'}}\n"
        )
        return str(file)

    return kubeconfig


def choose(target: Environment, settings: Settings, *others: Environment) -> str:
    everything = {**ALL, target.name: target, **{e.name: e for e in others}}
    return choose_access(target, everything, settings).cluster


def test_the_right_cluster(write: Write) -> None:
    path = write("k", "cmsweb-testsrv-v1.22.9")
    access = choose_access(TEST, ALL, Settings(kubeconfig=path))
    assert (access.kubeconfig, access.context, access.cluster) == (path, "ctx", "cmsweb-testsrv-v1.22.9")


def test_the_wrong_cluster_is_named_and_so_is_the_right_one(write: Write) -> None:
    path = write("k", "cmsweb-prodsrv")
    with pytest.raises(WrongCluster) as caught:
        choose(TEST, Settings(kubeconfig=path))
    for part in (
        "context ctx",
        "--kubeconfig",
        path,
        "cmsweb-prodsrv",
        "https://api.example:6443",
        "that is prod, not test4",
        "testsrv-v1.22.9",
    ):
        assert part in caught.value.message
    assert (caught.value.exit_code, caught.value.code) == (4, "wrong-cluster")
    assert "helmtool env use test4" in caught.value.hint


@pytest.mark.parametrize("cluster", ["minikube", "prodsrv-v1.22.9", "testsrv", "PRODSRV", "prodsrv-copy"])
def test_a_cluster_that_only_contains_the_name_is_not_it(write: Write, cluster: str) -> None:
    with pytest.raises(WrongCluster, match=r"no environment has a cluster of that name, not prod \(expected a name that ends in prodsrv\)"):
        choose(PROD, Settings(kubeconfig=write("k", cluster)))


def test_a_cluster_that_fits_several_environments_is_none(write: Write) -> None:
    with pytest.raises(WrongCluster, match="fits several environments: prod, twin"):
        choose(PROD, Settings(kubeconfig=write("k", "cmsweb-prodsrv")), environment("twin", "srv"))


def test_several_endings_mean_any_of_them(write: Write) -> None:
    both = environment("prod", "prodsrv", "newsrv")
    assert choose(both, Settings(kubeconfig=write("k", "cmsweb-newsrv"))) == "cmsweb-newsrv"


def test_only_the_context_in_use_is_judged(write: Write) -> None:
    path = write("k", "cmsweb-testsrv-v1.22.9")
    assert choose(TEST, Settings(kubeconfig=path)).startswith("cmsweb-test")
    assert choose(PROD, Settings(kubeconfig=path, kube_context="two")) == "cms-prodsrv"
    with pytest.raises(WrongCluster):
        choose(TEST, Settings(kubeconfig=path, kube_context="two"))


def test_precedence_option_then_variable_then_file(write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    in_file = write("home/test4", "a-testsrv-v1.22.9")
    assert choose_access(TEST, ALL, Settings()).kubeconfig == in_file
    monkeypatch.setenv("KUBECONFIG", variable := write("v", "b-testsrv-v1.22.9"))
    assert choose_access(TEST, ALL, Settings()).kubeconfig == variable
    option = write("o", "c-testsrv-v1.22.9")
    assert choose_access(TEST, ALL, Settings(kubeconfig=option)).kubeconfig == option
    monkeypatch.setenv("KUBECONFIG", "")
    assert choose_access(TEST, ALL, Settings()).kubeconfig == in_file


def test_a_wrong_cluster_from_the_variable_or_the_file_names_its_source(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    write("home/test4", "cmsweb-prodsrv")
    with pytest.raises(WrongCluster, match=r"\(values/environments.yaml: "):
        choose(TEST, Settings())
    monkeypatch.setenv("KUBECONFIG", write("v", "cmsweb-prodsrv"))
    with pytest.raises(WrongCluster, match=r"\(KUBECONFIG: "):
        choose(TEST, Settings())


def test_no_kubeconfig_and_no_home(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(KubeconfigInvalid, match="no kubeconfig at"):
        choose(TEST, Settings())
    monkeypatch.delenv("HOME")
    with pytest.raises(KubeconfigInvalid):
        choose(TEST._replace(kubeconfig="~nosuchaccount/config"), Settings())


CA = b"the right authority"


@pytest.mark.parametrize(
    ("pins", "fits"),
    [
        ({"server": "https://api.example:6443"}, True),
        ({"server": "https://API.example:6443/"}, True),
        ({"server": "https://api.example"}, False),
        ({"server": "https://other.example:6443"}, False),
        ({"server": "api.example:6443"}, True),
        ({"server": "other.example:6443"}, False),
        ({"server": "nonsense"}, False),
        ({"ca_fingerprint": "right"}, True),
        ({"ca_fingerprint": "sha256:00"}, False),
    ],
)
def test_pins(write: Write, pins: dict[str, str], fits: bool) -> None:
    path = write("k", "cmsweb-prodsrv", ca=CA)
    right = read_access(path).ca_fingerprint
    pinned = environment("prod", "prodsrv", **{k: right if v == "right" else v for k, v in pins.items()})
    if fits:
        assert choose(pinned, Settings(kubeconfig=path)) == "cmsweb-prodsrv"
        return
    with pytest.raises(WrongCluster, match=r"prod is pinned to .+") as caught:
        choose(pinned, Settings(kubeconfig=path))
    assert next(iter(pins.values())) in caught.value.message


def test_a_pinned_authority_and_a_kubeconfig_without_one(write: Write) -> None:
    with pytest.raises(WrongCluster, match="whose CA is unknown"):
        choose(environment("prod", "prodsrv", ca_fingerprint="sha256:00"), Settings(kubeconfig=write("k", "cmsweb-prodsrv")))


@pytest.mark.parametrize("pins", [{"server": "https://api.example:6443"}, {"kube_system_uid": "one"}])
def test_a_pin_proves_nothing_without_a_verified_certificate(write: Write, pins: dict[str, str]) -> None:
    path = Path(write("k", "cmsweb-prodsrv"))
    path.write_text(path.read_text().replace("certificate-authority-data: ''", "insecure-skip-tls-verify: true"))
    assert choose(PROD, Settings(kubeconfig=str(path))) == "cmsweb-prodsrv"
    with pytest.raises(WrongCluster, match=r"without verifying its certificate \(insecure-skip-tls-verify\)"):
        choose(environment("prod", "prodsrv", **pins), Settings(kubeconfig=str(path)))


def test_a_pin_does_not_replace_the_name(write: Write) -> None:
    with pytest.raises(WrongCluster, match="no environment has a cluster of that name"):
        choose(environment("prod", "prodsrv", server="https://api.example:6443"), Settings(kubeconfig=write("k", "minikube")))


def test_the_uid_of_kube_system() -> None:
    check_system_uid(PROD, "any")
    pinned = environment("prod", "prodsrv", kube_system_uid="one")
    check_system_uid(pinned, "one")
    for other in ("two", ""):
        with pytest.raises(WrongCluster, match=rf"has UID {other}, but prod is pinned to one"):
            check_system_uid(pinned, other)


@pytest.mark.parametrize("pins", [{"server": "x"}, {"ca_fingerprint": "x"}, {"kube_system_uid": "x"}])
def test_what_counts_as_pinned(pins: dict[str, str]) -> None:
    assert is_pinned(environment("prod", "prodsrv", **pins))
    assert is_pinned(LOCAL)
    assert not is_pinned(PROD)


@pytest.fixture
def embedded(write: Write, monkeypatch: pytest.MonkeyPatch) -> str:
    path = write("embedded", "kwok-helmtool", "https://127.0.0.1:7001")
    monkeypatch.setattr(local, "kubeconfig_path", lambda: Path(path))
    return path


def test_local_is_the_embedded_cluster_whatever_the_variable_says(embedded: str, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", write("k", "cmsweb-prodsrv"))
    assert choose_access(LOCAL, ALL, Settings()).kubeconfig == embedded


def test_local_takes_no_other_cluster(embedded: str, write: Write) -> None:
    with pytest.raises(WrongCluster, match=r"cmsweb-prodsrv .* but local is the embedded cluster at https://127.0.0.1:7001"):
        choose(LOCAL, Settings(kubeconfig=write("k", "cmsweb-prodsrv")))
    with pytest.raises(WrongCluster, match="cms-prodsrv"):
        choose(LOCAL, Settings(kubeconfig=embedded, kube_context="two"))
    same = write("copy", "kwok-helmtool", "https://127.0.0.1:7001")
    assert choose_access(LOCAL, ALL, Settings(kubeconfig=same)).kubeconfig == same


def test_a_context_is_never_silently_ignored(embedded: str) -> None:
    assert choose_access(LOCAL, ALL, Settings(kube_context="ctx")).server == "https://127.0.0.1:7001"
    with pytest.raises(WrongCluster):
        choose(LOCAL, Settings(kube_context="two"))
    with pytest.raises(KubeconfigInvalid, match="has no context 'nosuch'"):
        choose(LOCAL, Settings(kube_context="nosuch"))


def test_local_that_is_not_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "kubeconfig_path", lambda: tmp_path / "nosuch")
    with pytest.raises(LocalNotUp) as caught:
        choose(LOCAL, Settings())
    assert (caught.value.exit_code, caught.value.hint) == (5, "helmtool local up")
