"""helmtool tools: the installed program, this machine's own programs as releases, and a server that gives them."""

from __future__ import annotations

import datetime
import ipaddress
import os
import shutil
import signal
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from releases import Mirror, packed, pin, wait_for
from wheels import ROOT, Installed, toolbox_folder

from helmtool.adapters import toolbox

sys.path.append(str(ROOT / "tests/unit/tools"))

from test_build import FAKE_GO

PROGRAMS = ("helm", "sops", "age-keygen")


@pytest.fixture(scope="session")
def files(program: Path) -> dict[str, bytes]:
    """The releases, whose digests the installed program now takes for the pinned ones."""
    data = next(program.parents[1].glob("lib/python*/site-packages/helmtool/adapters/data/releases.json"))
    return pin(data, {name: packed(name) for name in PROGRAMS})


@pytest.fixture
def mirror(files: dict[str, bytes]) -> Iterator[Mirror]:
    made = Mirror(dict(files))
    server = made.start()
    yield made
    server.shutdown()
    server.server_close()


@pytest.fixture
def bare(installed: Installed, tmp_path: Path) -> Installed:
    """A machine without any of the programs, and without Go."""
    (tmp_path / "bin").mkdir()
    for name in ("sh", "sleep", "chmod", "mv"):
        (tmp_path / "bin" / name).symlink_to(Path("/bin") / name)
    variables = {**installed.variables, "PATH": str(tmp_path / "bin"), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    return replace(installed, variables=variables)


def tools(machine: Installed) -> Path:
    return Path(machine.variables["XDG_CACHE_HOME"]) / "helmtool/tools"


def left(machine: Installed) -> list[str]:
    """What is in the folder of the programs, the lock aside."""
    folder = tools(machine)
    return sorted(path.name for path in folder.iterdir() if path.name != ".lock") if folder.exists() else []


def add(machine: Installed, name: str, text: str) -> Path:
    path = Path(machine.variables["PATH"]) / name
    path.write_text(text)
    path.chmod(0o755)
    return path


def test_status_of_a_bare_machine(bare: Installed) -> None:
    ran = bare.run("tools", "status")
    assert (ran.code, ran.err) == (1, "next: helmtool tools install\n")
    lines = ran.out.splitlines()
    assert [line.split()[:3] for line in lines[1:]] == [[name, "no", "none"] for name in PROGRAMS]
    assert max(map(len, lines)) <= 80
    document = bare.run("tools", "status", "-o", "json").document
    assert document[0] == {"program": "helm", "wanted": ">= 4.1 and < 5, not 4.2.1", "version": "", "path": "", "place": "", "fits": False}


def test_status_tells_what_does_not_fit(bare: Installed) -> None:
    path = add(bare, "helm", "#!/bin/sh\necho v3.14.0\n")
    fitting = add(bare, "sops", "#!/bin/sh\necho sops 3.11.0\n")
    helm, sops, _ = bare.run("tools", "status", "-o", "json").document
    assert (helm["fits"], helm["version"], helm["path"], helm["place"]) == (False, "3.14.0", str(path), "PATH")
    assert (sops["fits"], sops["version"], sops["path"], sops["place"]) == (True, "3.11.0", str(fitting), "PATH")


def test_what_lacks_helm_leads_here(bare: Installed) -> None:
    for command in (("validate",), ("validate", "prod"), ("render", "prod")):
        assert "helmtool tools install" in bare.fails(*command, code=3)["hint"]
    found = {each["check"]: each for each in bare.run("doctor", "-o", "json").document}
    assert {found[name]["fix"] for name in PROGRAMS} == {"helmtool tools install"}


def test_downloaded_checked_and_used(bare: Installed, mirror: Mirror) -> None:
    ran = bare.run("tools", "install", "--from", mirror.url)
    assert ran.code == 0, ran.err
    assert left(bare) == sorted(f"{name}-{toolbox.VERSIONS[name]}" for name in PROGRAMS)
    assert ran.err.count("the sha256 is the pinned one") == 3
    assert [line.split()[1] for line in ran.out.splitlines()[1:]] == ["yes"] * 3
    assert bare.run("tools", "status").out == ran.out
    assert bare.run("validate").code == 0
    again = bare.run("tools", "install", "--from", mirror.url)
    assert again.err.count("is used") == 3
    assert len(mirror.asked) == 3, "nothing is asked for twice"


def test_what_fits_on_path_is_not_brought(bare: Installed, mirror: Mirror) -> None:
    (Path(bare.variables["PATH"]) / "helm").symlink_to(toolbox.locate("helm").path)
    ran = bare.run("tools", "install", "--download", "--from", f"{mirror.url}/", "-o", "json")
    assert [(each["program"], each["place"]) for each in ran.document] == [("helm", "PATH"), ("sops", "cache"), ("age-keygen", "cache")]
    assert not [path for path in mirror.asked if "helm" in path]
    assert not [path for path in mirror.asked if "//" in path]


def test_a_redirect_is_followed(bare: Installed, mirror: Mirror) -> None:
    mirror.moved = True
    assert bare.run("tools", "install", "--from", mirror.url).code == 0


def test_another_file_than_the_pinned_one(bare: Installed, mirror: Mirror) -> None:
    name = next(file for file in mirror.files if file.startswith("helm"))
    mirror.files[name] += b"x"
    error = bare.fails(
        "tools", "install", "--from", mirror.url, code=3, says=[f"{mirror.url}/{name} is not the pinned release", "expected"]
    )
    assert error["code"] == "tool-digest"
    assert left(bare) == []


def test_what_was_brought_before_a_failure_stays(bare: Installed, mirror: Mirror) -> None:
    del mirror.files[next(file for file in mirror.files if file.startswith("sops"))]
    error = bare.fails("tools", "install", "--from", mirror.url, code=5, says=["the answer is 404", "--from URL"])
    assert error["code"] == "download-failed"
    assert left(bare) == [f"helm-{toolbox.VERSIONS['helm']}"]


def test_a_download_that_is_cut_short(bare: Installed, mirror: Mirror) -> None:
    mirror.short = True
    assert bare.fails("tools", "install", "--from", mirror.url, code=5, says=["cut short"])["code"] == "download-failed"
    assert left(bare) == []


def test_nobody_there(bare: Installed) -> None:
    assert bare.fails("tools", "install", "--from", "http://127.0.0.1:9", code=5, says=["Connection refused"])["code"] == "download-failed"
    assert left(bare) == []


@pytest.mark.parametrize("address", ["ftp://127.0.0.1", "/tmp", "file:///tmp"])
def test_an_address_that_is_none(bare: Installed, address: str) -> None:
    assert bare.fails("tools", "install", "--from", address, code=2, says=[address, "https://"])["code"] == "usage"


def test_a_place_that_cannot_be_written(bare: Installed, mirror: Mirror) -> None:
    (bare.home / "file").write_text("")
    env = {"XDG_CACHE_HOME": str(bare.home / "file")}
    error = bare.fails("tools", "install", "--from", mirror.url, code=1, says=["Not a directory", "XDG_CACHE_HOME=FOLDER"], env=env)
    assert error["code"] == "tool-not-installed"
    assert bare.fails("tools", "install", "--download", code=3, env={"XDG_CACHE_HOME": None, "HOME": None})["code"] == "no-home"


def test_no_room(bare: Installed, mirror: Mirror) -> None:
    """A limit on the size of files stands for a disk that is full: the write fails in the middle."""
    script = f"ulimit -f 1000; exec '{bare.program}' tools install --from {mirror.url} -o json"
    done = subprocess.run(["/bin/bash", "-c", script], cwd=bare.root, env=dict(bare.variables), capture_output=True, text=True, timeout=120)
    assert done.returncode == 1, done.stderr
    assert "File too large; nothing was kept" in done.stdout
    assert left(bare) == []


def test_two_at_once(bare: Installed, mirror: Mirror) -> None:
    both = threading.Barrier(2, timeout=60)
    first = True

    def hold() -> None:
        nonlocal first
        if first:
            first = False
            both.wait()

    mirror.hold = hold
    argv = [str(bare.program), "tools", "install", "--from", mirror.url]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with (
        subprocess.Popen(argv, cwd=bare.root, env=dict(bare.variables), **pipes) as one,
        subprocess.Popen(argv, cwd=bare.root, env=dict(bare.variables), **pipes) as two,
    ):
        waiting = next(line for line in _lines_of_both(one, two) if "waiting" in line)
        both.wait()
        results = [child.communicate(timeout=120) for child in (one, two)]
    assert [one.returncode, two.returncode] == [0, 0], results
    assert ".lock" in waiting
    assert len(mirror.asked) == 3
    assert left(bare) == sorted(f"{name}-{toolbox.VERSIONS[name]}" for name in PROGRAMS)


def _lines_of_both(*children: subprocess.Popen[str]) -> Iterator[str]:
    """Lines of stderr, of whichever has one; one of the two waits, and nobody knows which."""
    import selectors

    with selectors.DefaultSelector() as selector:
        for child in children:
            assert child.stderr
            selector.register(child.stderr, selectors.EVENT_READ)
        while found := selector.select(60):
            for key, _ in found:
                yield os.read(key.fd, 1 << 16).decode()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_ended_in_the_middle(bare: Installed, mirror: Mirror, number: signal.Signals) -> None:
    ended = threading.Event()
    mirror.hold = lambda: ended.wait(60) or None  # type: ignore[func-returns-value]
    argv = [str(bare.program), "tools", "install", "--from", mirror.url]
    with subprocess.Popen(argv, cwd=bare.root, env=dict(bare.variables), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        wait_for(lambda: list(tools(bare).glob(".downloading-*/download")))
        child.send_signal(number)
        child.communicate(timeout=60)
    ended.set()
    if number is not signal.SIGKILL:
        assert child.returncode == 130
        assert left(bare) == []
    mirror.hold = lambda: None
    assert bare.run("tools", "install", "--from", mirror.url).code == 0
    assert not [name for name in left(bare) if name.startswith(".")], "what a killed one left is gone"


def test_a_certificate_counts(bare: Installed, mirror: Mirror, tmp_path: Path) -> None:
    certificate(tmp_path / "server.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem")
    assert mirror.server
    mirror.server.socket = context.wrap_socket(mirror.server.socket, server_side=True)
    url = mirror.url.replace("http:", "https:")
    error = bare.fails("tools", "install", "--from", url, code=5, says=["certificate verify failed"])
    assert error["code"] == "download-failed"
    assert bare.run("tools", "install", "--from", url, env={"SSL_CERT_FILE": str(tmp_path / "server.pem")}).code == 0


def certificate(file: Path) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))


