"""Chromium as the tests use it: a page, its window, keys, and what is seen."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.support.ui import WebDriverWait

PATIENCE = 60.0


@dataclass
class Browser:
    """One window."""

    driver: webdriver.Chrome
    opened: int = 0

    def open(self, file: Path) -> Browser:
        """Opens the file anew."""
        self.driver.get(file.as_uri())
        self.opened += 1
        return self

    def window(self, width: int, height: int) -> None:
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)

    def prefer(self, scheme: str, media: str = "") -> None:
        """What the system prefers: light or dark; and the medium, such as print."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media, "features": features})

    def scripts(self, allowed: bool) -> None:
        self.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": not allowed})

    def run(self, script: str, *arguments: Any) -> Any:
        return self.driver.execute_script(script, *arguments)

    def press(self, *keys: str) -> Browser:
        ActionChains(self.driver).send_keys(*keys).perform()
        return self

    def text(self, selector: str) -> list[str]:
        """The visible text of each element."""
        found: list[str] = self.run("return [...document.querySelectorAll(arguments[0])].map(e => e.innerText)", selector)
        return found

    def until(self, condition: Callable[[], Any]) -> None:
        WebDriverWait(self.driver, PATIENCE).until(lambda _: condition())

    def heard(self, method: str) -> list[dict[str, Any]]:
        """What Chromium told since this was asked last: the parameters of each event of one kind."""
        messages = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        return [message["params"] for message in messages if message["method"] == method]

    @property
    def current(self) -> str:
        """The object that has the focus."""
        name: str = self.run("return document.activeElement.closest('.object')?.querySelector('.name').textContent ?? ''")
        return name

    @property
    def open_objects(self) -> list[str]:
        found: list[str] = self.run("return [...document.querySelectorAll('.object[open] .name')].map(e => e.textContent)")
        return found

    @property
    def shown_objects(self) -> list[str]:
        found: list[str] = self.run("return [...document.querySelectorAll('.object:not([hidden]) .name')].map(e => e.textContent)")
        return found

    def highlights(self, name: str) -> list[str]:
        """The text of each place that is highlighted."""
        found: list[str] = self.run("return [...(CSS.highlights.get(arguments[0]) ?? [])].map(r => r.toString())", name)
        return found
