"""The start script, run for real with a stand-in for sudo and its paths moved into a temporary folder."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from rendering import CHART

from helmtool.adapters import process

SCRIPT = CHART / "files" / "setup-certs-and-run.sh"
SUDO = '#!/bin/sh\nexec "$@"\n'
RUN = "echo runs in $PWD as child of $PPID\nexit 7\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The container's file system: certificates of the host, the application, its run.sh and a sudo that only runs."""
    for folder in ("host/etc/grid-security", "etc", "home/cmsusr/dqmgui", "bin"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "home/cmsusr/run.sh").write_text(RUN)
    (tmp_path / "bin/sudo").write_text(SUDO)
    (tmp_path / "bin/sudo").chmod(stat.S_IRWXU)
    text = SCRIPT.read_text(encoding="utf-8")
    for path in ("/host/etc", "/home/cmsusr"):
        text = text.replace(path, f"{tmp_path}{path}")
    (tmp_path / "script.sh").write_text(text.replace("target_dir=/etc", f"target_dir={tmp_path}/etc"))
    return tmp_path


def start(root: Path) -> process.Completed:
    environment = {**os.environ, "PATH": f"{root}/bin:{os.environ['PATH']}"}
    return process.run(["/bin/bash", str(root / "script.sh")], env=environment, timeout=30)


def test_certificates_are_copied_before_the_service_starts(root: Path) -> None:
    (root / "host/etc/grid-security/hostcert.pem").write_text("certificate")
    done = start(root)
    assert (root / "etc/grid-security/hostcert.pem").read_text() == "certificate"
    assert f"runs in {root}/home/cmsusr/dqmgui" in done.stdout.decode()
    assert done.returncode == 7


def test_a_subfolder_does_not_stop_the_start(root: Path) -> None:
    (root / "host/etc/grid-security/certificates").mkdir()
    (root / "host/etc/grid-security/host key.pem").write_text("key")
    done = start(root)
    assert "not a file, not copied" in done.stdout.decode()
    assert (root / "etc/grid-security/host key.pem").is_file()
    assert done.returncode == 7


def test_an_empty_folder_does_not_stop_the_start(root: Path) -> None:
    assert start(root).returncode == 7


def test_a_failed_copy_is_reported_and_does_not_stop_the_start(root: Path) -> None:
    (root / "host/etc/grid-security/hostcert.pem").write_text("certificate")
    (root / "etc/grid-security").write_text("not a folder")
    done = start(root)
    assert "WARNING not copied" in done.stderr.decode()
    assert done.returncode == 7


def test_a_missing_application_is_said_and_ends_the_start(root: Path) -> None:
    (root / "home/cmsusr/dqmgui").rmdir()
    done = start(root)
    assert done.returncode == 1
    assert "does a volume hide it?" in done.stderr.decode()


def test_the_service_takes_the_place_of_the_script(root: Path) -> None:
    (root / "home/cmsusr/run.sh").write_text("echo $$ > pid\n")
    (root / "bin/bash").write_text('#!/bin/sh\nexec /bin/bash "$@"\n')
    (root / "bin/bash").chmod(stat.S_IRWXU)
    (root / "script.sh").write_text("echo $$ > " + str(root / "first") + "\n" + (root / "script.sh").read_text())
    start(root)
    assert (root / "home/cmsusr/dqmgui/pid").read_text() == (root / "first").read_text()
