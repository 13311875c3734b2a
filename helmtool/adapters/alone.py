"""A module of a package without the package's own code, where that imports much that is not used."""

from __future__ import annotations

import sys
import threading
from importlib import import_module
from importlib.util import find_spec, module_from_spec
from typing import Any

_importing = threading.Lock()


def module_alone(name: str, *packages: str) -> Any:
    """The module, imported while its `packages`, outermost first, are mere folders; who imports one of them later gets it whole.

    Of a package that is loaded already, nothing is left out. Raises ModuleNotFoundError.
    """
    with _importing:
        if name in sys.modules:
            return sys.modules[name]
        folders = []
        try:
            for package in packages:
                if package not in sys.modules and (found := find_spec(package)):
                    sys.modules[package] = module_from_spec(found)
                    folders.append(package)
            return import_module(name)
        finally:
            for package in folders:
                del sys.modules[package]
