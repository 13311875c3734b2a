"""A Kerberos ticket in a pod with EOS: a real KDC, a keytab in a version of the secret, and what a new keytab brings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cli import Helmtool
from encrypted import Checkout, make_checkout
from images import RealRegistry
from node import Node, gateway, wait_for
from pod import free_port
from pod import need as need_programs
from pushing import add_layer
from realm import REALM, Realm

TAG = "HG0805a"
PRINCIPAL = f"cmsdqm@{REALM}"
LIST_TICKETS = "klist -c /tmp/krb5cc_0"


@pytest.fixture
def realm(tmp_path: Path) -> Iterator[Realm]:
    """A realm that pods reach, and no other machine."""
    need_programs("krb5kdc", "kdb5_util", "kadmin.local")
    made = Realm(tmp_path / "realm", free_port(), gateway())
    made.folder.mkdir()
    made.make()
    yield made
    made.stop()


@pytest.fixture
def image(registry: RealRegistry, realm: Realm) -> str:
    """The tag of an image that knows the realm."""
    add_layer(registry, TAG, "etc/krb5.conf", (realm.folder / "krb5.conf").read_bytes())
    return TAG


@pytest.fixture
def keytab(realm: Realm, tmp_path: Path) -> Callable[[], bytes]:
    """Makes a new key of the principal, which ends the earlier one; gives its keytab."""

    def make() -> bytes:
        file = tmp_path / "new.keytab"
        file.unlink(missing_ok=True)
        return realm.keytab("cmsdqm", file).read_bytes()

    return make


@pytest.fixture
def secrets(tmp_path: Path) -> Checkout:
    return make_checkout(tmp_path / "secrets")


def secret_of(node: Node) -> str:
    volumes = node.pod()["spec"]["volumes"]
    return str(next(volume["secret"]["secretName"] for volume in volumes if volume["name"] == "secrets"))


def test_a_keytab_becomes_a_ticket_and_a_new_one_a_new_pod(
    serving: Helmtool, node: Node, realm: Realm, image: str, keytab: Callable[[], bytes], secrets: Checkout
) -> None:
    """With EOS mounted the start fails without a ticket, so a pod that is ready has one."""
    secrets.put({"dqm.keytab": keytab(), "note": b"first"})
    options = (image, *secrets.options, "--set", "eos.enabled=true", "--timeout", "3m")
    serving("release", "kind", *options)
    first, version = node.pod(), secret_of(node)
    assert f"Default principal: {PRINCIPAL}" in node.inside(first, LIST_TICKETS).stdout
    assert f"krbtgt/{REALM}@{REALM}" in node.inside(first, LIST_TICKETS).stdout
    assert "ISSUE: authtime" in realm.log
    assert f"{PRINCIPAL} for krbtgt" in realm.log
    assert "kept fresh by process" in node.kubectl("logs", first["metadata"]["name"])

    see_eos(node)

    serving("release", "kind", *options)
    assert (node.pod()["metadata"]["uid"], secret_of(node)) == (first["metadata"]["uid"], version)
    assert node.pod()["status"]["containerStatuses"][0]["restartCount"] == 0

    secrets.put({"dqm.keytab": keytab(), "note": b"second"})
    serving("release", "kind", *options, "--no-verify")
    second = node.pod()
    assert second["metadata"]["uid"] != first["metadata"]["uid"]
    assert secret_of(node) != version
    assert node.kubectl("exec", second["metadata"]["name"], "--", "cat", "/etc/secrets/note") == "second"
    assert f"Default principal: {PRINCIPAL}" in node.inside(second, LIST_TICKETS).stdout


def see_eos(node: Node) -> None:
    """EOS is there to read, and what the node mounts below it later is seen too."""
    pod = node.pod()
    for path in ("/eos", "/tmp/krb"):
        assert "Read-only file system" in node.inside(pod, f"touch {path}/written").stderr
    try:
        node.run("sh", "-c", "mkdir -p /var/eos/cms && mount -t tmpfs tmpfs /var/eos/cms && echo late >/var/eos/cms/file")
        wait_for("the pod sees it", lambda: node.inside(pod, "cat /eos/cms/file").stdout == "late\n", 10)
    finally:
        node.run("umount", "/var/eos/cms", check=False)
    wait_for("the pod sees that it is gone", lambda: node.inside(pod, "cat /eos/cms/file").returncode != 0, 10)
