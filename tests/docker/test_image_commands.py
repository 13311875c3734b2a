"""image build, push and run with a real docker and a real registry."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from checkout import BASE, TODAY, Checkout, docker
from images import AUTH, HTPASSWD, RealRegistry, digest
from meddler import Meddler, status_for
from pod import free_port, get, wait_for

TAG = f"{TODAY}a"
STEP_SECONDS = 31
PERL = (
    "$|=1; $SIG{TERM}=sub{print qq(told to stop\\n); exit 0};"
    " $s=IO::Socket::INET->new(Listen=>5,LocalPort=>8889,ReuseAddr=>1); print qq(up\\n);"
    " while(1){ $c=$s->accept or next; <$c>; print $c qq(HTTP/1.0 200 OK\\r\\n\\r\\nserved\\n); close $c }"
)
WEB = f'CMD ["perl", "-MIO::Socket", "-e", "{PERL}"]'
"""A server of one line: the base has perl and nothing else."""


def test_the_image_from_build_to_restore(
    checkout: Checkout, registry: RealRegistry, start: Callable[..., RealRegistry], tmp_path: Path
) -> None:
    """The whole way with the real Dockerfile: built, run, stopped, pushed, kept, restored elsewhere, pulled."""
    arguments = ["--base-image", BASE, "--source", "stand-in", "-o", "json"]
    built = checkout.run("build", TAG, *arguments, timeout=1500)
    assert built.code == 0, built.err[-3000:]
    document = built.document
    assert document["revision"] == checkout.git("rev-parse", "HEAD")
    labels = json.loads(docker("image", "inspect", document["image"]).stdout)[0]["Config"]["Labels"]
    assert labels["org.opencontainers.image.revision"] == document["revision"]
    assert labels["org.opencontainers.image.created"] == document["created"]
    assert labels["org.opencontainers.image.source"] == "https://example.org/dqm/helmtool.git"
    said = [json.loads(line) for line in built.err.splitlines()]
    assert any(line["step"] == "docker" and line["text"].startswith(("Step", "#")) for line in said)
    assert "s3cret" not in built.out + built.err

    port = free_port()
    with checkout.start("run", TAG, "--port", str(port)) as running:
        assert running.stdout
        assert running.stdout.readline() == f"http://localhost:{port}/\n"
        assert "DQM GUI (stand-in)" in get(port)
        assert f"newdqmgui-{port}" in checkout.containers()
        running.send_signal(signal.SIGINT)
        _, err = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "INFO the server has stopped (0)" in err
    assert f"newdqmgui-{port}" not in checkout.containers()

    pushed = checkout.run("push", TAG, "-o", "json").document
    assert (pushed["written"], pushed["digest"]) == (True, digest(registry.read(TAG)))
    file, other = tmp_path / "kept.tar", start()
    assert checkout.run("backup", TAG, "--to", str(file)).code == 0
    with (checkout.root / "values/prod.yaml").open("a") as values:
        values.write("# elsewhere\n")
    moved = Checkout(checkout.root, checkout.home, other.host)
    text = (checkout.root / "values/prod.yaml").read_text()
    (checkout.root / "values/prod.yaml").write_text(text.replace(checkout.repository, moved.repository))
    restored = moved.run("restore", str(file), "--from-other", "-o", "json").document
    assert restored["digest"] == pushed["digest"]
    docker("pull", f"{moved.repository}@{pushed['digest']}", timeout=120)
    assert docker("image", "inspect", "--format", "{{.Id}}", f"{moved.repository}@{pushed['digest']}").stdout.strip() == document["id"]
    docker("rmi", f"{moved.repository}@{pushed['digest']}", check=False)


@pytest.mark.parametrize(
    ("arguments", "code", "error"),
    [
        ([TAG + "-stable"], 4, "stable-not-built"),
        (["HG0101a" if TODAY != "HG0101" else "HG0201a"], 4, "tag-not-today"),
        (["HG3201a"], 3, "invalid-tag"),
        ([TAG, "--source", "https://me:s3cret@example.org/x.git"], 3, "invalid-source"),
        ([TAG, "--base-image", "--privileged"], 3, "invalid-source"),
        ([TAG, "--env", "nowhere"], 3, "unknown-environment"),
    ],
)
def test_a_build_that_is_refused_before_docker(checkout: Checkout, arguments: list[str], code: int, error: str) -> None:
    found = checkout.run("build", *arguments, "-o", "json", PATH="/nowhere").error(code)
    assert found["code"] == error
    assert "s3cret" not in json.dumps(found)


def test_a_tree_that_is_not_committed(checkout: Checkout) -> None:
    checkout.dockerfile("RUN true")
    (checkout.root / "docker/newdqmgui/run.sh").write_text("changed")
    assert checkout.run("build", TAG, "-o", "json").error(4)["code"] == "dirty-tree"
    built = checkout.run("build", TAG, "--allow-dirty", "--allow-small", "-o", "json").document
    assert built["revision"] == f"{checkout.git('rev-parse', 'HEAD')}-dirty"
    shutil.rmtree(checkout.root / ".git")
    assert checkout.run("build", TAG, "-o", "json", GIT_CEILING_DIRECTORIES="/").error(4)["code"] == "dirty-tree"


@pytest.mark.parametrize("name", [TAG, f"{TAG}-stable"])
def test_a_tag_that_the_registry_has_is_not_built(checkout: Checkout, registry: RealRegistry, name: str) -> None:
    checkout.dockerfile("RUN true")
    there = registry.push(name)
    found = checkout.run("build", TAG, "-o", "json").error(4)
    assert (found["code"], found["hint"]) == ("tag-taken", f"helmtool image build {TODAY}b")
    assert there in found["message"]
    assert checkout.run("build", f"{TODAY}b").code == 0
    assert checkout.run("build", "HG0101z", "--any-day", "--offline").code == 0


def test_without_docker_or_its_daemon(checkout: Checkout, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/git").symlink_to(shutil.which("git") or "")
    checkout.small_image(TAG)
    for command in ("build", "push", "run"):
        assert checkout.run(command, TAG, "-o", "json", PATH=str(tmp_path / "bin")).error(3)["code"] == "docker-missing"
        found = checkout.run(command, TAG, "-o", "json", DOCKER_HOST=f"unix://{tmp_path}/none.sock").error(5)
        assert found["code"] == "docker-unreachable"
        assert "none.sock" in found["message"]


@pytest.mark.parametrize(
    ("step", "error", "says"),
    [
        ("RUN echo the compiler says no; exit 3", "build-failed", "the compiler says no"),
        ("RUN dd if=/dev/zero of=/dev/shm/x bs=1M count=4096", "disk-full", "No space left on device"),
        ("RUN perl -e 'kill 9, $$'; exit $?", "build-failed", "want of memory"),
        ("NONSENSE", "build-failed", "NONSENSE"),
    ],
    ids=["fails", "disk", "killed", "nonsense"],
)
def test_a_build_that_fails(checkout: Checkout, step: str, error: str, says: str) -> None:
    checkout.dockerfile(step)
    found = checkout.run("build", TAG, "-o", "json").error(1)
    assert found["code"] == error
    assert says in json.dumps(found)
    assert docker("images", "-q", f"{checkout.repository}:{TAG}").stdout == ""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_build_that_is_ended(checkout: Checkout, number: signal.Signals) -> None:
    checkout.dockerfile(f"RUN sleep {STEP_SECONDS}.{checkout.host[-5:]}")
    with checkout.start("build", TAG, "-o", "json") as building:
        wait_for("the step runs", lambda: building.poll() is not None or step_runs(checkout), 60)
        building.send_signal(number)
        out, err = building.communicate(timeout=30)
    assert (building.returncode, json.loads(out)["error"]["code"]) == (130, "interrupted"), err
    wait_for("the step is ended", lambda: not step_runs(checkout), 20)


def step_runs(checkout: Checkout) -> bool:
    """Whether a process of this machine is the step; not every builder shows its containers."""
    wanted = f"sleep\0{STEP_SECONDS}.{checkout.host[-5:]}\0".encode()
    return any(wanted in command_line(file) for file in Path("/proc").glob("[0-9]*/cmdline"))


def command_line(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:  # it has ended meanwhile
        return b""


def test_quiet_says_nothing_but_the_name(checkout: Checkout) -> None:
    checkout.dockerfile("RUN true")
    ran = checkout.run("-q", "build", TAG)
    assert (ran.code, ran.out, ran.err) == (0, f"{checkout.repository}:{TAG}\n", "")


def test_push_never_overwrites(checkout: Checkout, registry: RealRegistry) -> None:
    checkout.small_image(TAG)
    first = checkout.run("push", TAG, "-o", "json").document
    again = checkout.run("push", TAG, "-o", "json").document
    assert (first["digest"], first["written"]) == (digest(registry.read(TAG)), True)
    assert (again["digest"], again["written"]) == (first["digest"], False)
    checkout.small_image(TAG, "another")
    found = checkout.run("push", TAG, "-o", "json").error(4)
    assert found["code"] == "tag-taken"
    assert f"{TODAY}b is free: docker tag {checkout.repository}:{TAG} {checkout.repository}:{TODAY}b" in found["hint"]
    assert digest(registry.read(TAG)) == first["digest"]


def test_what_cannot_be_pushed(checkout: Checkout) -> None:
    assert checkout.run("push", f"{TAG}-stable", "-o", "json").error(4)["code"] == "stable-not-built"
    assert checkout.run("push", f"{TODAY}q", "-o", "json").error(3)["code"] == "image-missing"


@pytest.fixture
def overtaking_docker(registry: RealRegistry, tmp_path: Path) -> str:
    """A docker that is the real one; but right after a push, somebody else pushes another image under the same tag."""
    other = registry.push("HG0101a")
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "other").write_bytes(registry.read(other))
    url = f"http://{registry.host}/v2/cmsweb/newdqmgui/manifests/{TAG}"
    (folder / "docker").write_text(
        f"""#!{sys.executable}
