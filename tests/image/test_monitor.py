"""monitor.sh against a real KDC: a ticket, kept fresh, or a clear reason."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from pod import IMAGE, Pod, free_port, wait_for
from realm import REALM, Realm


@pytest.fixture
def pod(make_pod: Callable[..., Pod], realm: Realm) -> Pod:
    """A pod that knows the realm and has no keytab yet."""
    return make_pod(**realm.environment)


def tickets(pod: Pod) -> str:
    return subprocess.run(["klist"], env=pod.environment, capture_output=True, text=True, check=False).stdout


def changed(pod: Pod) -> int:
    """When the ticket was written; 0 in the moment in which k5start replaces it."""
    try:
        return pod.ticket.stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def test_gets_a_ticket_with_the_one_keytab_there_is(pod: Pod, realm: Realm) -> None:
    realm.keytab("cmsdqm", pod.secrets / "anybody.keytab")
    (pod.secrets / "something-else.conf").write_text("not a keytab")
    result = pod.monitor()
    assert result.returncode == 0, result.stderr
    assert f"cmsdqm@{REALM}" in result.stdout
    assert f"krbtgt/{REALM}@{REALM}" in tickets(pod)
    assert oct(pod.ticket.stat().st_mode)[-3:] == "600"


def test_uses_the_keytabs_own_principal(pod: Pod, realm: Realm) -> None:
    realm.keytab("dqm/some.host", pod.secrets / "cmsdqm.keytab")
    assert pod.monitor().returncode == 0
    assert f"Default principal: dqm/some.host@{REALM}" in tickets(pod)


def test_the_ticket_is_kept_fresh(pod: Pod, realm: Realm) -> None:
    realm.keytab("cmsdqm", pod.secrets / "a.keytab")
    assert pod.monitor().returncode == 0
    keeper = pod.keeper()
    assert keeper
    arguments = Path(f"/proc/{keeper}/cmdline").read_text().split("\0")
    assert arguments[arguments.index("-K") + 1] == "30"
    before = changed(pod)
    # What its clock does every 30 minutes for a ticket that is about to expire.
    os.kill(keeper, signal.SIGALRM)
    wait_for("a newer ticket", lambda: changed(pod) > before)
    assert subprocess.run(["klist", "-s"], env=pod.environment, check=False).returncode == 0


def test_the_keeper_heals_when_the_kdc_comes_back(pod: Pod, realm: Realm) -> None:
    realm.keytab("cmsdqm", pod.secrets / "a.keytab")
    assert pod.monitor().returncode == 0
    keeper = pod.keeper()
    assert keeper
    realm.stop()
    before = changed(pod)
    os.kill(keeper, signal.SIGALRM)
    time.sleep(1)
    assert changed(pod) == before
    assert pod.keeper() == keeper
    realm.start()
    os.kill(keeper, signal.SIGALRM)
    wait_for("a newer ticket", lambda: changed(pod) > before)


def test_a_second_call_leaves_one_keeper(pod: Pod, realm: Realm) -> None:
    realm.keytab("cmsdqm", pod.secrets / "a.keytab")
    assert pod.monitor().returncode == 0
    first = pod.keeper()
    assert pod.monitor().returncode == 0
    assert pod.keeper() not in (None, first)
    wait_for("the first keeper ends", lambda: _is_gone(first))


def _is_gone(process: int | None) -> bool:
    """Also while nobody has asked for its exit code yet."""
    try:
        return ") Z " in Path(f"/proc/{process}/stat").read_text()
    except FileNotFoundError:
        return True


def refused(pod: Pod) -> str:
    """What it says; nothing may be left running."""
    result = pod.monitor()
    assert result.returncode == 1, result.stdout
    assert pod.keeper() is None
    assert result.stderr.startswith("ERROR "), result.stderr
    return result.stderr


def test_no_keytab(pod: Pod) -> None:
    assert f"no keytab in {pod.secrets}" in refused(pod)


def test_no_folder_of_secrets(pod: Pod) -> None:
    pod.secrets.rmdir()
    assert f"no keytab in {pod.secrets}" in refused(pod)


def test_several_keytabs_are_named(pod: Pod, realm: Realm) -> None:
    for name in ("one", "two"):
        realm.keytab(name, pod.secrets / f"{name}.keytab")
    assert "several keytabs" in (said := refused(pod))
    assert "one.keytab two.keytab" in said


def test_a_keytab_of_several_principals(pod: Pod, realm: Realm) -> None:
    for name in ("one", "two"):
        realm.keytab(name, pod.secrets / "a.keytab")
    assert f"one@{REALM}, two@{REALM}" in refused(pod)


@pytest.mark.parametrize("content", [b"", b"ENC[AES256_GCM,data:kEyTaB]", b"\x05\x02"])
def test_not_a_keytab(pod: Pod, content: bytes) -> None:
    (pod.secrets / "a.keytab").write_bytes(content)
    said = refused(pod)
    assert "is not a keytab" in said or "holds no key" in said
    assert "kEyTaB" not in said


def test_the_password_was_changed_after_the_keytab_was_made(pod: Pod, realm: Realm) -> None:
    realm.keytab("cmsdqm", pod.secrets / "a.keytab")
    realm.admin("cpw -randkey cmsdqm")
    assert f"a.keytab is not the key of cmsdqm@{REALM} any more" in refused(pod)


def test_the_password_was_changed_and_preauthentication_is_asked(pod: Pod, realm: Realm) -> None:
    realm.keytab("cmsdqm", pod.secrets / "a.keytab")
    realm.admin("modprinc +requires_preauth cmsdqm")
    realm.admin("cpw -randkey cmsdqm")
    assert f"a.keytab is not the key of cmsdqm@{REALM} any more" in refused(pod)


def test_the_principal_has_expired(pod: Pod, realm: Realm) -> None:
    realm.keytab("cmsdqm", pod.secrets / "a.keytab")
    realm.admin('modprinc -expire "2020-01-01" cmsdqm')
    assert f"cmsdqm@{REALM} has expired" in refused(pod)


def test_the_principal_is_gone(pod: Pod, realm: Realm) -> None:
    realm.keytab("cmsdqm", pod.secrets / "a.keytab")
    realm.admin("delprinc -force cmsdqm")
    assert f"the KDC does not know cmsdqm@{REALM}" in refused(pod)


def test_the_principal_is_locked(pod: Pod, realm: Realm) -> None:
    realm.keytab("cmsdqm", pod.secrets / "a.keytab")
    realm.admin("modprinc -allow_tix cmsdqm")
    assert f"cmsdqm@{REALM} is locked" in refused(pod)


def test_no_kdc(pod: Pod, realm: Realm) -> None:
    realm.keytab("cmsdqm", pod.secrets / "a.keytab")
    realm.stop()
    assert f"no KDC answers for {REALM}" in refused(pod)


def test_a_kdc_that_says_nothing(pod: Pod, realm: Realm) -> None:
    realm.keytab("cmsdqm", pod.secrets / "a.keytab")
    realm.stop()
    pod.settings["DQMGUI_TICKET_TRY_SECONDS"] = "2"
    with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", realm.port))
        tcp.bind(("127.0.0.1", realm.port))
        tcp.listen()
        begun = time.monotonic()
        assert "no answer within 2 s" in refused(pod)
    assert time.monotonic() - begun < 10


def test_the_realm_is_not_known(pod: Pod, realm: Realm) -> None:
    realm.keytab("cmsdqm", pod.secrets / "a.keytab")
    other = realm.folder / "other.conf"
    realms = f"[realms]\n ELSEWHERE.TEST = {{\n  kdc = 127.0.0.1:{free_port()}\n }}\n"
    other.write_text(f"[libdefaults]\n default_realm = ELSEWHERE.TEST\n dns_lookup_kdc = false\n{realms}")
    pod.settings["KRB5_CONFIG"] = str(other)
    assert f"no KDC answers for {REALM}" in refused(pod)


def test_a_program_is_missing(pod: Pod, realm: Realm) -> None:
    realm.keytab("cmsdqm", pod.secrets / "a.keytab")
    programs = pod.folder / "bin"
    programs.mkdir()
    for name in ("bash", "id"):
        (programs / name).symlink_to(shutil.which(name) or "")
    pod.settings["PATH"] = str(programs)
    result = subprocess.run(
        [str(programs / "bash"), str(IMAGE / "monitor.sh")], env=pod.environment, capture_output=True, text=True, check=False
    )
    assert result.returncode == 1
    assert "k5start is missing" in result.stderr


def test_a_lost_ticket_is_noticed_and_its_return_too(pod: Pod, realm: Realm) -> None:
    realm.keytab("cmsdqm", pod.secrets / "a.keytab")
    pod.settings["DQMGUI_TICKET_CHECK_SECONDS"] = "0.1"
    assert pod.monitor().returncode == 0
    kept = pod.ticket.rename(pod.folder / "kept")
    log = pod.folder / "watch"
    with log.open("wb") as file:
        watch = subprocess.Popen(["bash", str(IMAGE / "monitor.sh"), "watch"], env=pod.environment, stdout=file, stderr=file)
    try:
        wait_for("the loss is said", lambda: "has run out" in log.read_text())
        time.sleep(0.5)
        shutil.copy(kept, pod.ticket)
        wait_for("the return is said", lambda: "is back" in log.read_text())
    finally:
        watch.terminate()
        watch.wait(timeout=10)
    assert log.read_text().count("has run out") == 1


def test_an_unknown_argument(pod: Pod) -> None:
    assert "no such argument: fetch" in pod.monitor("fetch").stderr
