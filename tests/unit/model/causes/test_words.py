from __future__ import annotations

import re
from pathlib import Path

import pytest
from things import BACK_OFF, LOG_OF, crashed, pod, seen

from helmtool.model.causes import rank

IMAGE_SCRIPTS = Path(__file__).parents[4] / "docker/newdqmgui"
SAID = {
    "ERROR no KDC answers for CERN.CH (Cannot contact any KDC for realm 'CERN.CH')": "kdc-unreachable",
    "ERROR no keytab in /etc/secrets, so there is no Kerberos ticket and no file on EOS can be read": "kerberos",
    "ERROR the keytab dqm.keytab is not the key of dqm@CERN.CH any more (Preauthentication failed)": "kerberos",
    "ERROR k5start is missing in the image": "kerberos",
    "ERROR /home/cmsusr/dqmgui has no scripts/dqmgui.sh: is it the folder of the service?": "application-missing",
    "ERROR /home/cmsusr/dqmgui/data is in use: node1, process 7, and was not let go within 120 s": "work-dir-in-use",
    "ERROR scripts/build.sh ended with 2: the server is not started": "build-fails",
    "socket.gaierror: [Errno -3] Temporary failure in name resolution": "dns",
    "OSError: [Errno 98] error while attempting to bind on address: address already in use": "port-in-use",
    "mkdir: cannot create directory 'x': Read-only file system": "read-only",
    "OSError: [Errno 28] No space left on device": "disk-full",
    "PermissionError: [Errno 13] Permission denied: '/home/cmsusr/dqmgui/data/x'": "permission-denied",
    "the index is broken": "crash-at-start",
    "INFO going on without a Kerberos ticket": "crash-at-start",
}


@pytest.mark.parametrize("line", SAID)
def test_the_last_words_of_a_container(line: str) -> None:
    found = rank(seen(pods=[pod(BACK_OFF, restarts=2, last=crashed(1))], logs={LOG_OF: ("INFO start", line, "  next: do it", "INFO end")}))
    assert found[0].code == SAID[line]
    assert f"log: {line}" in found[0].evidence


def test_a_certificate_that_is_not_copied_is_not_the_servers_own_trouble() -> None:
    lines = ("cp: cannot open '/host/etc/grid-security/hostkey.pem' for reading: Permission denied", "WARNING not copied: hostkey.pem")
    found = rank(seen(pods=[pod({"running": {}})], logs={LOG_OF: lines}))
    assert [cause.code for cause in found] == ["certificates"]


def test_what_stands_far_up_was_survived() -> None:
    lines = ("x: Permission denied", *(f"INFO line {number}" for number in range(30)))
    assert rank(seen(pods=[pod(BACK_OFF, restarts=2, last=crashed(1))], logs={LOG_OF: lines}))[0].code == "crash-at-start"


@pytest.mark.parametrize("script", ["monitor.sh", "run.sh"])
def test_every_reason_of_the_images_scripts_is_known(script: str) -> None:
    """Their `fail "…"` lines about Kerberos, the folder, the lock and the build each lead to a cause of their own."""
    text = (IMAGE_SCRIPTS / script).read_text()
    reasons = [reason for reason in re.findall(r'fail "((?:[^"\\]|\\.)*)"', text) if "DQMGUI_" not in reason and "argument" not in reason]
    assert len(reasons) > 4
    assert [reason for reason in reasons if _code(reason.replace("$program", "k5start")) == "crash-at-start"] == []


def _code(reason: str) -> str:
    return rank(seen(pods=[pod(BACK_OFF, restarts=2, last=crashed(1))], logs={LOG_OF: (f"ERROR {reason}",)}))[0].code
