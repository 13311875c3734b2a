"""chart publish: to a real registry, signed by real keys, and read back by plain Helm."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from images import AUTH, PASSWORD, RealRegistry, digest
from keys import PASSPHRASE, Keys, made_keys
from meddler import Asked, Reply, status_for
from named import NAME, Authority, Proxy
from runs import Ran
from shells import read_until

from helmtool.adapters import toolbox

HELM = str(toolbox.find("helm"))
ROOT = Path(__file__).parents[2]
CHART = "charts/newdqmgui"
Publish = Callable[..., Ran]


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keys]:
    yield from made_keys(tmp_path_factory.mktemp("keys"))


@pytest.fixture
def committed(checkout: Path) -> Path:
    """The checkout as a git repository with one commit."""
    git(checkout, "init", "-q")
    commit(checkout)
    return checkout


@pytest.fixture
def publish(tool: Any, committed: Path, tmp_path: Path) -> Publish:
    """`helmtool chart publish … --to` a folder of the registry; helm is the pinned one, home is empty."""
    cache = {"XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache"), "GIT_CEILING_DIRECTORIES": "/"}

    def run(host: str, version: str, *arguments: str, env: dict[str, str] | None = None) -> Ran:
        to = () if "--to" in arguments else ("--to", f"oci://{host}/cmsweb/charts")
        ran: Ran = tool(host, "publish", version, *to, *arguments, group="chart", env={**cache, **(env or {})})
        return ran

    return run


def git(folder: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True, capture_output=True)


def commit(folder: Path) -> None:
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "a change")


def pull(folder: Path, host: str, version: str, *more: str, **variables: str) -> subprocess.CompletedProcess[bytes]:
    """`helm pull` as a person types it."""
    address = f"oci://{host}/cmsweb/charts/newdqmgui"
    argv = [HELM, "pull", address, "--version", version, "--plain-http", "-d", str(folder), *more]
    return subprocess.run(argv, env={**os.environ, **variables}, capture_output=True, check=False, timeout=30)


def test_a_signed_chart_is_verified_by_plain_helm(registry: RealRegistry, publish: Publish, keys: Keys, tmp_path: Path) -> None:
    ran = publish(registry.host, "0.1.0", "--sign", "plain", "--keyring", str(keys.plain), "-o", "json")
    assert ran.code == 0, ran
    document = ran.document
    assert (document["version"], document["signed"], document["written"]) == ("0.1.0", True, True)
    assert document["address"] == f"oci://{registry.host}/cmsweb/charts/newdqmgui"
    assert len(document["commit"]) == 40
    pulled = pull(tmp_path, registry.host, "0.1.0", "--verify", "--keyring", str(keys.public))
    assert pulled.returncode == 0, pulled.stderr
    assert document["digest"].encode() in pulled.stdout + pulled.stderr
    package = str(tmp_path / "newdqmgui-0.1.0.tgz")
    verified = subprocess.run([HELM, "verify", package, "--keyring", str(keys.public)], capture_output=True, check=True)
    assert b"Signed by: plain <plain@example.org>" in verified.stdout
    rendered = subprocess.run([HELM, "template", "newdqmgui", package, "--set", "image.tag=HG0105a"], capture_output=True, check=True)
    assert b"kind: Deployment" in rendered.stdout


def test_a_signature_of_another_key_is_noticed_by_helm(registry: RealRegistry, publish: Publish, keys: Keys, tmp_path: Path) -> None:
    assert publish(registry.host, "0.1.0", "--sign", "plain", "--keyring", str(keys.plain)).code == 0
    refused = pull(tmp_path, registry.host, "0.1.0", "--verify", "--keyring", str(keys.locked))
    assert refused.returncode != 0


def test_a_locked_key_takes_its_passphrase_from_a_file(
    registry: RealRegistry, publish: Publish, keys: Keys, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "passphrase"
    file.write_text(f"{PASSPHRASE}\n")
    sign = ("--sign", "locked", "--keyring", str(keys.locked))
    ran = publish(registry.host, "0.1.0", "-vv", *sign, "--passphrase-file", str(file))
    assert ran.code == 0, ran
    assert f"{HELM} package" in caplog.text  # every argument is logged
    assert PASSPHRASE not in ran.out + ran.err + caplog.text
    file.write_text("wrong-passphrase\n")
    for more, code, says in (((), "chart-passphrase", "is locked"), (("--passphrase-file", str(file)), "chart-signing", "not unlocked")):
        refused = publish(registry.host, "0.2.0", *sign, *more, "-o", "json")
        error = refused.error(3)
        assert (error["code"], says in error["message"]) == (code, True), error
        assert "wrong-passphrase" not in refused.out + refused.err


@pytest.mark.parametrize(("typed", "code"), [(f"{PASSPHRASE}\n", 0), ("wrong-passphrase\n", 3), ("\x03", 130)])
def test_a_locked_key_asks_at_a_terminal(registry: RealRegistry, committed: Path, keys: Keys, typed: str, code: int) -> None:
    options = ("--to", f"oci://{registry.host}/cmsweb/charts", "--sign", "locked", "--keyring", str(keys.locked))
    process, terminal = pty.fork()
    if process == 0:
        os.chdir(committed)
        variables = {**os.environ, "PYTHONPATH": str(ROOT), "GIT_CEILING_DIRECTORIES": "/"}
        os.execve(sys.executable, [sys.executable, "-m", "helmtool", "chart", "publish", "0.1.0", *options], variables)
    shown = read_until(terminal, "Passphrase of the key locked: ")
    os.write(terminal, typed.encode())
    with contextlib.suppress(OSError):  # the terminal ends with the program
        while some := os.read(terminal, 65536):
            shown += some.decode(errors="replace")
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == code, shown
    assert not [word for word in (PASSPHRASE, "wrong-passphrase", "Traceback") if word in shown]


def test_a_key_that_is_not_there(registry: RealRegistry, publish: Publish, keys: Keys, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no keyring")
    for key, keyring, says in (
        ("nobody", keys.plain, "no secret key of that name"),
        ("plain", keys.public, "the public key alone"),
        ("plain", tmp_path / "none", "no such keyring"),
        ("plain", tmp_path / "text", "no keyring that Helm reads"),
    ):
        error = publish(registry.host, "0.1.0", "--sign", key, "--keyring", str(keyring), "-o", "json").error(3)
        assert error["code"] == "chart-signing"
        assert says in error["message"], error
    assert pull(tmp_path, registry.host, "0.1.0").returncode != 0  # nothing was pushed


def test_the_same_content_is_no_error_and_other_content_is_refused(registry: RealRegistry, publish: Publish, committed: Path) -> None:
    first = publish(registry.host, "0.1.0", "-o", "json").document
    for file in (committed / CHART).rglob("*"):
        os.utime(file, (1, 1_000_000_000))  # the package has other times, and other bytes
    again = publish(registry.host, "0.1.0", "-o", "json")
    assert (again.code, again.document["digest"], again.document["written"]) == (0, first["digest"], False)
    assert "was already" in publish(registry.host, "0.1.0").out
    (committed / CHART / "templates/NOTES.txt").write_text("other words\n")
    commit(committed)
    assert publish(registry.host, "0.1.1").code == 0
    error = publish(registry.host, "0.1.0", "-o", "json").error(4)
    assert error["code"] == "chart-version-taken"
    assert "differs in newdqmgui/templates/NOTES.txt" in error["message"]
    assert error["hint"] == "helmtool chart publish 0.1.2"


def test_what_is_there_unsigned_is_not_signed_later(registry: RealRegistry, publish: Publish, keys: Keys) -> None:
    assert "--sign KEY signs it" in publish(registry.host, "0.1.0").err
    error = publish(registry.host, "0.1.0", "--sign", "plain", "--keyring", str(keys.plain), "-o", "json").error(4)
    assert "is not signed" in error["message"]


def test_an_image_under_that_tag_is_left_alone(registry: RealRegistry, publish: Publish) -> None:
    named = registry.push("9.9.9")
    error = publish(registry.host, "9.9.9", "--to", f"oci://{registry.host}/cmsweb", "-o", "json").error(4)
    assert "is no chart" in error["message"]
    assert digest(registry.read("9.9.9")) == named


def test_the_repository_of_the_image_is_no_place_for_charts(registry: RealRegistry, publish: Publish) -> None:
    error = publish(registry.host, "0.1.0", "--to", "oci://registry.cern.ch/cmsweb", "-o", "json").error(4)
    assert (error["code"], "oci://registry.cern.ch/cmsweb/charts" in error["hint"]) == ("chart-place-taken", True)


@pytest.mark.parametrize("version", ["1.0", "v1.0.0", "01.0.0", "latest", "1.0.0-", "1.0.0\n", "HG0105a", "1.0.0-01", ""])
def test_only_semantic_versions(registry: RealRegistry, publish: Publish, version: str) -> None:
    assert publish(registry.host, version, "-o", "json").error(3)["code"] == "chart-version"


def test_a_version_with_build_metadata_is_found_again(registry: RealRegistry, publish: Publish) -> None:
    assert publish(registry.host, "1.0.0-rc.1+g1234", "-o", "json").document["written"] is True
    assert publish(registry.host, "1.0.0-rc.1+g1234", "-o", "json").document["written"] is False


def test_the_chart_is_as_committed(registry: RealRegistry, publish: Publish, committed: Path) -> None:
    values = committed / CHART / "values.yaml"
    values.write_text(values.read_text() + "# changed\n")
    error = publish(registry.host, "0.1.0", "-o", "json").error(4)
    assert (error["code"], "--allow-dirty publishes it" in error["hint"]) == ("dirty-tree", True)
    allowed = publish(registry.host, "0.1.0", "--allow-dirty", "-o", "json")
    assert (allowed.code, allowed.document["commit"]) == (0, None)
    git(committed, "checkout", "-q", "--", ".")
    (committed / ".gitignore").write_text("*.bak\n")
    (committed / CHART / "files/keytab.bak").write_text("what nobody committed")
    assert publish(registry.host, "0.1.1", "-o", "json").error(4)["code"] == "dirty-tree"


@pytest.mark.parametrize("to", ["registry.cern.ch/cmsweb/charts", "https://registry.cern.ch/charts", "oci://host", "oci://u:secret@h.ch/c"])
def test_a_place_that_is_none(registry: RealRegistry, publish: Publish, to: str) -> None:
    ran = publish(registry.host, "0.1.0", "--to", to, "-o", "json")
    assert ran.error(3)["code"] == "chart-repository"
    assert "secret" not in ran.out + ran.err


def test_nobody_there(publish: Publish) -> None:
    assert publish("127.0.0.1:1", "0.1.0", "-o", "json").error(5)["code"] == "registry-unreachable"


def test_of_two_who_publish_at_once_the_one_who_lost_is_told(registry: RealRegistry, publish: Publish, meddle: Any) -> None:
    def after(asked: Asked, reply: Reply) -> Reply:
        if asked.method == "PUT" and asked.path.endswith("/manifests/0.1.0"):
            registry.push("0.1.0")  # somebody else's, right after it
        return reply

    between = meddle(registry.host, after=after)
    error = publish(between.host, "0.1.0", "--to", f"oci://{between.host}/cmsweb", "-o", "json").error(1)
    assert (error["code"], error["hint"]) == ("chart-version-lost", "helmtool chart publish 0.1.1")
    assert digest(registry.read("0.1.0")) in error["message"]


@pytest.mark.parametrize(
    ("method", "part", "status", "code"),
    [
        ("POST", "/blobs/uploads", 403, "registry-forbidden"),
        ("POST", "/blobs/uploads", 401, "registry-login"),
        ("PUT", "/manifests/", 500, "registry-failed"),
        ("PUT", "/manifests/", 400, "chart-push-failed"),
        ("HEAD", "/manifests/0.1.0", 503, "registry-failed"),
    ],
)
def test_a_registry_that_does_not_take_it(
    registry: RealRegistry, publish: Publish, meddle: Any, method: str, part: str, status: int, code: str
) -> None:
    between = meddle(registry.host, before=status_for(method, part, status))
    error = publish(between.host, "0.1.0", "-o", "json").error(1 if code == "chart-push-failed" else 5)
    assert error["code"] == code, error


def test_credentials_of_docker_are_used_and_never_shown(
    locked: RealRegistry, publish: Publish, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    error = publish(locked.host, "0.1.0", "-o", "json").error(5)
    assert error["code"] == "registry-login"
    (tmp_path / "docker").mkdir()
    (tmp_path / "docker/config.json").write_text(json.dumps({"auths": {locked.host: {"auth": AUTH}}}))
    ran = publish(locked.host, "0.1.0", "-vv", env={"DOCKER_CONFIG": str(tmp_path / "docker")})
    assert ran.code == 0, ran
    assert f"{HELM} push" in caplog.text
    assert not [secret for secret in (AUTH, PASSWORD) if secret in ran.out + ran.err + caplog.text]
    config = str(tmp_path / "docker/config.json")
    assert pull(tmp_path, locked.host, "0.1.0", HELM_REGISTRY_CONFIG=config).returncode == 0


def test_a_helper_that_fails_is_an_error_only_if_a_login_is_wanted(
    registry: RealRegistry, publish: Publish, tmp_path: Path, meddle: Any
) -> None:
    (tmp_path / "docker").mkdir()
    (tmp_path / "docker/config.json").write_text('{"credsStore": "missing"}')
    env = {"DOCKER_CONFIG": str(tmp_path / "docker")}
    assert publish(registry.host, "0.1.0", env=env).code == 0
    readable = meddle(registry.host, before=status_for("POST", "/blobs/uploads", 401))
    error = publish(readable.host, "0.2.0", "-o", "json", env=env).error(3)
    assert error["code"] == "registry-credentials"
    assert f"docker-credential-missing, which {tmp_path}/docker/config.json names" in error["message"]


def test_the_commit_is_the_checkouts_own_under_a_git_of_another(
    registry: RealRegistry, publish: Publish, committed: Path, tmp_path: Path
) -> None:
    git(tmp_path, "init", "-q", "other")
    git(tmp_path / "other", "commit", "-qm", "other", "--allow-empty")
    own = subprocess.run(["git", "-C", str(committed), "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    other = {"GIT_DIR": str(tmp_path / "other/.git"), "GIT_WORK_TREE": str(tmp_path / "other"), "GIT_INDEX_FILE": str(tmp_path / "index")}
    assert publish(registry.host, "0.1.0", "-o", "json", env=other).document["commit"] == own


def test_those_of_podman_reach_helm_too(locked: RealRegistry, publish: Publish, tmp_path: Path) -> None:
    (tmp_path / "auth.json").write_text(json.dumps({"auths": {locked.host: {"auth": AUTH}}}))
    assert publish(locked.host, "0.1.0", env={"REGISTRY_AUTH_FILE": str(tmp_path / "auth.json")}).code == 0
    (tmp_path / "auth.json").write_text(json.dumps({"auths": {locked.host: {"username": "dqm", "password": "wrong-one"}}}))
    ran = publish(locked.host, "0.2.0", "-o", "json", env={"REGISTRY_AUTH_FILE": str(tmp_path / "auth.json")})
    assert (ran.error(5)["code"], "wrong-one" in ran.out + ran.err) == ("registry-login", False)


def test_over_tls_with_an_authority_of_its_own(start: Any, publish: Publish, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "authority").mkdir()
    authority = Authority(tmp_path / "authority").make()
    registry = start(tls=authority.tls)
    proxy = Proxy(registry.port)  # which knows the name, as /etc/hosts would
    through = {"HTTPS_PROXY": f"http://127.0.0.1:{proxy.port}"}
    trusted = publish(NAME, "0.1.0", "-o", "json", env={**through, "SSL_CERT_FILE": str(authority.ca)})
    assert trusted.code == 0, trusted
    refused = publish(NAME, "0.2.0", "-o", "json", env=through).error(5)
    assert "certificate is not trusted" in refused["message"]
