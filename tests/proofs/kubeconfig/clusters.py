"""Clusters of a kubeconfig: the server's address and how it is verified; and how the files of certificates are named."""

from __future__ import annotations

from draft import Draft, encoded
from users import Change, both, certificate


def at(**fields: object) -> Change:
    """The server's address with other parts."""

    def change(draft: Draft) -> None:
        for name, value in fields.items():
            setattr(draft, name, value)

    return change


def with_fields(**fields: object) -> Change:
    """The cluster's entry with more fields."""
    return lambda draft: draft.cluster.update({name.replace("_", "-"): value for name, value in fields.items()})


def literal(text: str) -> Change:
    """A server as it stands; API and DEAD are ports."""

    def change(draft: Draft) -> None:
        draft.server = text.replace("API", str(draft.ports["api"])).replace("DEAD", str(draft.ports["dead"]))

    return change


def _no_ca(draft: Draft) -> None:
    for name in ("certificate-authority", "certificate-authority-data"):
        draft.cluster.pop(name, None)


def _other_ca(draft: Draft) -> None:
    _no_ca(draft)
    draft.cluster["certificate-authority-data"] = encoded(draft.keys.other_ca.certificate)


def _both_cas(draft: Draft) -> None:
    _no_ca(draft)
    draft.cluster["certificate-authority-data"] = encoded(draft.keys.other_ca.certificate + draft.keys.ca.certificate)


def _dead(draft: Draft) -> None:
    draft.host, draft.port = "127.0.0.1", draft.ports["dead"]


INSECURE = {"insecure-skip-tls-verify": True}
CLUSTERS: dict[str, Change] = {
    "prefix": at(prefix="/k8s/clusters/c-1"),
    "prefix-slash": at(prefix="/k8s/"),
    "prefix-slashes": at(prefix="/k8s//c-1//"),
    "prefix-encoded": at(prefix="/k8s%2Fa/b c"),
    "prefix-dots": at(prefix="/a/../b/./c"),
    "slash": at(prefix="/"),
    "query": at(prefix="/k8s?a=b"),
    "fragment": at(prefix="/k8s#a"),
    "no-scheme": literal("127.0.0.1:API"),
    "no-scheme-localhost": literal("localhost:API"),
    "no-scheme-prefix": literal("localhost:API/k8s"),
    "no-scheme-name": literal("api.field.test:6443"),
    "slashes-alone": literal("//127.0.0.1:API"),
    "no-port": literal("https://127.0.0.1"),
    "port-empty": literal("https://127.0.0.1:"),
    "port-too-large": literal("https://127.0.0.1:99999"),
    "port-word": literal("https://127.0.0.1:https"),
    "http": at(scheme="http"),
    "http-prefix": at(scheme="http", prefix="/k8s"),
    "http-localhost": at(scheme="http", host="localhost"),
    "upper-case-scheme": at(scheme="HTTPS"),
    "upper-case-host": at(host="LOCALHOST"),
    "ftp": at(scheme="ftp"),
    "wss": at(scheme="wss"),
    "account": both(literal("https://carol:word-of-9@127.0.0.1:API"), lambda draft: draft.secret("word-of-9")),
    "account-dead": both(literal("https://carol:word-of-9@127.0.0.1:DEAD"), lambda draft: draft.secret("word-of-9")),
    "account-alone": literal("https://carol@127.0.0.1:API"),
    "server-empty": with_fields(server=""),
    "server-null": with_fields(server=None),
    "server-spaces": literal(" https://127.0.0.1:API "),
    "server-space-inside": literal("https://127.0.0.1:API/a b"),
    "server-number": with_fields(server=6443),
    "server-words": literal("not an address"),
    "ipv6": at(host="[::1]"),
    "ipv6-no-brackets": literal("https://::1:API"),
    "localhost": at(host="localhost"),
    "dot-at-end": at(host="localhost."),
    "dead": _dead,
    "tls-server-name": with_fields(tls_server_name="other.field.test"),
    "tls-server-name-localhost": both(at(host="localhost"), with_fields(tls_server_name="other.field.test")),
    "tls-server-name-wrong": with_fields(tls_server_name="elsewhere.test"),
    "tls-server-name-address": with_fields(tls_server_name="127.0.0.1"),
    "tls-server-name-empty": with_fields(tls_server_name=""),
    "tls-server-name-insecure": both(_no_ca, with_fields(tls_server_name="elsewhere.test", insecure_skip_tls_verify=True)),
    "insecure": both(_no_ca, with_fields(insecure_skip_tls_verify=True)),
    "insecure-with-ca": with_fields(insecure_skip_tls_verify=True),
    "insecure-false": with_fields(insecure_skip_tls_verify=False),
    "insecure-text": with_fields(insecure_skip_tls_verify="true"),
    "insecure-null": with_fields(insecure_skip_tls_verify=None),
    "insecure-http": both(_no_ca, at(scheme="http"), with_fields(insecure_skip_tls_verify=True)),
    "no-ca": _no_ca,
    "no-ca-system": both(_no_ca, lambda draft: draft.environment.update({"SSL_CERT_FILE": str(draft.keys.ca_file)})),
    "system-and-other-ca": both(_other_ca, lambda draft: draft.environment.update({"SSL_CERT_FILE": str(draft.keys.ca_file)})),
    "other-ca": _other_ca,
    "two-cas": _both_cas,
    "disable-compression": with_fields(disable_compression=True),
    "disable-compression-text": with_fields(disable_compression="yes"),
    "unknown-field": with_fields(colour="blue", **{"INSECURE_SKIP_TLS_VERIFY": True}),
    "cluster-null": lambda draft: draft.cluster.update({"certificate-authority": None}),
}
"""The default is https://127.0.0.1 with a CA in certificate-authority-data."""


