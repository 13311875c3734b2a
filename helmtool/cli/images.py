"""The image of the service: image build, push, run, backup, restore."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from helmtool.cli.options import complete_environment, complete_tag, group, terminal, with_globals
from helmtool.model.size import in_words

app = group("The image of the service: built, pushed, run, kept.")

EnvOption = Annotated[
    str, typer.Option("--env", metavar="ENV", help="Whose image.repository is meant.", autocompletion=complete_environment)
]
PlainTag = Annotated[str, typer.Argument(metavar="TAG", help="The tag, as in HG0105a.")]


def build(
    tag: Annotated[str, typer.Argument(metavar="TAG", help="A free tag of today; helmtool tag next prints one.")],
    base_image: Annotated[str, typer.Option("--base-image", metavar="IMAGE", help="BASE_IMAGE of the Dockerfile.")] = "",
    source: Annotated[
        str, typer.Option("--source", metavar="URL|FOLDER", help="DQMGUI_SOURCE: a git URL, or a folder beside the Dockerfile.")
    ] = "",
    any_day: Annotated[bool, typer.Option("--any-day", help="Take a tag of another day.")] = False,
    allow_dirty: Annotated[bool, typer.Option("--allow-dirty", help="Build what is not committed; the revision says so.")] = False,
    allow_small: Annotated[bool, typer.Option("--allow-small", help="Build with less memory or disk than needed.")] = False,
    offline: Annotated[bool, typer.Option("--offline", help="Do not ask the registry whether the tag is free.")] = False,
    env: EnvOption = "prod",
) -> None:
    """Build docker/newdqmgui with docker, under a tag of today that is free."""
    from helmtool.operations.images.build import BuildOptions, build_image

    options = BuildOptions(base_image, source, any_day, allow_dirty, allow_small, offline)
    built = build_image(tag, env, terminal.settings, options, terminal)
    if terminal.as_json:
        document = {"tag": str(built.tag), "image": built.image, "id": built.id, "revision": built.revision, "created": built.created}
        terminal.document(document)
    else:
        terminal.data(built.image)
        terminal.say(f"to try it: helmtool image run {built.tag}; then: helmtool image push {built.tag}")


def push(tag: PlainTag, env: EnvOption = "prod") -> None:
    """Push an image that docker has; a tag that the registry has is never overwritten."""
    from helmtool.operations.images.push import push_image

    pushed = push_image(tag, env, terminal.settings, terminal)
    if terminal.as_json:
        terminal.document({"tag": str(pushed.tag), "repository": pushed.repository, "digest": pushed.digest, "written": pushed.written})
    else:
        terminal.data(f"{pushed.tag} {'is' if pushed.written else 'was already'} {pushed.digest}")


def run(
    tag: Annotated[str, typer.Argument(metavar="TAG", help="The tag; docker pulls what it does not have.", autocompletion=complete_tag)],
    port: Annotated[int, typer.Option("--port", metavar="PORT", min=1, max=65535, help="The port on this machine.")] = 8889,
    timeout: Annotated[str, typer.Option("--timeout", metavar="DURATION", help="How long to wait for an answer, such as 10m.")] = "15m",
    env: EnvOption = "prod",
) -> None:
    """Run an image on this machine until Ctrl-C: its address on stdout, its log on stderr."""
    from helmtool.model.duration import parse_duration
    from helmtool.operations.images.run import run_image

    def ready(served: Any) -> None:
        if not terminal.as_json:
            terminal.data(served.address)
            return
        terminal.output = "text"  # before the one document is out, for a Ctrl-C may follow at once: what goes wrong later is said on stderr
        terminal.document({"tag": str(served.tag), "image": served.image, "address": served.address, "container": served.container})

    run_image(tag, env, terminal.settings, port, parse_duration(timeout), terminal, ready, terminal.say)


def backup(
    tag: Annotated[str, typer.Argument(metavar="TAG", help="The tag, as in HG0105a.", autocompletion=complete_tag)],
    to: Annotated[str, typer.Option("--to", metavar="FILE|REPOSITORY", help="FILE.tar, or HOST/PATH of another repository.")],
    env: EnvOption = "prod",
) -> None:
    """Keep a copy of an image that the registry's clean-up cannot take: same digest, every platform."""
    from helmtool.operations.images.backup import back_up

    _show(back_up(tag, to, env, terminal.settings, terminal))


def restore(
    source: Annotated[str, typer.Argument(metavar="FILE[:TAG]|REPOSITORY:TAG", help="A copy that image backup has made.")],
    from_other: Annotated[bool, typer.Option("--from-other", help="Take an archive of another repository too.")] = False,
    env: EnvOption = "prod",
) -> None:
    """Bring a copy back to image.repository, every digest checked; another image's tag is never overwritten."""
    from helmtool.operations.images.backup import restore as operation

    _show(operation(source, env, terminal.settings, terminal, from_other=from_other))


def _show(copied: Any) -> None:
    if terminal.as_json:
        document = {"tag": str(copied.tag), "digest": copied.digest, "from": copied.source, "to": copied.target}
        terminal.document({**document, "size": copied.size, "written": copied.written})
    else:
        verb = "holds" if copied.written else "held already"
        terminal.data(f"{copied.target} {verb} {copied.tag} {copied.digest}, {in_words(copied.size)}")


for command in (build, push, run, backup, restore):
    app.command()(with_globals(command))
