"""install.sh, the chart's start script and run.sh at the very paths they have in the pod, on a throw-away copy of this machine's root.

The copy is an overlay in a mount namespace of its own, so it needs root; what is written is gone with it. A process namespace
makes the start script process 1, as in a container: a signal comes from outside, and all is over when process 1 ends.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import textwrap
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pod import CHECKOUT, IMAGE, STAND_IN, free_port, get, need, wait_for
from realm import REALM, Realm

START = CHECKOUT / "charts/newdqmgui/files/setup-certs-and-run.sh"
NAMESPACES = ["unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child"]
ENTER = """
set -euo pipefail
mount -t tmpfs -o mode=755 tmpfs "$PLACE"
mkdir "$PLACE"/upper "$PLACE"/work "$PLACE"/merged
mount -t overlay overlay -o "lowerdir=/,upperdir=$PLACE/upper,workdir=$PLACE/work" "$PLACE/merged"
mount -t proc proc "$PLACE/merged/proc"
mount --rbind /dev "$PLACE/merged/dev"
mount --bind "$SHARED" "$PLACE/merged/mnt"
rm -f "$PLACE"/merged/etc/sudoers.d/newdqmgui
exec chroot "$PLACE/merged" "$@"
"""


@dataclass
class Place:
    """A root of its own; `shared` is seen inside as /mnt."""

    folder: Path
    shared: Path

    def popen(self, script: str, **environment: str) -> subprocess.Popen[str]:
        (self.shared / "script").write_text("set -euo pipefail\n" + textwrap.dedent(script))
        command = [*NAMESPACES, "bash", "-c", ENTER, "enter", "/bin/bash", "/mnt/script"]
        own = {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "PLACE": str(self.folder),
            "SHARED": str(self.shared),
        }
        own |= {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy") or name.startswith("PIP_")}
        return subprocess.Popen(command, env=own | environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def run(self, script: str, **environment: str) -> tuple[int, str]:
        process = self.popen(script, **environment)
        output, _ = process.communicate(timeout=400)
        return process.returncode, output


@pytest.fixture
def place(tmp_path: Path) -> Place:
    need("sudo", "pgrep", "flock")
    folder, shared = tmp_path / "place", tmp_path / "shared"
    folder.mkdir()
    shared.mkdir()
    made = Place(folder, shared)
    if os.geteuid() != 0:
        pytest.skip("needs root, for a mount namespace")
    status, output = made.run("true")
    if status != 0:
        pytest.skip(f"no overlay of / can be mounted here: {output.strip()}")
    shutil.copytree(IMAGE, shared / "context")
    shutil.copytree(STAND_IN, shared / "context/stand-in", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(START, shared / "start.sh")
    return made


# What the Dockerfile does, apart from what comes from package indexes.
MAKE_IMAGE = """
rm -rf /home/cmsusr /host /etc/grid-security /opt/image
mkdir -p /opt/image
cp -R /mnt/context /opt/image/context
bash /mnt/context/install.sh user
bash /mnt/context/install.sh source stand-in
cp /mnt/context/monitor.sh /mnt/context/run.sh /home/cmsusr/
"""
# What the pod mounts. The folder of the CAs is there on every node, and must not stop the start.
MOUNT = """
mkdir -p /host/etc/grid-security/certificates /etc/secrets
echo cert > /host/etc/grid-security/hostcert.pem
echo key > /host/etc/grid-security/hostkey.pem
chmod 0400 /host/etc/grid-security/hostkey.pem
"""
POD = "exec setpriv --reuid 1000 --regid 1000 --groups 2000 /bin/bash /mnt/start.sh"


def with_packages(script: str) -> str:
    """The interpreter and the packages of the tests, where install.sh puts those of the service."""
    link = f"ln -sfn {sysconfig.get_path('purelib')} /home/cmsusr/dqmgui/python/.python_packages\n"
    return script + link + f"ln -sf {os.path.realpath(sys.executable)} /usr/local/bin/python3\n"


@pytest.fixture
def started(place: Place) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    processes: list[subprocess.Popen[str]] = []

    def start(more: str = "", **environment: str) -> subprocess.Popen[str]:
        processes.append(place.popen(with_packages(MAKE_IMAGE) + MOUNT + more + POD, **environment))
        return processes[-1]

    yield start
    for process in processes:
        if process.poll() is None:
            process.kill()
            process.communicate(timeout=30)


def stop(process: subprocess.Popen[str]) -> str:
    """As a kubelet does it: SIGTERM to process 1 of the container."""
    first = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True, check=True).stdout
    begun = time.monotonic()
    os.kill(int(first), signal.SIGTERM)
    output, _ = process.communicate(timeout=20)
    assert time.monotonic() - begun < 5
    assert process.returncode == 0, output
    return output


def serving(process: subprocess.Popen[str], port: int) -> None:
    wait_for("the server answers", lambda: get(port) or process.poll() is not None)
    if process.poll() is not None:
        pytest.fail(process.communicate()[0])


def test_the_start_script_and_run_sh_fit(started: Callable[..., subprocess.Popen[str]]) -> None:
    """As user 1000, through the real sudo with the image's own rights; SIGTERM goes all the way down."""
    port = free_port()
    process = started(DQMGUI_PORT=str(port))
    serving(process, port)
    output = stop(process)
    assert "hostcert.pem" in output
    assert "WARNING not copied" not in output
    assert "not a file, not copied: /host/etc/grid-security/certificates" in output
    assert "work directory /home/cmsusr/dqmgui/data" in output
    assert "INFO the server has stopped (0)" in output