def test_without_go_nothing_is_built_or_fetched(bare: Installed) -> None:
    error = bare.fails("tools", "install", code=3, says=["Go 1.26", "there is none", "helmtool tools install --download"])
    assert error["code"] == "no-go"
    add(bare, "go", "#!/bin/sh\necho go1.20.1\n")
    bare.fails("tools", "install", code=3, says=["go is 1.20.1"])


def test_built_with_the_go_on_path(bare: Installed, tmp_path: Path) -> None:
    """The wheel's own modules and builder; the compiler is a stand-in, for the real one takes minutes."""
    add(bare, "go", FAKE_GO)
    env = {"FAKE_GO_LOG": str(tmp_path / "go.log")}
    ran = bare.run("tools", "install", env=env)
    assert ran.code == 0, ran.err
    assert "building helm, age-keygen, sops" in ran.err
    assert left(bare) == sorted(f"{name}-{toolbox.VERSIONS[name]}" for name in PROGRAMS)
    assert "helm.sh/helm/v4/cmd/helm" in (tmp_path / "go.log").read_text()


def test_a_build_that_fails(bare: Installed, tmp_path: Path) -> None:
    add(bare, "go", FAKE_GO)
    env = {"FAKE_GO_LOG": str(tmp_path / "go.log"), "FAKE_GO_FAILS": "write: no space left on device\n"}
    error = bare.fails(
        "tools", "install", code=1, says=["go build ended with 1", "no space left on device", "free some disk space"], env=env
    )
    assert error["code"] == "tool-build-failed"
    assert left(bare) == []


def test_a_build_that_cannot_write_says_how_to_go_on(bare: Installed) -> None:
    add(bare, "go", FAKE_GO)
    (bare.home / "file").write_text("")
    error = bare.fails("tools", "install", code=1, says=["Not a directory"], env={"XDG_CACHE_HOME": str(bare.home / "file")})
    assert error["hint"].endswith("XDG_CACHE_HOME=FOLDER helmtool tools install")


def test_the_checkout_builds_with_its_own_modules(bare: Installed, tmp_path: Path) -> None:
    add(bare, "go", FAKE_GO)
    env = {**bare.variables, "FAKE_GO_LOG": str(tmp_path / "go.log"), "PYTHONPATH": str(ROOT)}
    argv = [sys.executable, "-m", "helmtool", "tools", "install", "-o", "json"]
    done = subprocess.run(argv, cwd=bare.root, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert shutil.which("helm", path=str(toolbox_folder(Path(bare.variables["XDG_CACHE_HOME"]))))