import subprocess, sys, urllib.request
done = subprocess.run([{shutil.which("docker")!r}, *sys.argv[1:]])
if sys.argv[1] == "push" and done.returncode == 0:
    content = open({str(folder / "other")!r}, "rb").read()
    headers = {{"Content-Type": "application/vnd.oci.image.manifest.v1+json"}}
    urllib.request.urlopen(urllib.request.Request({url!r}, content, headers, method="PUT"))
sys.exit(done.returncode)
"""
    )
    (folder / "docker").chmod(0o755)
    return str(folder)


def test_who_is_overtaken_is_told_the_next_tag(checkout: Checkout, registry: RealRegistry, overtaking_docker: str) -> None:
    checkout.small_image(TAG)
    found = checkout.run("push", TAG, "-o", "json", PATH=f"{overtaking_docker}:{checkout.environment()['PATH']}").error(1)
    assert found["code"] == "tag-lost"
    assert digest(registry.read(TAG)) in found["message"]
    assert f"{TODAY}b is free" in found["hint"]


def test_of_two_who_push_at_once_one_is_told(checkout: Checkout, registry: RealRegistry) -> None:
    """The name is given to another image between the two starts. Whoever is told that it worked, it is true at that moment and after."""
    checkout.small_image(TAG, "one")
    first = checkout.start("push", TAG, "-o", "json")
    checkout.small_image(TAG, "two")
    second = checkout.start("push", TAG, "-o", "json")
    results = []
    for child in (first, second):
        out, _ = child.communicate(timeout=60)
        results.append((child.returncode, json.loads(out)))
    there = digest(registry.read(TAG))
    done = [document for code, document in results if code == 0]
    assert all(document["digest"] == there for document in done)
    for code, document in results:
        assert code == 0 or (document["error"]["code"] in ("tag-lost", "tag-taken") and f"{TODAY}b" in document["error"]["hint"])


@pytest.fixture
def locked(start: Callable[..., RealRegistry], tmp_path: Path) -> RealRegistry:
    (tmp_path / "htpasswd").write_text(f"{HTPASSWD}\n")
    extra = {"auth": {"htpasswd": {"realm": "test", "path": str(tmp_path / "htpasswd")}}}
    return start(extra=extra, authorization=f"Basic {AUTH}")


def moved(checkout: Checkout, host: str) -> Checkout:
    """The same checkout with its image.repository at another host."""
    other = Checkout(checkout.root, checkout.home, host)
    values = checkout.root / "values/prod.yaml"
    values.write_text(values.read_text().replace(checkout.repository, other.repository))
    return other


def test_a_login_that_is_missing_or_there(checkout: Checkout, locked: RealRegistry, tmp_path: Path) -> None:
    private = moved(checkout, locked.host)
    private.small_image(TAG)
    file, folder = tmp_path / "auth.json", tmp_path / "docker-config"
    folder.mkdir()
    for content, place in (
        (json.dumps({"auths": {}}), folder / "config.json"),
        (json.dumps({"auths": {locked.host: {"auth": AUTH}}}), file),
    ):
        place.write_text(content)
    nobody = private.run("push", TAG, "-o", "json", DOCKER_CONFIG=str(folder))
    helmtool_alone = private.run("push", TAG, "-o", "json", DOCKER_CONFIG=str(folder), REGISTRY_AUTH_FILE=str(file))
    for ran in (nobody, helmtool_alone):
        found = ran.error(5)
        assert found["code"] == "registry-login"
        assert "CLI secret" in found["hint"]
        assert f"docker login {locked.host}" in found["hint"]
    assert not locked.has(TAG)
    shutil.copy(file, folder / "config.json")
    logged_in = private.run("-vv", "push", TAG, DOCKER_CONFIG=str(folder))
    assert logged_in.code == 0, logged_in.err
    assert locked.has(TAG)
    for ran in (nobody, helmtool_alone, logged_in):
        assert AUTH not in ran.out + ran.err
        assert "swordfish" not in ran.out + ran.err
    private.clear()


@pytest.fixture
def way(registry: RealRegistry) -> Iterator[Any]:
    made = Meddler(registry.host)
    yield made
    made.stop()


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [(401, 5, "registry-login"), (403, 5, "registry-login"), (404, 1, "docker-failed"), (500, 5, "registry-failed")],
)
def test_a_registry_that_refuses_the_tag(checkout: Checkout, registry: RealRegistry, way: Any, status: int, code: int, error: str) -> None:
    behind = moved(checkout, way.host)
    behind.small_image(TAG)
    way.before = status_for("PUT", "/manifests/", status)
    assert behind.run("push", TAG, "-o", "json").error(code)["code"] == error
    assert not registry.has(TAG)
    behind.clear()


def test_a_registry_that_is_not_there(checkout: Checkout) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{nobody.getsockname()[1]}"
    away = moved(checkout, host)
    away.small_image(TAG)
    assert away.run("push", TAG, "-o", "json").error(5)["code"] == "registry-unreachable"
    away.clear()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_run_stops_cleanly(checkout: Checkout, number: signal.Signals) -> None:
    checkout.dockerfile(WEB)
    assert checkout.run("build", TAG).code == 0
    port = free_port()
    with checkout.start("run", TAG, "--port", str(port), "-o", "json") as running:
        assert running.stdout
        read = "".join(iter(running.stdout.readline, "}\n")) + "}"
        assert json.loads(read)["address"] == f"http://localhost:{port}/"
        assert get(port) == "served\n"
        running.send_signal(number)
        out, err = running.communicate(timeout=60)
    assert (running.returncode, out) == (130, "")
    assert '"text": "up"' in err  # beside the one document; what comes after it are plain lines
    assert "told to stop" in err.splitlines()
    assert "its container is gone" in err
    assert f"newdqmgui-{port}" not in checkout.containers()


def test_run_ended_from_outside_is_no_failure_and_a_second_one_is_refused(checkout: Checkout) -> None:
    checkout.dockerfile(WEB)
    assert checkout.run("build", TAG).code == 0
    port = free_port()
    with checkout.start("run", TAG, "--port", str(port)) as running:
        assert running.stdout
        running.stdout.readline()
        assert checkout.run("run", TAG, "--port", str(port), "-o", "json").error(3)["code"] == "port-taken"
        docker("stop", f"newdqmgui-{port}")
        running.communicate(timeout=30)
    assert running.returncode == 0
    assert f"newdqmgui-{port}" not in checkout.containers()


def test_run_on_a_port_that_is_in_use(checkout: Checkout) -> None:
    checkout.small_image(TAG, cmd='CMD ["/file"]')
    with socket.socket() as other:
        other.bind(("0.0.0.0", 0))
        other.listen()
        port = other.getsockname()[1]
        found = checkout.run("run", TAG, "--port", str(port), "-o", "json").error(3)
    assert found["code"] == "port-taken"
    assert f"--port {port + 1}" in found["hint"]
    assert f"newdqmgui-{port}" not in checkout.containers()


@pytest.mark.parametrize(
    ("step", "patience", "says"),
    [
        ("CMD echo no keytab; exit 4", "30s", ("ended by itself with 4", "no keytab")),
        ('CMD ["/none"]', "30s", ("docker cannot run", "/none")),
        ("CMD exec perl -e '$SIG{TERM}=sub{exit}; sleep 300'", "2s", ("nothing answers", "--timeout")),
    ],
    ids=["ends", "no-program", "never-answers"],
)
def test_a_container_that_does_not_serve(checkout: Checkout, step: str, patience: str, says: tuple[str, str]) -> None:
    checkout.dockerfile(step)
    assert checkout.run("build", TAG).code == 0
    port = free_port()
    found = checkout.run("run", TAG, "--port", str(port), "--timeout", patience, "-o", "json").error(1)
    assert found["code"] == "container-failed"
    for words in says:
        assert words in json.dumps(found)
    assert f"newdqmgui-{port}" not in checkout.containers()


def test_run_of_an_image_that_is_nowhere(checkout: Checkout) -> None:
    found = checkout.run("run", f"{TODAY}q", "--port", str(free_port()), "-o", "json").error(1)
    assert found["code"] == "container-failed"
