"""The process around one server: its event loop, Twisted's reactor on it, how threads and memory are managed."""

import asyncio
import gc
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import cast

from twisted.internet.asyncioreactor import AsyncioSelectorReactor
from twisted.internet.interfaces import IReactorCore
from twisted.internet.main import installReactor

from alarmd.adapters.exit_codes import STOPPED
from alarmd.application import Application
from alarmd.config import Config

# Seconds after which the writer thread lets the loop run. At 5,000 alarms/s, p99 of the ACK: 17-47 ms with the default
# of 5 ms, 12-13 ms with 1 ms, 24-28 ms with 0.1 ms; and 1 ms had the highest rate at saturation.
SWITCH_INTERVAL = 0.001
# Threads, made when they are needed, in which names are looked up: those of cameras, each of which a resolver that does
# not answer may hold for 30 s, and those of destinations, whose alarms must not wait behind them.
LOOKUPS = 256


def serve(config: Config) -> int:
    """Run the server until SIGTERM or SIGINT. Returns the exit code; raises StartError if it cannot start."""
    sys.setswitchinterval(SWITCH_INTERVAL)
    gc.disable()  # until everything is loaded: it would look at 100,000 devices again and again and find nothing
    loop = asyncio.SelectorEventLoop()  # not uvloop, which goes deaf after one ICMP error
    asyncio.set_event_loop(loop)
    loop.set_default_executor(ThreadPoolExecutor(LOOKUPS, thread_name_prefix="lookups"))
    reactor = AsyncioSelectorReactor(loop)
    # Before anything imports Twisted's global reactor, which would be another one.
    installReactor(reactor)  # type: ignore[no-untyped-call]  # Twisted does not type it
    core = cast(IReactorCore, reactor)  # its own methods are not typed
    application = Application(config, loop, reactor)
    life: list[asyncio.Task[None]] = []

    def begin() -> None:
        task = loop.create_task(application.run())
        task.add_done_callback(lambda _done: core.stop())
        life.append(task)

    core.callWhenRunning(begin)
    reactor.run(installSignalHandlers=False)  # type: ignore[no-untyped-call]  # IReactorCore.run lacks the argument
    life[0].result()
    return STOPPED