def _ca_file(draft: Draft, name: str, content: str | None = None) -> None:
    _no_ca(draft)
    draft.write(name, draft.keys.ca.certificate if content is None else content)
    draft.cluster["certificate-authority"] = name


def _client_files(draft: Draft, folder: str = "", *, absolute: bool = False) -> None:
    alice = draft.keys.alice
    paths = (draft.write(f"{folder}alice.pem", alice.certificate), draft.write(f"{folder}alice.key", draft.secret(alice.key)))
    names = (str(path) if absolute else str(path.relative_to(draft.folder)) for path in paths)
    draft.user |= dict(zip(("client-certificate", "client-key"), names, strict=True))


def _bobs_files(draft: Draft) -> None:
    """Files of another client beside the data."""
    draft.write("bob.pem", draft.keys.bob.certificate)
    draft.write("bob.key", draft.secret(draft.keys.bob.key))


def _user(**fields: object) -> Change:
    return lambda draft: draft.user.update({name.replace("_", "-"): value for name, value in fields.items()})


PATHS: dict[str, Change] = {
    "ca-relative": lambda draft: _ca_file(draft, "ca.pem"),
    "ca-relative-folder": lambda draft: _ca_file(draft, "pki/ca.pem"),
    "ca-absolute": both(
        lambda draft: _ca_file(draft, "pki/ca.pem"),
        lambda draft: with_fields(certificate_authority=str(draft.folder / "pki/ca.pem"))(draft),
    ),
    "ca-missing": both(_no_ca, with_fields(certificate_authority="absent.pem")),
    "ca-folder": both(lambda draft: _ca_file(draft, "pki/ca.pem"), with_fields(certificate_authority="pki")),
    "ca-empty-name": with_fields(certificate_authority=""),
    "ca-file-and-data": both(_other_ca, lambda draft: _ca_also(draft, draft.keys.ca.certificate)),
    "ca-missing-file-and-data": with_fields(certificate_authority="absent.pem"),
    "ca-file-empty": lambda draft: _ca_file(draft, "ca.pem", ""),
    "ca-file-no-pem": lambda draft: _ca_file(draft, "ca.pem", "no certificate\n"),
    "ca-with-words": lambda draft: _ca_file(draft, "ca.pem", f"The CA of the field\n{draft.keys.ca.certificate}# end\n"),
    "ca-with-key": lambda draft: _ca_file(draft, "ca.pem", draft.secret(draft.keys.other_ca.key) + draft.keys.ca.certificate),
    "ca-data-base64-wrong": with_fields(certificate_authority_data="!!no base64!!"),
    "ca-data-base64-cut": lambda draft: with_fields(certificate_authority_data=encoded(draft.keys.ca.certificate).rstrip("=")[:-1])(draft),
    "ca-data-wrapped": lambda draft: with_fields(certificate_authority_data=_wrapped(encoded(draft.keys.ca.certificate)))(draft),
    "ca-data-spaces": lambda draft: with_fields(certificate_authority_data=f" {encoded(draft.keys.ca.certificate)} ")(draft),
    "ca-data-url-safe": lambda draft: with_fields(certificate_authority_data=encoded(draft.keys.ca.certificate).replace("/", "_"))(draft),
    "ca-data-pem": lambda draft: with_fields(certificate_authority_data=draft.keys.ca.certificate)(draft),
    "ca-data-no-pem": with_fields(certificate_authority_data=encoded("no certificate")),
    "ca-data-empty": with_fields(certificate_authority_data=""),
    "ca-data-number": with_fields(certificate_authority_data=1234),
    "client-relative": _client_files,
    "client-relative-folder": lambda draft: _client_files(draft, "pki/"),
    "client-absolute": lambda draft: _client_files(draft, "pki/", absolute=True),
    "client-missing": _user(client_certificate="absent.pem", client_key="absent.key"),
    "client-key-missing": both(_client_files, _user(client_key="absent.key")),
    "client-in-one-file": both(
        _client_files,
        lambda draft: draft.write("one.pem", draft.keys.alice.key + draft.keys.alice.certificate),
        _user(client_certificate="one.pem", client_key="one.pem"),
    ),
    "client-file-and-data": both(certificate, _bobs_files, _user(client_certificate="bob.pem", client_key="bob.key")),
    "client-missing-file-and-data": both(certificate, _user(client_certificate="absent.pem", client_key="absent.key")),
    "client-certificate-file-key-data": both(
        certificate, _client_files, lambda draft: (draft.user.pop("client-certificate-data"), draft.user.pop("client-key"))
    ),
    "client-data-base64-wrong": both(certificate, _user(client_key_data="!!no base64!!")),
    "client-data-empty": both(_client_files, _user(client_certificate_data="", client_key_data="")),
}
"""How the certificates of the CA and of the client are named."""


def _ca_also(draft: Draft, content: str) -> None:
    draft.write("ca.pem", content)
    draft.cluster["certificate-authority"] = "ca.pem"


def _wrapped(text: str) -> str:
    return "\n".join(text[start : start + 64] for start in range(0, len(text), 64)) + "\n"
