"""How a kubeconfig's content is spread over files, written, and named."""

from __future__ import annotations

from typing import Any

from draft import Draft, as_json, as_yaml
from users import Change


def written(render: Any = as_yaml, name: str = "config") -> Change:
    """One file with the document as `render` writes it."""

    def change(draft: Draft) -> None:
        draft.kubeconfig = str(draft.write(name, render(draft.document())))

    return change


def edited(edit: Any) -> Change:
    """One file with a document that `edit` has changed in place."""

    def change(draft: Draft) -> None:
        document = draft.document()
        edit(document)
        draft.kubeconfig = str(draft.write("config", as_yaml(document)))

    return change


def files(*parts: Any) -> Change:
    """Several files of one folder, each a text, or what a function makes of the document."""

    def change(draft: Draft) -> None:
        document = draft.document()
        texts = [part if isinstance(part, str) else as_yaml(part(document)) for part in parts]
        draft.kubeconfig = ":".join(str(draft.write(f"config-{number}", text)) for number, text in enumerate(texts))

    return change


def only(*sections: str) -> Any:
    """What a document has besides other sections."""
    return lambda document: {name: value for name, value in document.items() if name in ("apiVersion", "kind", *sections)}


def without(*sections: str) -> Any:
    return lambda document: {name: value for name, value in document.items() if name not in sections}


