"""Releases of this machine's own programs, and a server that gives them, or something else."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from helmtool.adapters import tool_download, toolbox

HERE = f"{os.uname().sysname.lower()}-{tool_download.MACHINES[os.uname().machine]}"


def packed(program: str) -> bytes:
    """The program as its release has it."""
    content = toolbox.locate(program).path.read_bytes()
    member = json.loads(tool_download.DATA.read_bytes())[program]["member"]
    if not member:
        return content
    system, machine = HERE.split("-")
    with io.BytesIO() as file:
        with tarfile.open(fileobj=file, mode="w:gz", compresslevel=1) as archive:
            info = tarfile.TarInfo(member.format(system=system, machine=machine))
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        return file.getvalue()


@dataclass
class Mirror:
    """A server whose files are `files`; `hold` is called in the middle of each."""

    files: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    hold: Callable[[], None] = lambda: None
    short: bool = False
    moved: bool = False
    server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        assert self.server
        return f"http://127.0.0.1:{self.server.server_address[1]}/releases"

    def start(self) -> ThreadingHTTPServer:
        mirror = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                mirror.asked.append(self.path)
                content = mirror.files.get(self.path.rpartition("/")[2])
                if mirror.moved and self.path.startswith("/releases/"):
                    self.send_response(302)
                    self.send_header("Location", f"/elsewhere/{self.path.rpartition('/')[2]}")
                    self.end_headers()
                    return
                self.send_response(200 if content is not None else 404)
                self.send_header("Content-Length", str(len(content or b"")))
                self.end_headers()
                if content:
                    self.wfile.write(content[: len(content) // 2])
                    self.wfile.flush()
                    mirror.hold()
                    if not mirror.short:
                        self.wfile.write(content[len(content) // 2 :])

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self.server


def pin(data: Path, releases: dict[str, bytes]) -> dict[str, bytes]:
    """Makes the digests of these the pinned ones; gives them by the names of their files."""
    document = json.loads(data.read_bytes())
    files = {}
    for program, content in releases.items():
        system, machine = HERE.split("-")
        document[program]["sha256"][HERE] = hashlib.sha256(content).hexdigest()
        files[document[program]["file"].format(version=document[program]["version"], system=system, machine=machine)] = content
    data.write_text(json.dumps(document))
    return files


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