def test_with_eos_a_ticket_is_required(started: Callable[..., subprocess.Popen[str]]) -> None:
    process = started("mkdir -p /eos; rm -f /etc/secrets/*.keytab\n", DQMGUI_PORT=str(free_port()))
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "no keytab in /etc/secrets" in output
    assert "no Kerberos ticket" in output


def test_with_eos_and_a_keytab_it_serves(started: Callable[..., subprocess.Popen[str]], realm: Realm, place: Place) -> None:
    realm.keytab("cmsdqm", place.shared / "any.keytab")
    port = free_port()
    # Root's alone, as a Secret's file can be: the ticket is got behind sudo.
    more = "mkdir -p /eos; rm -f /etc/secrets/*; cp /mnt/any.keytab /etc/secrets/; chmod 0400 /etc/secrets/any.keytab\n"
    process = started(more, DQMGUI_PORT=str(port), KRB5_CONFIG=realm.environment["KRB5_CONFIG"], KRB5CCNAME="FILE:/mnt/ticket")
    serving(process, port)
    shown = subprocess.run(["klist", "-c", str(place.shared / "ticket")], capture_output=True, text=True, check=False).stdout
    assert f"cmsdqm@{REALM}" in shown
    stop(process)


@pytest.mark.parametrize(
    "command",
    ["cat /etc/shadow", "bash /tmp/run.sh", "bash /home/cmsusr/run.sh -c id", "cp -- /etc/shadow /tmp/", "bash -c id"],
)
def test_sudo_allows_only_what_the_start_script_needs(place: Place, command: str) -> None:
    status, output = place.run(MAKE_IMAGE + f"setpriv --reuid 1000 --regid 1000 --clear-groups sudo -n {command}\n")
    assert status != 0
    assert "a password is required" in output or "not allowed" in output


# --- install.sh


def test_a_folder_becomes_the_service(place: Place) -> None:
    status, output = place.run(MAKE_IMAGE + "find /home/cmsusr -type f\n")
    assert status == 0, output
    assert "/home/cmsusr/dqmgui/scripts/dqmgui.sh" in output
    assert "/home/cmsusr/run.sh" in output


@pytest.mark.parametrize("reference", ["", "#v1", "#COMMIT"])
def test_a_git_url_becomes_the_service_at_the_wanted_revision(place: Place, reference: str) -> None:
    repository = place.shared / "repository"
    shutil.copytree(STAND_IN, repository, ignore=shutil.ignore_patterns("__pycache__"))
    git = ["git", "-C", str(repository), "-c", "user.name=t", "-c", "user.email=t@example.org"]
    for command in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-qm", "one"], ["tag", "v1"]):
        subprocess.run([*git, *command], check=True)
    first = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "two"], check=True)
    second = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
    source = f"file:///mnt/repository{reference.replace('COMMIT', first)}"
    script = f"""
    rm -rf /home/cmsusr/dqmgui
    bash /mnt/context/install.sh source '{source}'
    cat /home/cmsusr/dqmgui/REVISION
    test ! -e /home/cmsusr/dqmgui/.git
    """
    status, output = place.run(script)
    assert status == 0, output
    assert output.strip() == (first if reference else second)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("https://someone:pw@git.example.org/dqmgui.git", "holds a user name or a password"),
        ("nowhere", "neither a URL nor a folder of the build context: nowhere"),
        ("../etc", "neither a URL nor a folder"),
        ("/etc", "neither a URL nor a folder"),
        ("stand-in/frontend", "the source of the service has no scripts/build.sh"),
        ("file:///mnt/no-repository", "no-repository"),
    ],
)
def test_a_source_that_is_refused(place: Place, source: str, said: str) -> None:
    script = f"mkdir -p /opt/image; cp -R /mnt/context /opt/image/context; bash /mnt/context/install.sh source '{source}'\n"
    status, output = place.run(script)
    assert status != 0
    assert said in output
    assert "pw" not in output.replace("password", "")


def test_the_user_is_made_where_the_base_has_none(place: Place) -> None:
    script = """
    sed -i '/:1000:/d' /etc/passwd /etc/group
    bash /mnt/context/install.sh user
    bash /mnt/context/install.sh user
    getent passwd 1000
    """
    status, output = place.run(script)
    assert status == 0, output
    assert output.strip().endswith("_cmsusr:x:1000:1000::/home/cmsusr:/bin/bash")


def test_the_whole_installation_on_debian(place: Place) -> None:
    """With the packages of the distribution and the package index, as the image is made; then the service answers."""
    need("apt-get")
    port = free_port()
    script = MAKE_IMAGE + "bash /mnt/context/install.sh packages\nbash /mnt/context/install.sh requirements /usr/bin/python3\n" + MOUNT
    process = place.popen(
        script + "ln -sf /usr/bin/python3 /usr/local/bin/python3\necho installed > /mnt/state\n" + POD, DQMGUI_PORT=str(port)
    )
    try:
        wait_for("the packages are there", lambda: (place.shared / "state").exists() or process.poll() is not None, 300)
        serving(process, port)
        stop(process)
    finally:
        process.kill()
        process.communicate()


def test_a_package_that_is_not_there_ends_the_installation(place: Place) -> None:
    need("apt-get")
    script = "rm -rf /etc/apt/sources.list* /var/lib/apt/lists/*\nbash /mnt/context/install.sh packages\necho went on\n"
    status, output = place.run(script)
    assert status != 0
    assert "Unable to locate package" in output
    assert "went on" not in output
