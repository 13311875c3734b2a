"""Stands in for the newdqmgui server: its layout, options, ports and signals, without ROOT and CMSSW."""

from __future__ import annotations

import argparse
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / ".python_packages"))

from aiohttp import web  # noqa: E402

WORK_DIR = web.AppKey("work_dir", Path)
SAMPLES = [{"run": 316142, "lumi": 0, "dataset": "/StreamExpress/Run2018A-Express-v1/DQMIO"}]


async def index(_request: web.Request) -> web.FileResponse:
    return web.FileResponse(HERE.parent / "frontend" / "index.html")


async def samples(_request: web.Request) -> web.Response:
    return web.json_response({"data": SAMPLES})


async def latest_runs(_request: web.Request) -> web.Response:
    return web.json_response({"runs": [sample["run"] for sample in SAMPLES]})


async def metrics(_request: web.Request) -> web.Response:
    return web.Response(text="# TYPE stand_in_samples gauge\nstand_in_samples 1\n")


def log(work_dir: Path, line: str) -> None:
    with (work_dir / "logs" / "dqmgui.log").open("a", encoding="utf-8") as file:
        file.write(f"{os.getpid()} {line}\n")


async def renderers(app: web.Application) -> AsyncIterator[None]:
    """The index stays open, and a process below the server renders, until the server stops."""
    work_dir = app[WORK_DIR]
    index = sqlite3.connect(work_dir / "dqmgui.sqlite")
    index.execute("CREATE TABLE IF NOT EXISTS samples (run INTEGER)")
    renderer = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    log(work_dir, "started")
    yield
    # A stop takes a moment, and a renderer that was struck by the same signal is gone by then.
    time.sleep(0.3)
    log(work_dir, "the renderer was there until the end" if renderer.poll() is None else "the renderer was gone before the end")
    if "STAND_IN_LEAVES_RENDERER" not in os.environ:
        renderer.terminate()
        renderer.wait()
    index.close()
    log(work_dir, "stopped")


async def metrics_port(app: web.Application) -> AsyncIterator[None]:
    """18889 beside 8889."""
    other = web.Application()
    other.router.add_get("/metrics", metrics)
    runner = web.AppRunner(other)
    await runner.setup()
    await web.TCPSite(runner, port=arguments.port + 10000).start()
    yield
    await runner.cleanup()


parser = argparse.ArgumentParser()
parser.add_argument("-p", dest="port", type=int, default=8889)
parser.add_argument("-d", dest="work_dir", type=Path, default=HERE.parent / "data")
parser.add_argument("-r", dest="renderers", type=int, default=2)
parser.add_argument("--stderr", action="store_true")
arguments = parser.parse_args()
(arguments.work_dir / "logs").mkdir(parents=True, exist_ok=True)
app = web.Application()
app[WORK_DIR] = arguments.work_dir
app.router.add_get("/", index)
app.router.add_get("/api/v1/samples", samples)
app.router.add_get("/api/v1/latest_runs", latest_runs)
app.cleanup_ctx.extend([renderers, metrics_port])
web.run_app(app, port=arguments.port, print=None)
