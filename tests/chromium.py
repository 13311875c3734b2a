"""Debian's Chromium as the tests use it: a page, its window, keys, what is seen, what it asks of a network, what axe-core finds."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.support.ui import WebDriverWait

CHROMIUM, DRIVER = "/usr/bin/chromium", "/usr/bin/chromedriver"
"""Debian's packages chromium and chromium-driver."""
ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",  # root's Chromium does not start with one
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
COMMAND_PATIENCE = 120
"""Seconds that one command of the driver may take on a busy machine."""
PATIENCE = 60.0
AXE = Path(__file__).parent / "review/node_modules/axe-core/axe.min.js"


@contextmanager
def started(profile: Path) -> Iterator[webdriver.Chrome]:
    """Chromium with a profile of its own, which logs what its pages complain of and ask for."""
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in (*ARGUMENTS, f"--user-data-dir={profile}"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    driver.set_page_load_timeout(COMMAND_PATIENCE)
    driver.set_script_timeout(COMMAND_PATIENCE)
    try:
        yield driver
    finally:
        driver.quit()


def fresh(driver: webdriver.Chrome) -> None:
    """An empty page, and no log of what Chromium's own first page or an earlier test left."""
    driver.get("about:blank")
    for kind in ("browser", "performance"):
        driver.get_log(kind)


@dataclass
class Browser:
    """One window."""

    driver: webdriver.Chrome
    opened: int = 0

    def open(self, page: Path | str) -> Self:
        """Opens a file or an address anew."""
        self.driver.get(page.as_uri() if isinstance(page, Path) else page)
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

    def press(self, *keys: str) -> Self:
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

    def violations(self) -> list[Any]:
        """What axe-core finds, each as its rule and the elements."""
        self.run(AXE.read_text(encoding="utf-8"))
        find = "axe.run(document, {resultTypes: ['violations']}).then(r => arguments[0](r.violations))"
        found = self.driver.execute_async_script(find)
        return [(v["id"], [(node["html"][:200], node["failureSummary"]) for node in v["nodes"][:3]]) for v in found]
