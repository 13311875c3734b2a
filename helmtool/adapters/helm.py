"""Helm, through pyhelm3: the only module that calls it.

pyhelm3's `Command` is subclassed, because as it is it runs helm through a shell (a cancel then orphans it), creates
namespaces, reuses old values, and knows neither `--server-side` on rollback nor which error is which.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from helmtool.adapters.alone import module_alone
from helmtool.adapters.credentials import NEW_TOKEN, CredentialsFailed, CredentialsRefused
from helmtool.adapters.kubeconfig import Access, KubeconfigInvalid
from helmtool.adapters.process import run_async
from helmtool.errors import HelmtoolError, InvalidInput, OperationFailed, Problem, Refused, Unreachable
from helmtool.model.duration import parse_duration
from helmtool.model.helm_summary import kubeconfig_fault, summarize_failure, summarize_network, summarize_rendering, summarize_right
from helmtool.model.manifest import Manifest, ManifestUnreadable, parse_manifests, repeated_objects
from helmtool.model.redaction import redact_text
from helmtool.model.values import to_helm_json

if TYPE_CHECKING:
    from semver import VersionInfo

HISTORY_MAX = 10
"""How many revisions Helm keeps: its own default, said explicitly."""
GOGC = "400"
"""Of Go: how much garbage may gather, in percent of what is used. A helm lives for half a second, of which collecting takes a tenth."""
GRACE = 30.0
"""Seconds that helm may need beside the timeout that it was given."""
NOISE = ("WARNING:", "level=", "Use --debug flag", "Run 'helm --help'")
CHART = "charts/newdqmgui"
CHART_SIGNS = (
    "execution error at",
    "parse error at",
    "yaml parse error",
    "error calling",
    'executing "',
    "chart requires kubeversion",
    "chart.metadata",
    "cannot load chart.yaml",
    "unsupported chart version",
    "cannot load values.yaml",
)


class HelmFailed(OperationFailed):
    """Helm tried, and failed."""

    code = "helm-failed"


class ChartInvalid(InvalidInput):
    """The chart refuses the values, or does not render."""

    code = "chart"


class ReleasePending(Refused):
    """Helm takes another operation on the release to be under way."""

    code = "release-pending"


class HelmUnreachable(Unreachable):
    """Helm could not talk to the API server."""

    code = "cluster-unreachable"


class HelmForbidden(Unreachable):
    """The API server answers helm, and forbids."""

    code = "cluster-forbidden"


class DiffPluginMissing(InvalidInput):
    """The helm-diff plugin is not installed."""

    code = "helm-diff-missing"


# Its package also makes models with pydantic, which takes as long as `helm template` and is not used.
Command: Any = module_alone("pyhelm3.command", "pyhelm3").Command


class HelmCommand(Command):  # type: ignore[misc]  # pyhelm3 carries no types
    """pyhelm3's command with the traps taken out; see `Helm` for what the operations use."""

    def __init__(
        self,
        executable: Path,
        version: str,
        access: Access | None,
        on_stderr: Callable[[str], None] | None = None,
        judge: Callable[[str], HelmtoolError] | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        """`judge` makes an error of helm's words, `helm_error` where it is not given; `variables` are added to helm's environment."""
        super().__init__(executable=str(executable), history_max_revisions=HISTORY_MAX)
        self._version_text = version
        self._access = access
        self._on_stderr = on_stderr
        self._judge = judge or helm_error
        self._variables = variables or {}

    async def run(self, command: Sequence[Any], input: bytes | None = None, timeout: str | None = None) -> bytes:
        """Runs helm without a shell in its own process group; raises an error of helmtool's own kinds.

        `timeout` is what helm was told; it asks its credentials plugin outside of that, and waits for it without end.
        """
        argv = [self._executable, *(str(part) for part in command)]
        seconds = parse_duration(timeout) + GRACE if timeout else None
        try:
            completed = await run_async(argv, input=input, env=self._environment(), on_stderr=self._on_stderr, seconds=seconds)
        except subprocess.TimeoutExpired:
            raise HelmFailed(
                f"helm has not ended {GRACE:.0f} s after its timeout of {timeout}, and was ended: does the kubeconfig's credentials"
                " plugin wait for something?",
                hint="helmtool status ENV",
            ) from None
        if completed.returncode != 0:
            said = redact_text(completed.stderr.decode(errors="replace"))
            raise self._judge(said if said.strip() else f"it ended with exit code {completed.returncode} and said nothing")
        return completed.stdout

    def client_version(self) -> VersionInfo:
        """The version that was read when helm was looked for: no second start of helm."""
        import semver

        return semver.Version.parse(self._version_text)

    def _environment(self) -> dict[str, str]:
        """The kubeconfig and context reach helm by environment, where a path with several files works too."""
        import os

        environment = {"GOGC": GOGC} | {k: v for k, v in os.environ.items() if not k.startswith("HELM_KUBE") and k != "HELM_DEBUG"}
        environment["HELM_DRIVER"] = "secret"  # what `storage` reads; a shell may say otherwise
        if self._access:
            environment |= {"KUBECONFIG": self._access.kubeconfig, "HELM_KUBECONTEXT": self._access.context}
        return environment | dict(self._variables)


@dataclass(frozen=True, slots=True)
class Applied:
    """A revision that Helm has just made: its number, and the manifest as it was applied."""

    revision: int
    manifest: str = field(repr=False)


class Helm:
    """What the operations ask of helm, for one release in one namespace."""

    def __init__(self, command: HelmCommand, release: str, namespace: str) -> None:
        self.command = command
        self.release = release
        self.namespace = namespace

    async def template(self, chart: Path, values: Mapping[str, Any], *, is_upgrade: bool = False, kube_version: str = "") -> list[Manifest]:
        """The rendered objects, test hooks included; needs no cluster. Raises ChartInvalid.

        The chart's schema is left out: helmtool judges the same values by it itself, and Helm would take a third of its time for that.
        """
        argv = ["template", self.release, chart, "--namespace", self.namespace, "--skip-schema-validation", "--values", "-"]
        argv += ["--is-upgrade"] if is_upgrade else []
        argv += ["--kube-version", kube_version] if kube_version else []
        return _rendered(await self.command.run(argv, to_helm_json(dict(values))), self.namespace)

    async def upgrade(
        self, chart: Path, values: Mapping[str, Any], *, timeout: str, description: str, force_conflicts: bool = False
    ) -> Applied:
        """Installs or upgrades, and gives the new revision; does not wait for pods.

        Always with --reset-values (without it an empty document silently reuses the last values) and with server-side
        apply said explicitly; never creates a namespace, never rolls back by itself (it hides the cause, and a first
        install that fails would delete what was there before). Helm's OpenAPI validation is left out: the preflight has
        asked the API server itself; and so is that of the chart's schema, as with `template`.
        `force_conflicts` takes fields back that other hands have set: say so before.
        """
        argv = ["upgrade", self.release, chart, "--install", "--namespace", self.namespace, "--values", "-", "--output", "json"]
        argv += ["--reset-values", "--server-side=true", "--disable-openapi-validation", "--history-max", HISTORY_MAX]
        argv += [
            "--skip-schema-validation",
            "--timeout",
            timeout,
            "--description",
            redact_text(description),
            *(["--force-conflicts"] if force_conflicts else []),
        ]
        stdout = await self.command.run(argv, to_helm_json(dict(values)), timeout)
        return _applied(stdout.decode(errors="replace"))

    async def rollback(self, revision: int, *, timeout: str) -> None:
        """Goes back to a revision; does not wait for pods. Also the way out of a revision that was left pending."""
        argv = ["rollback", self.release, revision, "--namespace", self.namespace, "--history-max", HISTORY_MAX]
        await self.command.run([*argv, "--server-side=true", "--force-conflicts", "--timeout", timeout], timeout=timeout)

    async def plugin_diff(self, chart: Path, values: Mapping[str, Any], *, context: int) -> str:
        """What the helm-diff plugin says of an upgrade; secrets are never shown. Raises DiffPluginMissing."""
        try:
            text: str = await self.command.diff_upgrade(
                self.release, chart, dict(values), context_lines=context, namespace=self.namespace, reset_values=True, show_secrets=False
            )
        except HelmFailed as error:
            if 'unknown command "diff"' not in error.message:
                raise
            raise DiffPluginMissing(
                "the helm-diff plugin is not installed",
                hint="helm plugin install https://github.com/databus23/helm-diff --verify=false, or leave --engine away",
            ) from None
        return text


def _applied(stdout: str) -> Applied:
    """The release that helm prints as JSON; other programs' lines may stand before and after it."""
    try:
        release = json.JSONDecoder().raw_decode(stdout, stdout.index("{"))[0]
        return Applied(int(release["version"]), str(release.get("manifest") or ""))
    except (ValueError, KeyError, TypeError):
        raise HelmFailed("helm ended well, but did not say which revision it made", hint="helmtool history ENV") from None


def _rendered(stdout: bytes, namespace: str) -> list[Manifest]:
    """The objects that helm printed. Raises ChartInvalid: nothing at all would delete everything that runs, of two only one would run."""
    try:
        manifests = parse_manifests(stdout)
    except ManifestUnreadable:
        manifests = []
    if not manifests or not all(m.get("kind") and isinstance(m.get("metadata"), dict) and m["metadata"].get("name") for m in manifests):
        raise ChartInvalid(
            "what helm rendered from the chart are no Kubernetes objects: each needs a kind and metadata.name", hint="helm lint " + CHART
        )
    if repeated := repeated_objects(stdout, namespace):
        raise ChartInvalid(
            f"the chart renders {repeated[0].path} more than once, and only one of them would run",
            problems=[problem._replace(file=f"{CHART}/{problem.file}") for problem in repeated],
            hint=f"remove the copy: Helm renders every file of {CHART}/templates, an editor's backup too",
        )
    return manifests


def helm_error(stderr: str) -> HelmtoolError:
    """Helm's text on stderr as one of helmtool's errors: every error of Helm exits 1, so only its text tells them apart.

    Records get a summary of it, never the text.
    """
    text = _sentence(stderr)
    lower = text.lower()
    if fault := kubeconfig_fault(text):
        return _kubeconfig_invalid(*fault)
    if "another operation (install/upgrade/rollback) is in progress" in lower:
        return ReleasePending(
            "another helm operation on this release is in progress, or was killed", hint="helmtool status ENV, then helmtool rollback ENV"
        )
    if "release: already exists" in lower:  # both began at the same moment, and the other one's Secret of the revision was first
        return ReleasePending("another release began at the same moment and was faster", hint="helmtool status ENV")
    if "getting credentials: " in lower:
        said = "the credentials plugin of the kubeconfig gives helm none"
        return CredentialsFailed(f"{said}: {text}", hint=NEW_TOKEN, recorded=said)
    if lower.endswith("unauthorized") or "the server has asked for the client to provide credentials" in lower:
        return CredentialsRefused("the API server does not accept helm's credentials", hint=NEW_TOKEN + ", or ask for a new kubeconfig")
    if "connection refused" in lower or "kubernetes cluster unreachable" in lower or "i/o timeout" in lower or "no such host" in lower:
        said = "helm cannot reach the API server"
        return HelmUnreachable(f"{said}: {text}", hint="helmtool status ENV", recorded=f"{said}: {summarize_network(text)}")
    if "is forbidden: user " in lower:
        said = "the API server forbids it to helm"
        return HelmForbidden(f"{said}: {text}", hint="kubectl auth can-i --list", recorded=f"{said}: {summarize_right(text)}")
    if "values don't meet the specifications of the schema" in lower:
        return ChartInvalid("the chart's schema refuses the values", problems=_schema_problems(stderr), hint="helm lint " + CHART)
    if any(sign in lower for sign in CHART_SIGNS):
        return ChartInvalid(_template_message(text), hint="helm lint " + CHART, recorded=summarize_rendering(text))
    hint = "run it again with -v: it shows what helm was asked"
    return HelmFailed(f"helm: {text}", hint=hint, recorded=summarize_failure(text))


def _kubeconfig_invalid(file: str, fault: str) -> KubeconfigInvalid:
    name = f"the kubeconfig {file}" if file else "the kubeconfig"
    return KubeconfigInvalid(f"helm refuses {name}: {fault}", hint=f"edit {file or 'it'}, or --kubeconfig FILE")


def _schema_problems(stderr: str) -> list[Problem]:
    """Helm's lines `- at '/path': …`, without the value that some of them quote, and without its length."""
    problems = []
    for line in stderr.splitlines():
        found = re.match(r" *- at '(.*?)': (.*)", line)
        if not found or found[2] == "validation failed":  # what failed follows, further in
            continue
        pointer, said = found.groups()
        if said.startswith("'"):
            rule = re.match(r".* (does not match pattern|is not valid) (.*)", said)
            said = f"the value {rule[1]} {rule[2]}" if rule else "the value is not accepted"
        said = re.sub(r"(Length: )got \d+, ", r"\1", said)
        problems.append(Problem(said, path=pointer.strip("/").replace("/", ".")))
    return problems


def _sentence(stderr: str) -> str:
    lines = [line for line in stderr.splitlines() if line.strip() and not line.startswith(NOISE)]
    return (
        " ".join(line.strip() for line in lines)
        .removeprefix("Error: ")
        .removeprefix("UPGRADE FAILED: ")
        .removeprefix("INSTALLATION FAILED: ")
    )


def _template_message(text: str) -> str:
    """The words of the chart's own `fail`, without the template's position before them."""
    return text.split("): ", 1)[1] if "execution error at (" in text and "): " in text else text
