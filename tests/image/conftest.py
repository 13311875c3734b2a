"""Real parts: a Kerberos realm on loopback, and pods that run the scripts of the image as they are."""

from __future__ import annotations

import shutil
import sysconfig
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pod import STAND_IN, Pod, free_port, need
from realm import Realm


@pytest.fixture
def realm(tmp_path: Path) -> Iterator[Realm]:
    need("krb5kdc", "kadmin.local", "kdb5_util", "k5start", "klist")
    folder = tmp_path / "realm"
    folder.mkdir()
    made = Realm(folder, free_port())
    made.make()
    yield made
    made.stop()


@pytest.fixture
def make_pod(tmp_path: Path) -> Iterator[Callable[..., Pod]]:
    """Makes pods; each gets a copy of the stand-in unless it is given another pod's folder."""
    pods: list[Pod] = []

    def make(app: Path | None = None, **settings: str) -> Pod:
        folder = tmp_path / f"pod{len(pods)}"
        (folder / "secrets").mkdir(parents=True)
        (folder / "log").touch()
        if app is None:
            app = folder / "dqmgui"
            shutil.copytree(STAND_IN, app, ignore=shutil.ignore_patterns("__pycache__"))
            # Installed as install.sh would, without asking a package index in every test.
            (app / "python/.python_packages").symlink_to(sysconfig.get_path("purelib"))
        pods.append(Pod(folder, app, free_port(), settings))
        return pods[-1]

    yield make
    for pod in pods:
        pod.clear()


@pytest.fixture
def pod(make_pod: Callable[..., Pod]) -> Pod:
    return make_pod(DQMGUI_KERBEROS="off")
