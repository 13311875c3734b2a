"""The commands of the pages that this suite does not run: which other one runs them, or why nothing does."""

from __future__ import annotations

from dataclasses import dataclass

NOT_HERE = "not run yet"


@dataclass(frozen=True)
class Elsewhere:
    """Where another suite runs a command: a file in which each of `words` stands, and what is otherwise there than on the page."""

    file: str
    words: tuple[str, ...]
    otherwise: str


BY_CI = {
    "make demo": ("make demo",),
    "make test": ("make test",),
    "make lint test": ("make lint", "make test"),
    "make bench": ("make bench",),
    ".venv/bin/pytest -s tests/benchmarks/test_growth.py": ("make bench",),
    "make test-fuzz": ("make test-fuzz",),
    "make test-generated": ("make test-generated",),
    "make test-kubeconfig": ("make test-kubeconfig",),
    "make test-crashes": ("make test-crashes",),
    "make test-leaks": ("make test-leaks",),
    ".venv/bin/pytest tests/chart": ("make test",),
    ".venv/bin/pytest -s tests/kind/test_downtime.py": ("make test-kind",),
    ".venv/bin/pytest -s tests/review -k fluid": ("make test-review",),
}
"""Commands that run tests themselves, and the steps of .ci/run that run those."""

IMAGES, IN_IMAGE, OPERATE = "tests/docker/test_image_commands.py", "tests/docker/test_helmtool_image.py", "tests/kind/test_operate.py"
PLAIN = "tests/kind/test_plain_chart.py"
KIND = "the environment is `kind`"
BY_SUITES = {
    "helmtool image build HG0105a": Elsewhere(
        IMAGES,
        ('checkout.run("build", TAG)', 'checkout.run("build", TAG, *arguments, timeout=1500)'),
        "a tag of today; a Dockerfile of one line, and the real one with `--base-image` and `--source`",
    ),
    "helmtool image run HG0105a --port 8890": Elsewhere(
        IMAGES, ('checkout.start("run", TAG, "--port", str(port))',), "a tag of today, a free port"
    ),
    "helmtool image push HG0105a": Elsewhere(IMAGES, ('checkout.run("push", TAG, "-o", "json")',), "a tag of today, with `-o json`"),
    "docker run --rm --read-only --network none helmtool:latest validate": Elsewhere(
        IN_IMAGE, ('"--rm", "--read-only"', '"--network", "none"', 'run(image, "validate")'), "another name of the image, as another user"
    ),
    "helm test newdqmgui --namespace dqm": Elsewhere(PLAIN, ('node.helm("test", RELEASE)',), "with `--kubeconfig`"),
    "helm uninstall newdqmgui --namespace dqm": Elsewhere(
        PLAIN, ('node.helm("uninstall", RELEASE, "--wait")',), "with `--kubeconfig` and `--wait`"
    ),
    "helmtool logs prod --tail 100": Elsewhere(OPERATE, ('serving("logs", "kind", "--tail", "1")',), f"{KIND}, one line"),
    "helmtool logs prod -f": Elsewhere(OPERATE, ('serving.start("logs", "kind", "-f", "--tail", "0")',), f"{KIND}, with `--tail 0`"),
    "helmtool exec prod -- df -h": Elsewhere(
        OPERATE, ('serving("exec", "kind", "--", "hostname")',), f"{KIND}, `hostname` instead of `df`"
    ),
    "helmtool exec prod": Elsewhere(OPERATE, ('"helmtool", "exec", "kind"]',), KIND),
}
"""What needs docker or real pods, and has a suite of its own."""

POD_LOGS = "the simulated pods have no container that could have run before, and no suite asks for the log of one"
RELEASES = "the real releases lie with their makers; tests/install runs it with `--from` and a server on loopback"
CLUSTER = "no cluster is within reach of a container here; tests/docker mounts a checkout and runs `validate`"
BASE = "the base images of CERN and AlmaLinux are not at hand; tests/docker builds on Debian, from a stand-in of the service"
NOT_AT_ALL = {
    "make crash-suite": "it takes hours; `make test-crashes` is the same suite at a tenth",
    "make proofs": "it takes hours; .ci/run has each suite of it at a smaller number",
    "make image-helmtool": "tests/docker calls the script behind it, under another name of the image",
    "helmtool image build HG0105a --base-image docker.io/library/almalinux:8": BASE,
    "helmtool image build HG0105a --source https://github.com/cms-DQM/dqmgui.git#BRANCH": BASE,
    "helmtool image run HG0105a": "tests/docker names a free port, for 8889 may be taken",
    'docker run --rm --read-only --user "$(id -u)" --volume "$PWD:/work:ro" --volume "$HOME/K8s_tokens:/K8s_tokens:ro" '
    "--env HOME=/ helmtool:latest status test4": CLUSTER,
    "helmtool logs prod --previous": POD_LOGS,
    "helmtool logs test4 --previous": POD_LOGS,
    "helmtool tools install --download": RELEASES,
    "apptainer exec docker://registry.cern.ch/cmsweb/helmtool:0.1.0 helmtool validate": "apptainer and that image are not at hand",
    "uv tool install dist/helmtool-*.whl": "uv is not among the programs of the suites",
    "pipx install dist/helmtool-*.whl": "pipx is not among the programs of the suites",
}
