#!/usr/bin/env python3
"""Puts a review into a pull request of GitHub or a merge request of GitLab: one comment, which later runs write anew.

Needs Python alone. What it asks for is documented: GitHub's "REST API endpoints for issue comments", GitLab's "Notes API" and the
variables that both set in a job. The token comes from the environment and goes into a header.
"""

from __future__ import annotations

import json
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PAGE, MOST_PAGES = 100, 100
LONGEST = 65_536
"""Characters of a comment of GitHub; GitLab's may be longer."""
CUT = "\n\nThe rest does not fit into a comment.\n"
TIMEOUT = 30.0
USAGE = "usage: post_review.py FILE NAME\n\nNAME tells the comments of several reviews apart; it is the environment's.\n"


class Failed(Exception):
    """What a person reads where the comment could not be written."""


@dataclass(frozen=True)
class Forge:
    """How comments are listed, added and changed: the list's address, that of one comment, the verb for a change, and the headers."""

    comments: str
    comment: str
    change: str
    headers: Mapping[str, str]


def forge(environ: Mapping[str, str]) -> Forge:
    """The forge whose job this is. Raises Failed where a variable is missing."""
    if environ.get("GITHUB_ACTIONS"):
        root = f"{_need(environ, 'GITHUB_API_URL')}/repos/{_need(environ, 'GITHUB_REPOSITORY')}/issues"
        headers = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
        token = {"Authorization": f"Bearer {_need(environ, 'GITHUB_TOKEN')}"}
        return Forge(f"{root}/{_pull_request(environ)}/comments", f"{root}/comments", "PATCH", headers | token)
    if environ.get("GITLAB_CI"):
        request = f"{_need(environ, 'CI_PROJECT_ID')}/merge_requests/{_need(environ, 'CI_MERGE_REQUEST_IID')}"
        notes = f"{_need(environ, 'CI_API_V4_URL')}/projects/{request}/notes"
        return Forge(notes, notes, "PUT", {"PRIVATE-TOKEN": _need(environ, "HELMTOOL_REVIEW_TOKEN")})
    raise Failed("neither GITHUB_ACTIONS nor GITLAB_CI is set: this runs in a job of one of them")


def _need(environ: Mapping[str, str], name: str) -> str:
    if not environ.get(name):
        raise Failed(f"the variable {name} is not set; see docs/how-to/review-in-ci.md")
    return environ[name]


def _pull_request(environ: Mapping[str, str]) -> int:
    """The number of the pull request, from the event that started the job."""
    try:
        event = json.loads(Path(_need(environ, "GITHUB_EVENT_PATH")).read_text(encoding="utf-8"))
        return int(event["pull_request"]["number"])
    except (OSError, ValueError, KeyError, TypeError):
        raise Failed("the event of this job is not one of a pull request: `on: pull_request` starts one") from None


def post(review: str, name: str, environ: Mapping[str, str]) -> str:
    """Changes the comment that an earlier run has written, or adds one; gives what was done. Raises Failed."""
    where = forge(environ)
    mark = f"<!-- helmtool review: {name} -->\n"
    room = LONGEST - len(mark)
    body = {"body": mark + (review if len(review) <= room else review[: room - len(CUT)] + CUT)}
    for number in _own(where, mark.strip()):
        try:
            _ask(where, where.change, f"{where.comment}/{number}", body)
            return "changed"
        except urllib.error.HTTPError as error:
            if error.code not in (403, 404):  # another account's, or deleted meanwhile: a new one then
                raise
    _ask(where, "POST", where.comments, body)
    return "added"


def _own(where: Forge, mark: str) -> list[int]:
    """The numbers of the comments that begin with the mark, oldest first."""
    found: list[int] = []
    for page in range(1, MOST_PAGES + 1):
        comments = _ask(where, "GET", f"{where.comments}?per_page={PAGE}&page={page}")
        found += [int(comment["id"]) for comment in comments if str(comment.get("body") or "").startswith(mark)]
        if len(comments) < PAGE:
            break
    return sorted(found)


def _ask(where: Forge, method: str, url: str, body: Mapping[str, str] | None = None) -> Any:
    content = json.dumps(body).encode() if body else None
    headers = {**where.headers, "Content-Type": "application/json", "User-Agent": "helmtool-review"}
    request = urllib.request.Request(url, content, headers, method=method)
    with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
        return json.loads(answer.read() or b"null")


def main(arguments: list[str]) -> int:
    """Posts the file; gives the exit code."""
    if len(arguments) != 2:
        sys.stderr.write(USAGE)
        return 2
    try:
        done = post(Path(arguments[0]).read_text(encoding="utf-8"), arguments[1], os.environ)
    except (Failed, OSError, ValueError) as error:
        reason = f"HTTP {error.code} {error.reason} for {error.url}" if isinstance(error, urllib.error.HTTPError) else str(error)
        sys.stderr.write(f"the review was not posted: {reason}\n")
        return 1
    sys.stderr.write(f"the review of {arguments[1]}: comment {done}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
