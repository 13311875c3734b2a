"""run.sh as it is: it serves, alone in its work directory, stops gracefully, and says why when it does not."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from pod import Pod, get, wait_for
from realm import REALM, Realm

MakePod = Callable[..., Pod]


def below(process: int) -> list[int]:
    """All processes below one, however deep."""
    listing = subprocess.run(["pgrep", "-P", str(process)], capture_output=True, text=True, check=False).stdout.split()
    return [one for child in map(int, listing) for one in (child, *below(child))]


def test_serves(pod: Pod) -> None:
    pod.start()
    pod.serving()
    assert "<title>DQM GUI" in get(pod.port)
    assert json.loads(get(pod.port, "/api/v1/samples"))["data"][0]["run"] == 316142
    assert json.loads(get(pod.port, "/api/v1/latest_runs")) == {"runs": [316142]}
    assert "stand_in_samples 1" in get(pod.port + 10000, "/metrics")
    assert "WARNING no CMSSW" in pod.log


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stops_gracefully(pod: Pod, number: signal.Signals) -> None:
    process = pod.start()
    pod.serving()
    server = below(process.pid)
    begun = time.monotonic()
    process.send_signal(number)
    assert pod.ended() == 0
    assert time.monotonic() - begun < 5
    assert "stopped" in pod.server_log
    # A signal to all at once would have taken the renderers from under a server that still needs them.
    assert "the renderer was there until the end" in pod.server_log
    assert not [one for one in server if Path(f"/proc/{one}").exists()]


def test_a_renderer_left_behind_is_ended_before_the_lock_is_free(make_pod: MakePod) -> None:
    pod = make_pod(DQMGUI_KERBEROS="off", STAND_IN_LEAVES_RENDERER="1")
    process = pod.start()
    pod.serving()
    all_of_it = below(process.pid)
    process.terminate()
    assert pod.ended() == 0
    assert not [one for one in all_of_it if Path(f"/proc/{one}").exists()]


def test_a_server_that_does_not_stop_is_killed_in_time(make_pod: MakePod) -> None:
    pod = make_pod(DQMGUI_KERBEROS="off", DQMGUI_STOP_SECONDS="1")
    script = pod.app / "scripts/dqmgui.sh"
    script.write_text('#!/bin/bash\ntrap "" TERM\necho deaf\nwhile true; do sleep 0.2; done\n')
    process = pod.start()
    wait_for("the deaf server runs", lambda: "deaf" in pod.log)
    process.terminate()
    assert pod.ended() == 137
    assert "not stopped within 1 s: killed" in pod.log


def test_a_stop_while_it_builds(make_pod: MakePod) -> None:
    pod = make_pod(DQMGUI_KERBEROS="off", STAND_IN_BUILD_SECONDS="60")
    process = pod.start()
    wait_for("it builds", lambda: "INFO building" in pod.log)
    time.sleep(0.3)
    process.terminate()
    assert pod.ended(10) == 0
    assert "starting the server" not in pod.log


def test_a_build_that_fails_starts_nothing(make_pod: MakePod) -> None:
    pod = make_pod(DQMGUI_KERBEROS="off", STAND_IN_BUILD_STATUS="2")
    pod.start()
    assert pod.ended() == 1
    assert "scripts/build.sh ended with 2: the server is not started" in pod.log


@pytest.mark.parametrize(("number", "status"), [(signal.SIGKILL, 137), (signal.SIGSEGV, 139)])
def test_a_crash_ends_it(pod: Pod, number: signal.Signals, status: int) -> None:
    process = pod.start()
    pod.serving()
    server = int(pod.server_log.split()[0])
    os.kill(server, number)
    assert pod.ended() == status
    assert f"the server ended by itself with {status}" in pod.log
    assert not below(process.pid)


def test_a_server_that_ends_well_by_itself_is_an_error_too(pod: Pod) -> None:
    (pod.app / "scripts/dqmgui.sh").write_text("#!/bin/bash\nexit 0\n")
    pod.start()
    assert pod.ended() == 1


def test_arguments_and_the_work_directory_reach_the_server(make_pod: MakePod, tmp_path: Path) -> None:
    pod = make_pod(DQMGUI_KERBEROS="off", DQMGUI_WORK_DIR=str(tmp_path / "claim/data"))
    process = pod.start("-r", "3")
    pod.serving()
    assert (tmp_path / "claim/data/dqmgui.sqlite").exists()
    assert not (pod.app / "data").exists()
    lines = [Path(f"/proc/{one}/cmdline").read_text().replace("\0", " ") for one in below(process.pid)]
    assert any(line.endswith("app.py -p " + f"{pod.port} -d {tmp_path}/claim/data -r 3 ") for line in lines), lines


def test_cmssw_is_sourced_where_it_is_there(pod: Pod) -> None:
    cvmfs = pod.folder / "cvmfs"
    cvmfs.mkdir()
    # As the real one does, it reads what is not set, and a command of it fails.
    (cvmfs / "cmsset_default.sh").write_text('false\necho "cmsset $NOT_SET in $VO_CMS_SW_DIR"\nexport SCRAM_ARCH=el8_amd64_gcc12\n')
    (pod.app / "scripts/build.sh").write_text('#!/bin/bash\necho "builds for $SCRAM_ARCH"\n')
    pod.start()
    pod.serving()
    assert f"cmsset  in {cvmfs}" in pod.log
    assert "builds for el8_amd64_gcc12" in pod.log


# --- one writer


def other_pod(make_pod: MakePod, pod: Pod, **settings: str) -> Pod:
    return make_pod(pod.app, DQMGUI_KERBEROS="off", **settings)


def test_a_second_server_is_refused_and_told_who_holds(pod: Pod, make_pod: MakePod) -> None:
    first = pod.start()
    pod.serving()
    second = other_pod(make_pod, pod, DQMGUI_LOCK_SECONDS="1")
    second.start()
    assert second.ended() == 1
    assert f"{pod.app}/data is in use: {os.uname().nodename}, process {first.pid}, since 20" in second.log
    assert "was not let go within 1 s" in second.log
    assert "building" not in second.log
    assert get(pod.port)
    assert pod.server_log.count("started") == 1


def test_a_second_server_waits_for_the_first_to_end(pod: Pod, make_pod: MakePod) -> None:
    pod.start()
    pod.serving()
    second = other_pod(make_pod, pod, DQMGUI_LOCK_SECONDS="30")
    second.start()
    wait_for("the second waits", lambda: "waiting up to 30 s" in second.log)
    assert pod.process
    pod.process.terminate()
    second.serving()
    lines = [line.split(maxsplit=1)[1] for line in pod.server_log.splitlines()]
    assert lines == ["started", "the renderer was there until the end", "stopped", "started"]


def test_ten_at_once_one_serves(make_pod: MakePod) -> None:
    first = make_pod(DQMGUI_KERBEROS="off", DQMGUI_LOCK_SECONDS="1")
    pods = [first, *(other_pod(make_pod, first, DQMGUI_LOCK_SECONDS="1") for _ in range(9))]
    for one in pods:
        one.start()
    wait_for("nine are refused", lambda: len([one for one in pods if one.process and one.process.poll() == 1]) == 9)
    (winner,) = [one for one in pods if one.process and one.process.poll() is None]
    winner.serving()
    assert first.server_log.count("started") == 1


def test_the_lock_of_a_killed_pod_is_free(pod: Pod, make_pod: MakePod) -> None:
    process = pod.start()
    pod.serving()
    whole = [process.pid, *below(process.pid)]
    for one in whole:
        os.kill(one, signal.SIGKILL)
    pod.ended()
    second = other_pod(make_pod, pod, DQMGUI_LOCK_SECONDS="5")
    second.start()
    second.serving()


def test_a_killed_run_sh_leaves_the_lock_with_its_server(pod: Pod, make_pod: MakePod) -> None:
    """Only its end may free the lock, for it still writes."""
    process = pod.start()
    pod.serving()
    left = below(process.pid)
    process.kill()
    pod.ended()
    second = other_pod(make_pod, pod, DQMGUI_LOCK_SECONDS="1")
    second.start()
    try:
        assert second.ended() == 1
        assert "is in use" in second.log
    finally:
        for one in left:
            os.kill(one, signal.SIGKILL)


def test_a_stop_while_it_waits_for_the_lock(pod: Pod, make_pod: MakePod) -> None:
    pod.start()
    pod.serving()
    second = other_pod(make_pod, pod, DQMGUI_LOCK_SECONDS="60")
    process = second.start()
    wait_for("the second waits", lambda: "waiting up to" in second.log)
    process.terminate()
    assert second.ended(5) == 0


def test_a_work_directory_that_cannot_be_locked(make_pod: MakePod) -> None:
    pod = make_pod(DQMGUI_KERBEROS="off")
    (pod.app / "data/.newdqmgui.lock").mkdir(parents=True)
    pod.start()
    assert pod.ended() == 1
    assert "the lock cannot be opened for writing" in pod.log


# --- Kerberos


def test_serves_with_a_ticket_which_ends_with_it(make_pod: MakePod, realm: Realm) -> None:
    pod = make_pod(DQMGUI_KERBEROS="required", **realm.environment)
    realm.keytab("cmsdqm", pod.secrets / "a.keytab")
    process = pod.start()
    pod.serving()
    keeper = pod.keeper()
    assert f"Kerberos ticket of cmsdqm@{REALM}" in pod.log
    (python,) = [one for one in below(process.pid) if str(one) == pod.server_log.split()[0]]
    assert f"KRB5CCNAME=FILE:{pod.ticket}" in Path(f"/proc/{python}/environ").read_text().split("\0")
    process.terminate()
    assert pod.ended() == 0
    assert keeper
    wait_for("the keeper ends", lambda: pod.keeper() is None)


def test_the_ticket_keeper_does_not_hold_the_lock(make_pod: MakePod, realm: Realm) -> None:
    pod = make_pod(DQMGUI_KERBEROS="required", **realm.environment)
    realm.keytab("cmsdqm", pod.secrets / "a.keytab")
    process = pod.start()
    pod.serving()
    for one in [*below(process.pid), process.pid]:
        os.kill(one, signal.SIGKILL)
    pod.ended()
    assert pod.keeper()
    second = other_pod(make_pod, pod, DQMGUI_LOCK_SECONDS="5")
    second.start()
    second.serving()


def test_required_stops_without_a_ticket(make_pod: MakePod) -> None:
    pod = make_pod(DQMGUI_KERBEROS="required")
    pod.start()
    assert pod.ended() == 1
    assert "no keytab in" in pod.log
    assert "no Kerberos ticket, and without one every histogram on EOS is missing" in pod.log
    assert "building" not in pod.log


def test_warn_goes_on_without_a_ticket(make_pod: MakePod) -> None:
    pod = make_pod(DQMGUI_KERBEROS="warn")
    pod.start()
    pod.serving()
    assert "WARNING going on without a Kerberos ticket" in pod.log


@pytest.mark.skipif(Path("/eos").exists(), reason="this machine has /eos")
def test_auto_only_warns_where_there_is_no_eos(make_pod: MakePod) -> None:
    pod = make_pod()
    pod.start()
    pod.serving()
    assert "WARNING going on without a Kerberos ticket" in pod.log


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("DQMGUI_PORT", "http", "DQMGUI_PORT is not a number: http"),
        ("DQMGUI_LOCK_SECONDS", "-1", "DQMGUI_LOCK_SECONDS is not a number: -1"),
        ("DQMGUI_STOP_SECONDS", "1m", "DQMGUI_STOP_SECONDS is not a number: 1m"),
        ("DQMGUI_KERBEROS", "yes", "DQMGUI_KERBEROS is none of auto, required, warn and off: yes"),
        ("DQMGUI_WORK_DIR", "data", "DQMGUI_WORK_DIR is not an absolute path: data"),
    ],
)
def test_a_wrong_setting(pod: Pod, name: str, value: str, said: str) -> None:
    pod.settings[name] = value
    pod.start()
    assert pod.ended() == 1
    assert said in pod.log


def test_a_volume_hides_the_service(pod: Pod) -> None:
    (pod.app / "scripts/dqmgui.sh").unlink()
    pod.start()
    assert pod.ended() == 1
    assert "does a volume hide it?" in pod.log
