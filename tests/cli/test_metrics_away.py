"""Metrics where there is no cluster to ask: a script that writes them must still get them."""

from __future__ import annotations

from program import Cli
from prometheus_client.openmetrics.parser import text_string_to_metric_families

REACHABLE = "helmtool_environment_reachable"


def test_a_cluster_that_is_away_is_a_metric_and_no_error(cli: Cli) -> None:
    ran = cli.run("status", "test4", "-o", "openmetrics", "--kubeconfig", cli.kubeconfig("http://127.0.0.1:1"))
    (family,) = [f for f in text_string_to_metric_families(ran.out) if f.name == REACHABLE]
    assert (ran.code, family.samples[0].value, family.samples[0].labels) == (0, 0, {"environment": "test4"})


def test_a_cluster_that_is_another_one_is_an_error(cli: Cli) -> None:
    ran = cli.run("status", "test4", "-o", "openmetrics", "--kubeconfig", cli.kubeconfig("http://127.0.0.1:1", cluster="prodsrv"))
    assert (ran.code, "that is prod, not test4" in ran.err) == (4, True)
    assert f'{REACHABLE}{{environment="test4"}} 0' in ran.out


def test_all_of_them_at_once(cli: Cli) -> None:
    ran = cli.run("status", "-o", "openmetrics")
    assert ran.code == 0
    assert ran.out.count(f"{REACHABLE}{{") == 4
