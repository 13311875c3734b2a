"""secrets plaintext: what a commit would hold in the clear. Needs neither an identity nor sops, so a hook can ask before each commit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

from helmtool.adapters.files import SUFFIX, read_regular
from helmtool.adapters.git import Git
from helmtool.errors import HelmtoolError, InvalidInput, Problem
from helmtool.model.envelope import read_envelope
from helmtool.model.keytab import MAGIC, OLD_MAGIC
from helmtool.model.redaction import redact_text

ENCRYPT = "encrypt it, or name it in .gitignore"


class PlaintextFound(InvalidInput):
    """Files of a services_config checkout that are secrets and not encrypted; each is a problem."""

    code = "plaintext"


def require_encrypted(files: Sequence[Path]) -> int:
    """Looks at files as they are in the working tree, and gives how many are encrypted. Raises PlaintextFound.

    The rule is that of `secrets check`: a file of a service's folder that the next commit would be the first to hold is
    encrypted; one that git has already may be settings, unless it is the plaintext of an encrypted file, or a key or token can be
    seen in it.
    """
    problems: list[Problem] = []
    for folder, group in groupby(sorted(files, key=lambda file: (file.parent, file.name)), key=lambda file: file.parent):
        git = Git(folder)
        root = git.root()
        new = git.new() if root and _depth(folder, root) == 1 else frozenset()
        problems += [Problem(reason, file=str(file)) for file in group for reason in _reasons(file, new)]
    if problems:
        count = "1 file is" if len(problems) == 1 else f"{len(problems)} files are"
        raise PlaintextFound(f"{count} not encrypted as it should be", problems=problems, hint="helmtool secrets encrypt FILE --remove")
    return sum(file.name.endswith(SUFFIX) for file in files)


def _depth(folder: Path, root: Path) -> int:
    """How many folders below the top of the repository it is: a service's is one."""
    return len(folder.resolve().relative_to(root.resolve()).parts)


def _reasons(file: Path, new: frozenset[str]) -> Iterator[str]:
    """Why a file must not be committed as it is; nothing of its content."""
    try:
        content = read_regular(file)
        if file.name.endswith(SUFFIX):
            if read_envelope(content, file.name.removesuffix(SUFFIX)).partly_clear:
                yield "a value in it is not encrypted"
        elif file.with_name(file.name + SUFFIX).exists():
            yield f"the plaintext of {file.name}{SUFFIX}: name it in .gitignore, and git rm --cached it"
        elif _shows_a_key(content):
            yield f"a key or a token is in it: {ENCRYPT}; if it was ever pushed, change the secret itself"
        elif file.name in new and not file.name.startswith("."):
            yield f"new, and not encrypted: {ENCRYPT}"
    except HelmtoolError as problem:
        yield problem.message


def _shows_a_key(content: bytes) -> bool:
    """Whether it is a keytab, or holds what the redactor would strike from any output: a private key, a token, a keytab in base64."""
    text = content.decode(errors="replace")
    return content.startswith((MAGIC, OLD_MAGIC)) or redact_text(text) != text