def decoy(**more: Any) -> Any:
    """A file with the same names, for another server and user; more sections replace its own."""
    return lambda document: {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": "https://decoy.field.test:6443", "tls-server-name": "decoy.field.test"}}],
        "users": [{"name": "u", "user": {"token": "token-of-a-decoy-D1", "as": "decoy"}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u", "namespace": "decoy"}}],
        "current-context": "x",
        **more,
    }


def empty_entries(document: dict[str, Any]) -> dict[str, Any]:
    """The same names, with nothing in their entries."""
    return {"clusters": [{"name": "c", "cluster": {}}], "users": [{"name": "u", "user": {}}], "contexts": [{"name": "x", "context": {}}]}


def twice(section: str) -> Change:
    """A name that stands twice in one section."""
    return edited(lambda document: document[section].append(dict(document[section][0])))


def in_folders(draft: Draft) -> None:
    """Cluster and user in files of different folders: their relative paths count from their own file."""
    document = draft.document()
    for path in [path for path in draft.folder.rglob("*") if path.is_file() and not path.name.startswith("plugin")]:
        relative = path.relative_to(draft.folder)
        for folder in ("one", "two"):
            draft.write(f"{folder}/{relative}", path.read_bytes(), path.stat().st_mode & 0o777)
    one = draft.write("one/config", as_yaml(only("clusters", "contexts")(document)))
    two = draft.write("two/config", as_yaml(only("users", "current-context")(document)))
    draft.kubeconfig = f"{one}:{two}"


def relative(draft: Draft) -> None:
    written(name="sub/config")(draft)
    written(name="config")(draft)
    draft.kubeconfig = "config"


def relative_dots(draft: Draft) -> None:
    written(name="config")(draft)
    draft.write("sub/x", "")
    draft.kubeconfig = "./sub/../config"


def same_twice(draft: Draft) -> None:
    written()(draft)
    draft.kubeconfig = f"{draft.kubeconfig}:{draft.kubeconfig}"


def missing_among(draft: Draft) -> None:
    written()(draft)
    draft.kubeconfig = f"{draft.folder}/absent:{draft.kubeconfig}:{draft.folder}/absent-as-well"


def empty_parts(draft: Draft) -> None:
    written()(draft)
    draft.kubeconfig = f":{draft.kubeconfig}::"


def missing(draft: Draft) -> None:
    draft.kubeconfig = str(draft.folder / "absent")


def home(draft: Draft) -> None:
    written()(draft)
    draft.environment["HOME"] = str(draft.folder)
    draft.kubeconfig = "~/config"


def folder(draft: Draft) -> None:
    draft.kubeconfig = str(draft.folder)


def linked(draft: Draft) -> None:
    """A symbolic link to a file of another folder."""
    path = draft.write("elsewhere/config", as_yaml(draft.document()))
    (draft.folder / "config").symlink_to(path)
    draft.kubeconfig = str(draft.folder / "config")


def with_argument(name: str, edit: Any = lambda document: None) -> Change:
    """`--context NAME` on the command line."""

    def change(draft: Draft) -> None:
        edited(edit)(draft)
        draft.context_argument = name

    return change


def second_context(document: dict[str, Any]) -> None:
    """A context in use that leads elsewhere, and the one of the command line."""
    other = decoy()(document)
    document["clusters"].append({"name": "d", "cluster": other["clusters"][0]["cluster"]})
    document["contexts"].append({"name": "yy", "context": {"cluster": "d", "user": "u"}})
    document["current-context"] = "yy"


def anchored(document: dict[str, Any]) -> str:
    """The cluster's entry by an alias."""
    cluster = document["clusters"][0]["cluster"]
    rest = without("clusters")(document)
    text = as_yaml({"spare": cluster}).replace("spare:", "spare: &spare", 1)
    return text + "clusters:\n- name: c\n  cluster: *spare\n" + as_yaml(rest)


def merge_key(document: dict[str, Any]) -> str:
    """The cluster's entry by YAML's merge key."""
    return anchored(document).replace("cluster: *spare", "cluster:\n    <<: *spare")


def put(section: str, value: Any) -> Change:
    """Another value for a section."""
    return edited(lambda document: document.update({section: value}))


def entry(section: str, name: str, value: Any) -> Change:
    """Another value in the first entry of a section."""
    return edited(lambda document: document[section][0].update({name: value}))


def in_context(**fields: Any) -> Change:
    """Other fields of the context; None removes one."""

    def edit(document: dict[str, Any]) -> None:
        context = document["contexts"][0]["context"] | fields
        document["contexts"][0]["context"] = {name: value for name, value in context.items() if value is not None}

    return edited(edit)


def broken_other(document: dict[str, Any]) -> None:
    """Entries that no context in use names, which would be refused."""
    document["users"].append({"name": "v", "user": {"token": "a", "username": "b"}})
    document["clusters"].append({"name": "d", "cluster": {"server": "https://x", "certificate-authority": "absent"}})
    document["contexts"].append({"name": "yy", "context": {"cluster": "absent", "user": "absent"}})


FILES: dict[str, Change] = {
    "json": written(as_json),
    "json-one-line": written(lambda document: as_json(document).replace("\n", "")),
    "crlf": written(lambda document: as_yaml(document).replace("\n", "\r\n")),
    "bom": written(lambda document: "\ufeff" + as_yaml(document)),
    "comments": written(lambda document: "# ours\n---\n" + as_yaml(document) + "# end\n"),
    "end-marker": written(lambda document: as_yaml(document) + "...\n"),
    "tabs": written(lambda document: as_yaml(document) + "preferences:\n\tcolors: true\n"),
    "tab-after-colon": written(lambda document: as_yaml(document).replace("kind: Config", "kind:\tConfig")),
    "nul": written(lambda document: as_yaml(document) + "\0"),
    "latin1": written(lambda document: as_yaml(document).encode() + b"# caf\xe9\n"),
    "two-documents": written(lambda document: as_yaml(document) + "---\n" + as_yaml(decoy()(document))),
    "second-document-broken": written(lambda document: as_yaml(document) + "---\n{[\n"),
    "empty-first-document": written(lambda document: "---\n---\n" + as_yaml(document)),
    "anchor": written(anchored),
    "merge-key": written(merge_key),
    "key-twice": written(lambda document: as_yaml(document) + "current-context: absent\n"),
    "key-twice-same": written(lambda document: as_yaml(document) + "kind: Config\n"),
    "yaml-y": written(lambda document: as_yaml(document).replace("name: u", "name: y").replace("user: u", "user: y")),
    "yaml-on": written(lambda document: as_yaml(document).replace("name: u", "name: on").replace("user: u", "user: on")),
    "yaml-date": written(lambda document: as_yaml(document).replace("name: u", "name: 2026-01-05").replace("user: u", "user: 2026-01-05")),
    "yaml-octal": written(lambda document: as_yaml(document).replace("name: u", "name: 0o17").replace("user: u", "user: 0o17")),
    "yaml-sexagesimal": written(lambda document: as_yaml(document).replace("name: u", "name: 1:20").replace("user: u", "user: 1:20")),
    "yaml-exponent": written(lambda document: as_yaml(document).replace("name: u", "name: 1e3").replace("user: u", "user: 1e3")),
    "yaml-tag": written(lambda document: as_yaml(document).replace("kind: Config", "kind: !!str Config")),
    "yaml-own-tag": written(lambda document: as_yaml(document).replace("kind: Config", "kind: !own Config")),
    "unclosed": written(lambda document: as_yaml(document) + "extensions: [\n"),
    "empty": files(""),
    "comments-alone": files("# nothing yet\n"),
    "null-alone": files("null\n"),
    "braces-alone": files("{}\n"),
    "list": files("- a\n"),
    "text": files("no kubeconfig\n"),
    "number": files("12\n"),
    "folder": folder,
    "missing": missing,
    "linked": linked,
    "home": home,
    "relative": relative,
    "relative-dots": relative_dots,
    "same-twice": same_twice,
    "missing-among": missing_among,
    "empty-parts": empty_parts,
    "empty-among": files("", without()),
    "comments-among": files("# none\n", without(), ""),
    "broken-among": files(without(), "{[\n"),
    "list-among": files(without(), "- a\n"),
    "twice-first-wins": files(without(), decoy()),
    "twice-decoy-first": files(decoy(), without()),
    "decoy-without-cluster-first": files(decoy(clusters=[]), without()),
    "decoy-without-user-first": files(decoy(users=[]), without()),
    "decoy-without-context-first": files(decoy(contexts=[]), without()),
    "decoy-context-other": files(lambda document: {"current-context": "yy"}, without()),
    "empty-entries-first": files(empty_entries, without()),
    "empty-entries-last": files(without(), empty_entries),
    "null-sections-first": files("clusters:\nusers:\ncontexts:\n", without()),
    "fields-spread": files(
        lambda document: {"clusters": [{"name": "c", "cluster": {"tls-server-name": "other.field.test"}}]},
        without(),
    ),
    "fields-spread-user": files(lambda document: {"users": [{"name": "u", "user": {"as": "dave"}}]}, without()),
    "fields-spread-context": files(lambda document: {"contexts": [{"name": "x", "context": {"namespace": "n"}}]}, without()),
    "fields-spread-false": files(
        lambda document: {"clusters": [{"name": "c", "cluster": {"disable-compression": False, "tls-server-name": ""}}]}, without()
    ),
    "sections-spread": files(only("clusters"), only("users"), only("contexts"), only("current-context")),
    "current-context-in-second": files(without("current-context"), only("current-context")),
    "current-context-empty-first": files(lambda document: {"current-context": ""}, without()),
    "in-folders": in_folders,
    "twice-cluster": twice("clusters"),
    "twice-user": twice("users"),
    "twice-context": twice("contexts"),
    "twice-other": edited(lambda document: document["users"].extend([{"name": "v", "user": {"token": "1"}}, {"name": "v", "user": {}}])),
    "current-context-missing": edited(lambda document: document.pop("current-context")),
    "current-context-missing-one": edited(lambda document: document.update({"current-context": ""})),
    "current-context-unknown": put("current-context", "absent"),
    "current-context-number": put("current-context", 12),
    "current-context-list": put("current-context", ["x"]),
    "argument": with_argument("x", second_context),
    "argument-unknown": with_argument("absent"),
    "argument-no-current": with_argument("x", lambda document: document.pop("current-context")),
    "argument-current-unknown": with_argument("x", lambda document: document.update({"current-context": "absent"})),
    "context-no-user": in_context(user=None),
    "context-empty-user": in_context(user=""),
    "context-unknown-user": in_context(user="absent"),
    "context-no-cluster": in_context(cluster=None),
    "context-unknown-cluster": in_context(cluster="absent"),
    "context-number-cluster": in_context(cluster=1),
    "context-namespace-wrong": in_context(namespace="Not A Namespace"),
    "context-namespace": in_context(namespace="other"),
    "context-null": entry("contexts", "context", None),
    "context-text": entry("contexts", "context", "c"),
    "cluster-null": entry("clusters", "cluster", None),
    "user-null": entry("users", "user", None),
    "user-text": entry("users", "user", "u"),
    "user-list": entry("users", "user", []),
    "name-number": edited(lambda document: document["users"][0].update({"name": 1})),
    "name-missing": edited(lambda document: document["users"][0].pop("name")),
    "name-empty": edited(
        lambda document: (document["users"][0].update({"name": ""}), document["contexts"][0]["context"].update({"user": ""}))
    ),
    "upper-case-keys": written(lambda document: as_yaml(document).replace("clusters:", "Clusters:").replace("server:", "Server:")),
    "clusters-map": put("clusters", {"c": {}}),
    "users-null": put("users", None),
    "users-text": put("users", "u"),
    "contexts-null-item": edited(lambda document: document["contexts"].append(None)),
    "unknown-section": put("colours", {"a": [1]}),
    "extensions": put("extensions", [{"name": "e", "extension": {"a": 1}}]),
    "extensions-wrong": put("extensions", "e"),
    "preferences": put("preferences", {"colors": True}),
    "preferences-wrong": put("preferences", {"colors": "often"}),
    "no-kind": edited(lambda document: document.pop("kind")),
    "no-version": edited(lambda document: document.pop("apiVersion")),
    "no-kind-no-version": edited(lambda document: (document.pop("kind"), document.pop("apiVersion"))),
    "other-kind": put("kind", "Pod"),
    "other-kind-kubeconfig": put("kind", "KubeConfig"),
    "other-version": put("apiVersion", "v2"),
    "version-with-group": put("apiVersion", "client.config/v1"),
    "version-number": put("apiVersion", 1),
    "kind-empty": put("kind", ""),
    "broken-other-entries": edited(broken_other),
}
"""The default is one file named by its absolute path."""
