"""The Dockerfile built and run by a real docker, on Debian, with the stand-in as the service."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from checkout import build_image, docker
from pod import get, wait_for


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> str:
    return build_image(tmp_path_factory.mktemp("context") / "newdqmgui")


@pytest.fixture
def container(image: str) -> Iterator[str]:
    name = docker("run", "-d", "-P", image).stdout.strip()
    yield name
    docker("rm", "-f", name)


def test_labels_and_user(image: str) -> None:
    config = json.loads(docker("image", "inspect", image).stdout)[0]["Config"]
    assert config["User"] == "1000:1000"
    assert config["Labels"]["org.opencontainers.image.revision"] == "0123abc"
    assert config["Labels"]["org.opencontainers.image.created"] == "2026-05-01T00:00:00Z"
    assert config["Labels"]["org.opencontainers.image.source"] == "https://example.org/source"
    assert set(config["ExposedPorts"]) == {"8889/tcp", "18889/tcp"}


def test_no_secret_and_no_context_in_the_image(image: str) -> None:
    found = docker(
        "run", "--rm", "--entrypoint", "find", image, "/home/cmsusr", "/opt/image", "-name", "*.keytab", "-o", "-name", "context"
    ).stdout
    assert not found.strip()


def test_it_serves_and_stops(container: str) -> None:
    port = int(docker("port", container, "8889/tcp").stdout.splitlines()[0].rsplit(":", 1)[1])
    wait_for("the server answers", lambda: get(port), 60)
    metrics = int(docker("port", container, "18889/tcp").stdout.splitlines()[0].rsplit(":", 1)[1])
    assert "stand_in_samples" in get(metrics, "/metrics")
    docker("stop", "--time", "30", container)
    assert docker("inspect", "--format", "{{.State.ExitCode}}", container).stdout.strip() == "0"
    assert "INFO the server has stopped (0)" in docker("logs", container).stdout


def test_a_second_container_of_one_volume_is_refused(image: str) -> None:
    volume = docker("volume", "create").stdout.strip()
    mount = f"{volume}:/home/cmsusr/dqmgui/data"
    first = docker("run", "-d", "-P", "-v", mount, image).stdout.strip()
    try:
        port = int(docker("port", first, "8889/tcp").stdout.splitlines()[0].rsplit(":", 1)[1])
        wait_for("the first answers", lambda: get(port), 60)
        second = docker("run", "--rm", "-e", "DQMGUI_LOCK_SECONDS=1", "-v", mount, image, check=False)
        assert second.returncode == 1
        assert "/home/cmsusr/dqmgui/data is in use" in second.stderr
    finally:
        docker("rm", "-f", first)
        docker("volume", "rm", volume)
