"""Writes down what a release or rollback does, before it does it and again when it has ended."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from helmtool.adapters.project import GitState
from helmtool.adapters.records import add_record, remove_record
from helmtool.errors import HelmtoolError
from helmtool.model.manifest import Manifest
from helmtool.model.record import Record
from helmtool.model.redaction import redact_text
from helmtool.operations.clock import now, who
from helmtool.operations.session import Session


@dataclass
class Journal:
    """The record of one revision in the making; written as `started` first, so that a killed client leaves a trace.

    `checks` grows with what was seen on the way, and is in every later writing; `commit` is found out where nobody knows it yet.
    """

    session: Session
    action: str
    tag: str
    chart: str
    note: str = ""
    digest: str = ""
    checks: list[str] = field(default_factory=list)
    commit: GitState | None = None
    _written: Record | None = field(default=None, init=False)
    _stored: Manifest | None = field(default=None, init=False)

    @property
    def author(self) -> str:
        """Who does it, and from which commit, for people."""
        return f"{who()} from {self.commit or 'an unknown commit'}"

    async def write(self, revision: int, outcome: str, error: HelmtoolError | None = None) -> None:
        """Writes the record of a revision, over an earlier one of the same; `error` is why it failed.

        Raises OperationFailed, ClusterUnreachable.
        """
        try:
            await asyncio.to_thread(self._write, revision, outcome, error)
        except HelmtoolError:
            raise
        except Exception:  # a mistake of ours leaves no record unfinished if it does not happen twice
            await asyncio.to_thread(self._write, revision, outcome, error)

    async def withdraw(self) -> None:
        """Takes the last record back: its revision turned out to be somebody else's. Raises OperationFailed, ClusterUnreachable."""
        if self._written:
            await asyncio.to_thread(remove_record, self.session.cluster, self.session.environment.release, self._written)

    def _write(self, revision: int, outcome: str, error: HelmtoolError | None) -> None:
        evidence = error.lines if error else []
        git = self.commit = self.commit or self.session.project.git_state()
        record = Record(
            revision=revision,
            action=self.action,
            outcome=outcome,
            when=now(),
            who=who(),
            tag=self.tag,
            digest=self.digest,
            commit=git.commit,
            clean=git.clean,
            chart=self.chart,
            note=redact_text(self.note),
            evidence=tuple(redact_text(text) for text in evidence),
            checks=tuple(redact_text(text) for text in self.checks),
            cause=error.cause_codes[0] if error and error.cause_codes else "",
        )
        self._stored = add_record(self.session.cluster, self.session.environment.release, record, self._stored)
        self._written = record
