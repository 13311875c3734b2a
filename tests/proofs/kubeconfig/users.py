"""Users of a kubeconfig: what signs in, and as whom the user acts."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from draft import TOKEN, Draft, encoded

Change = Callable[[Draft], object]
V1, V1BETA1 = "client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"
PLUGIN = """#!/bin/sh
printf '%s' "$KUBERNETES_EXEC_INFO" > FOLDER/asked
printf '%s\\n' "$#" "$@" "$PLUGIN_NAME" "$PWD" > FOLDER/asked-beside
cat FOLDER/answer.json
exit CODE
"""
"""An exec plugin: keeps what it was asked with, and answers what the combination says."""


def token(draft: Draft, value: str = TOKEN) -> None:
    draft.user["token"] = draft.secret(value)


def token_file(draft: Draft, content: str | bytes = "token-in-a-file-Y2k", name: str = "token") -> None:
    draft.write("token", content)
    draft.user["tokenFile"] = name
    if isinstance(content, str) and content.strip():
        draft.secret(content.strip())


def password(draft: Draft, name: str = "carol", word: str = "pass word:ü9") -> None:
    draft.user |= {"username": name, "password": word and draft.secret(word)}


def certificate(draft: Draft) -> None:
    alice = draft.keys.alice
    draft.user |= {"client-certificate-data": encoded(alice.certificate), "client-key-data": draft.secret(encoded(alice.key))}
    draft.secret(alice.key)


def acts_as(draft: Draft, **fields: Any) -> None:
    draft.user |= {name.replace("_", "-"): value for name, value in fields.items()}
    draft.user.setdefault("token", draft.secret(TOKEN))


def plugin(draft: Draft, status: dict[str, Any] | None = None, *, answered: str = V1, code: int = 0, **fields: Any) -> None:
    """An exec plugin that answers with `status`, else with a token; a field of None is left out."""
    answer = {"apiVersion": answered, "kind": "ExecCredential", "status": {"token": "token-of-a-plugin-W4"} if status is None else status}
    draft.write("answer.json", json.dumps(answer))
    for name in ("token", "clientKeyData"):
        if value := (status or {"token": "token-of-a-plugin-W4"}).get(name):
            draft.secret(str(value))
    path = draft.write("plugin", PLUGIN.replace("FOLDER", str(draft.folder)).replace("CODE", str(code)), 0o700)
    entry = {"apiVersion": V1, "command": str(path), "interactiveMode": "IfAvailable", **fields}
    draft.user["exec"] = {name: value for name, value in entry.items() if value is not None}


def plugin_certificate(draft: Draft, **more: Any) -> None:
    bob = draft.keys.bob
    plugin(draft, {"clientCertificateData": bob.certificate, "clientKeyData": bob.key, **more})


def plugin_on_path(draft: Draft) -> None:
    plugin(draft, command="plugin")
    draft.environment["PATH"] = f"{draft.folder}:/usr/bin:/bin"


def plugin_told(draft: Draft) -> None:
    """A plugin that wants to know the cluster, with what only that plugin understands."""
    plugin(draft, provideClusterInfo=True)
    draft.cluster["extensions"] = [{"name": "client.authentication.k8s.io/exec", "extension": {"realm": "field", "depth": [1, True]}}]


def both(*changes: Change) -> Change:
    def change(draft: Draft) -> None:
        for one in changes:
            one(draft)

    return change


EXTRA = {"Team": ["dqm"], "example.com/Rôle x": ["a", "b c"], "lower": ["é"], "pct%41": ["z"], "empty": []}
"""Keys with upper case, a slash, spaces, letters beyond ASCII and a percent sign."""

USERS: dict[str, Change] = {
    "nobody": lambda draft: None,
    "token": token,
    "token-empty": lambda draft: token(draft, ""),
    "token-spaces": lambda draft: token(draft, " token-with-spaces-R5 "),
    "token-newline": lambda draft: token(draft, "token-with-newline-R6\n"),
    "token-number": lambda draft: draft.user.update({"token": 1234567890123}),
    "tokenFile": token_file,
    "tokenFile-newline": lambda draft: token_file(draft, "token-in-a-file-Y3k\n"),
    "tokenFile-spaces": lambda draft: token_file(draft, "  token-in-a-file-Y4k \n\n"),
    "tokenFile-two-lines": lambda draft: token_file(draft, "token-in-a\nfile-Y5k\n"),
    "tokenFile-empty": lambda draft: token_file(draft, ""),
    "tokenFile-blank": lambda draft: token_file(draft, " \n"),
    "tokenFile-missing": lambda draft: draft.user.update({"tokenFile": "absent"}),
    "tokenFile-folder": lambda draft: (draft.write("tokens/a", ""), draft.user.update({"tokenFile": "tokens"})),
    "tokenFile-latin1": lambda draft: token_file(draft, b"token-\xe9-Y6k"),
    "token+tokenFile": both(token, token_file),
    "token+tokenFile-missing": both(token, lambda draft: draft.user.update({"tokenFile": "absent"})),
    "token+tokenFile-empty": both(token, lambda draft: token_file(draft, "")),
    "tokenFile-empty-name": lambda draft: draft.user.update({"tokenFile": ""}),
    "password": password,
    "password-ascii": lambda draft: password(draft, "carol", "pass-9-word"),
    "username-alone": lambda draft: draft.user.update({"username": "carol"}),
    "username-empty-password": lambda draft: password(draft, "carol", ""),
    "password-alone": lambda draft: draft.user.update({"password": draft.secret("lonely-word-8")}),
    "certificate": certificate,
    "certificate-without-key": lambda draft: draft.user.update({"client-certificate-data": encoded(draft.keys.alice.certificate)}),
    "key-without-certificate": lambda draft: draft.user.update({"client-key-data": draft.secret(encoded(draft.keys.alice.key))}),
    "key-of-another": both(certificate, lambda draft: draft.user.update({"client-key-data": draft.secret(encoded(draft.keys.bob.key))})),
    "certificate-no-pem": both(certificate, lambda draft: draft.user.update({"client-certificate-data": encoded("no certificate")})),
    "certificate-chain": both(
        certificate,
        lambda draft: draft.user.update({"client-certificate-data": encoded(draft.keys.alice.certificate + draft.keys.ca.certificate)}),
    ),
    "certificate+token": both(certificate, token),
    "certificate+password": both(certificate, password),
    "certificate+tokenFile": both(certificate, token_file),
    "token+password": both(token, password),
    "tokenFile+password": both(token_file, password),
    "plugin": plugin,
    "plugin-v1beta1": lambda draft: plugin(draft, apiVersion=V1BETA1, answered=V1BETA1),
    "plugin-v1alpha1": lambda draft: plugin(draft, apiVersion="client.authentication.k8s.io/v1alpha1"),
    "plugin-no-version": lambda draft: plugin(draft, apiVersion=None),
    "plugin-other-version-answered": lambda draft: plugin(draft, answered=V1BETA1),
    "plugin-args": lambda draft: plugin(draft, args=["--realm", "a b", "", "$HOME", "é"]),
    "plugin-args-no-text": lambda draft: plugin(draft, args=["--depth", 3]),
    "plugin-env": lambda draft: plugin(draft, env=[{"name": "PLUGIN_NAME", "value": "a b"}, {"name": "PLUGIN_NAME", "value": "last"}]),
    "plugin-env-no-value": lambda draft: plugin(draft, env=[{"name": "PLUGIN_NAME"}]),
    "plugin-env-no-name": lambda draft: plugin(draft, env=[{"value": "x"}]),
    "plugin-relative": lambda draft: plugin(draft, command="./plugin"),
    "plugin-relative-folder": lambda draft: plugin(draft, command=f"../{draft.folder.name}/plugin"),
    "plugin-on-path": plugin_on_path,
    "plugin-missing": lambda draft: plugin(draft, command="./absent"),
    "plugin-missing-on-path": lambda draft: plugin(draft, command="absent-plugin"),
    "plugin-not-executable": both(plugin, lambda draft: (draft.folder / "plugin").chmod(0o600)),
    "plugin-no-command": lambda draft: plugin(draft, command=None),
    "plugin-cluster-info": plugin_told,
    "plugin-certificate": plugin_certificate,
    "plugin-certificate+token": lambda draft: plugin_certificate(draft, token="token-of-a-plugin-W5"),
    "plugin-certificate-without-key": lambda draft: plugin(draft, {"clientCertificateData": draft.keys.bob.certificate}),
    "plugin-key-without-certificate": lambda draft: plugin(draft, {"token": "token-W6", "clientKeyData": draft.keys.bob.key}),
    "plugin-certificate-no-pem": lambda draft: plugin(draft, {"clientCertificateData": "no", "clientKeyData": "no pem at all"}),
    "plugin-empty-status": lambda draft: plugin(draft, {}),
    "plugin-token-number": lambda draft: plugin(draft, {"token": 12345678}),
    "plugin-no-json": both(plugin, lambda draft: draft.write("answer.json", "token: x")),
    "plugin-other-kind": both(plugin, lambda draft: draft.write("answer.json", json.dumps({"apiVersion": V1, "kind": "Config"}))),
    "plugin-fails": lambda draft: plugin(draft, code=1),
    "plugin-expired": lambda draft: plugin(draft, {"token": "token-of-a-plugin-W7", "expirationTimestamp": "2020-01-01T00:00:00Z"}),
    "plugin-expires": lambda draft: plugin(draft, {"token": "token-of-a-plugin-W8", "expirationTimestamp": "2999-01-01T00:00:00+01:00"}),
    "plugin-expiry-wrong": lambda draft: plugin(draft, {"token": "token-of-a-plugin-W9", "expirationTimestamp": "tomorrow"}),
    "plugin-never-interactive": lambda draft: plugin(draft, interactiveMode="Never"),
    "plugin-always-interactive": lambda draft: plugin(draft, interactiveMode="Always"),
    "plugin-mode-missing": lambda draft: plugin(draft, interactiveMode=None),
    "plugin-mode-missing-v1beta1": lambda draft: plugin(draft, apiVersion=V1BETA1, answered=V1BETA1, interactiveMode=None),
    "plugin-mode-unknown": lambda draft: plugin(draft, interactiveMode="Sometimes"),
    "plugin-unknown-field": lambda draft: plugin(draft, timeout=3),
    "plugin+token": both(plugin, token),
    "plugin+tokenFile": both(plugin, token_file),
    "plugin+tokenFile-missing": both(plugin, lambda draft: draft.user.update({"tokenFile": "absent"})),
    "plugin+password": both(plugin, password),
    "plugin+certificate": both(plugin, certificate),
    "plugin-certificate+certificate": both(plugin_certificate, certificate),
    "plugin+provider": both(plugin, lambda draft: draft.user.update({"auth-provider": {"name": "oidc"}})),
    "exec-no-map": lambda draft: draft.user.update({"exec": "plugin"}),
    "exec-null": both(token, lambda draft: draft.user.update({"exec": None})),
    "as": lambda draft: acts_as(draft, **{"as": "system:serviceaccount:dqm:deployer"}),
    "as-groups": lambda draft: acts_as(draft, **{"as": "dave", "as_groups": ["system:masters", "dqm shift", "dqm shift"]}),
    "as-uid": lambda draft: acts_as(draft, **{"as": "dave", "as_uid": "4f-1"}),
    "as-extra": lambda draft: acts_as(draft, **{"as": "dave", "as_user_extra": EXTRA}),
    "as-extra-null": lambda draft: acts_as(draft, **{"as": "dave", "as_user_extra": {"team": None}}),
    "as-everything": lambda draft: acts_as(draft, **{"as": "dave", "as_groups": ["g"], "as_uid": "7", "as_user_extra": {"a": ["b"]}}),
    "as-beyond-ascii": lambda draft: acts_as(draft, **{"as": "dåve"}),
    "as-newline": lambda draft: acts_as(draft, **{"as": "dave\nX-Other: 1"}),
    "as-empty-group": lambda draft: acts_as(draft, **{"as": "dave", "as_groups": [""]}),
    "as-groups-alone": lambda draft: acts_as(draft, as_groups=["g"]),
    "as-uid-alone": lambda draft: acts_as(draft, as_uid="7"),
    "as-extra-alone": lambda draft: acts_as(draft, as_user_extra={"a": ["b"]}),
    "as-empty": lambda draft: acts_as(draft, **{"as": ""}),
    "as-no-text": lambda draft: acts_as(draft, **{"as": 12}),
    "as-groups-text": lambda draft: acts_as(draft, **{"as": "dave", "as_groups": "g"}),
    "as+certificate": both(certificate, lambda draft: draft.user.update({"as": "dave"})),
    "as+plugin": both(plugin, lambda draft: draft.user.update({"as": "dave"})),
    "as-nobody": lambda draft: draft.user.update({"as": "dave"}),
    "unknown-field": both(token, lambda draft: draft.user.update({"colour": "blue", "Token": "token-in-upper-case-T3"})),
}
