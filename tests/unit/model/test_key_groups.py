"""Who can decrypt a file, by the metadata of sops in any of its forms, and what another encryption would lose."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helmtool.model.envelope import read_envelope
from helmtool.model.key_groups import KeyGroups, Recipient, read_key_groups, unflatten

A = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"
B = "age1xmwwc06ly3ee5rytxm9mflaz2u56jjj36s0mypdrwsvlul66mv4q47ryef"
SSH = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIH/cb53wF8FM6TIefPMsWGuVqfPazx0AAsaJ4c0hdLce"
GROUPS = {
    "shamir_threshold": 2,
    "key_groups": [{"age": [{"recipient": A}], "hc_vault": []}, {"age": [{"recipient": B}], "pgp": [{"fp": "F"}]}],
}


@pytest.mark.parametrize(
    ("name", "entry", "shown"),
    [
        ("age", {"recipient": A, "enc": "x"}, A),
        ("age", {"recipient": f"{SSH} someone, somewhere", "enc": "x"}, SSH),
        ("pgp", {"fp": "F00", "enc": "x", "created_at": "t"}, "pgp F00"),
        ("kms", {"arn": "arn:k", "enc": "x"}, "kms arn:k"),
        ("kms", {"arn": "arn:k", "role": "r", "context": {"a": "b"}, "enc": "x"}, "kms arn:k+r"),
        ("gcp_kms", {"resource_id": "projects/p", "enc": "x"}, "gcp-kms projects/p"),
        ("hckms", {"key_id": "r:1", "enc": "x"}, "hckms r:1"),
        ("azure_kv", {"vault_url": "https://v", "name": "n", "version": "1", "enc": "x"}, "azure-kv https://v/keys/n/1"),
        ("hc_vault", {"vault_address": "https://v", "engine_path": "e", "key_name": "k"}, "hc-vault-transit https://v/v1/e/keys/k"),
        ("new_kms", {"id": "i", "enc": "x", "created_at": "t"}, "new-kms i"),
        ("pgp", {}, "pgp ?"),
    ],
)
def test_every_kind_of_recipient(name: str, entry: dict[str, Any], shown: str) -> None:
    assert str(read_key_groups({name: [entry]})) == shown


def test_groups_and_threshold() -> None:
    found = read_key_groups(GROUPS)
    assert str(found) == f"2 of 2 key groups together: ({A}), ({B}, pgp F)"
    assert [found.opened_by(keys) for keys in ([], [A], [B], [A, B])] == [0, 1, 1, 2]
    assert read_key_groups({**GROUPS, "shamir_threshold": 0}).threshold == 2  # as sops: all of them
    assert read_key_groups({**GROUPS, "age": [{"recipient": A}]}) == KeyGroups(((Recipient("age", A),),), 1)


def test_the_flat_forms_say_the_same() -> None:
    """dotenv and INI."""
    flat = [
        ("key_groups__list_0__map_age__list_0__map_recipient", A),
        ("key_groups__list_1__map_age__list_0__map_recipient", B),
        ("key_groups__list_1__map_pgp__list_0__map_fp", "F"),
        ("shamir_threshold", "2"),
    ]
    assert read_key_groups(unflatten(flat)) == read_key_groups(GROUPS)
    dotenv = "A=ENC[AES256_GCM,x]\n" + "".join(f"sops_{name}={value}\n" for name, value in flat) + "sops_version=3\n"
    ini = "[x]\na = ENC[AES256_GCM,x]\n[sops]\n" + "".join(f"{name} = {value}\n" for name, value in flat)
    for text in (dotenv, ini, json.dumps({"data": "ENC[AES256_GCM,x]", "sops": GROUPS})):
        assert read_envelope(text.encode(), "a").key_groups == read_key_groups(GROUPS)


@pytest.mark.parametrize(
    ("metadata", "kept", "lost"),
    [
        ({"age": [{"recipient": A}, {"recipient": B}]}, [], ""),
        ({"age": [{"recipient": A}, {"recipient": SSH}]}, [A], f"it is also for {SSH}"),
        ({"age": [{"recipient": A}, {"recipient": f"{SSH} c"}]}, [SSH], ""),
        ({"age": [{"recipient": "age1yubikey1abc"}]}, [A], "it is also for age1yubikey1abc"),
        ({"age": [{"recipient": "age1pq1abc"}]}, [A], ""),
        ({"pgp": [{"fp": "F"}]}, [A, "F"], "it is also for pgp F"),
        (GROUPS, [A, B], "it is for 2 of 2 key groups"),
    ],
)
def test_what_would_be_lost(metadata: dict[str, Any], kept: list[str], lost: str) -> None:
    found = read_key_groups(metadata).lost(kept)
    assert found.startswith(lost)
    assert bool(found) == bool(lost)


def test_the_same_people() -> None:
    one = read_key_groups({"age": [{"recipient": A}, {"recipient": SSH}]})
    assert one.same_as(read_key_groups({"age": [{"recipient": f"{SSH} c"}, {"recipient": A}]}))
    assert not one.same_as(read_key_groups({"age": [{"recipient": A}]}))
    assert not read_key_groups(GROUPS).same_as(read_key_groups({**GROUPS, "shamir_threshold": 1}))


@given(
    st.recursive(
        st.none() | st.integers() | st.text(), lambda s: st.lists(s) | st.dictionaries(st.sampled_from([*"ab", "age", "key_groups"]), s)
    )
)
def test_metadata_of_any_shape(value: Any) -> None:
    assert str(read_key_groups(value if isinstance(value, dict) else {"age": value, "key_groups": value}))


@given(st.lists(st.tuples(st.lists(st.sampled_from(["age", "list_0", "map_age", "list_x", ""])).map("__".join), st.text())))
def test_flat_names_of_any_shape(pairs: list[tuple[str, str]]) -> None:
    assert str(read_key_groups(unflatten(pairs)))
