"""helmtool with its imports done: forks a process for each command line that comes by a socket, so that a start costs no import.

What is forked is a process as any other: it leads a session, its exit code and signals are its own, and nothing else runs in it.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import pkgutil
import selectors
import socket
import sys
from dataclasses import dataclass
from typing import Any

import helmtool

HEAVY = ("helmtool.__main__", "jsonschema", "kubernetes.client", "kubernetes.config", "kubernetes.dynamic", "pyhelm3", "semver", "yaml")


@dataclass(frozen=True)
class Wanted:
    """A command line, as it was sent; `out` and `err` are descriptors."""

    argv: list[str]
    environment: dict[str, str]
    folder: str
    out: int
    err: int


def serve(path: str) -> Wanted | None:
    """Gives a command line in each process that was forked for one, and nothing where whoever asked is gone (standard input has ended)."""
    selector = selectors.DefaultSelector()
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(path)
        listener.listen()
        selector.register(listener, selectors.EVENT_READ)
        selector.register(sys.stdin, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is sys.stdin:
                    return None
                if key.fileobj is not listener:
                    _tell_end(selector, key)
                elif wanted := _fork(selector, listener):
                    _forget(selector)
                    return wanted


def _fork(selector: selectors.BaseSelector, listener: socket.socket) -> Wanted | None:
    connection, _ = listener.accept()
    message, (out, err), _, _ = socket.recv_fds(connection, 1 << 16, 2)
    pid = os.fork()
    if pid == 0:
        connection.close()
        return Wanted(**json.loads(message), out=out, err=err)
    for descriptor in (out, err):
        os.close(descriptor)
    connection.send(str(pid).encode())
    selector.register(os.pidfd_open(pid), selectors.EVENT_READ, (pid, connection))
    return None


def _forget(selector: selectors.BaseSelector) -> None:
    """Closes in what was forked what is about other commands."""
    for key in list(selector.get_map().values()):
        if key.data:
            key.data[1].close()
            os.close(key.fd)
    selector.close()


def _tell_end(selector: selectors.BaseSelector, key: Any) -> None:
    pid, connection = key.data
    _, status = os.waitpid(pid, 0)
    with connection:
        connection.send(str(os.waitstatus_to_exitcode(status)).encode())
    selector.unregister(key.fileobj)
    os.close(key.fileobj)


def become(wanted: Wanted) -> None:
    """Makes this process what a shell would have started."""
    os.setsid()
    os.chdir(wanted.folder)
    os.environ.clear()
    os.environ.update(wanted.environment)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (wanted.out, 1), (wanted.err, 2)):
        os.dup2(source, target)
        os.close(source)
    sys.argv = ["helmtool", *wanted.argv]


def main() -> None:
    """Imports, serves, and in what was forked runs the program."""
    for module in pkgutil.walk_packages(helmtool.__path__, "helmtool."):
        importlib.import_module(module.name)
    for name in HEAVY:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()  # what is forked copies no page for the sake of its garbage collector
    wanted = serve(sys.argv[1])
    if wanted:
        become(wanted)
        importlib.import_module("helmtool.__main__").main()


if __name__ == "__main__":
    main()
