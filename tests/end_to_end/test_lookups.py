"""Names of cameras that no resolver answers for: alarms are told meanwhile."""

import os
from pathlib import Path

import httpx

from tests.end_to_end.places import webhook
from tests.fakes.receiver import Receiver
from tests.serving import LOOPBACK, served
from tests.waiting import wait_until

USUAL_THREADS = min(32, (os.cpu_count() or 1) + 4)  # for all lookups of a program that does not say how many
# Python reads a module of this name at its start. In place of a resolver that is away, which is nobody's to arrange.
WITHOUT_RESOLVER = """
import socket, sys, threading
usual = socket.getaddrinfo
def lookup(host, *others, **named):
    name = host.decode() if isinstance(host, bytes) else host
    if str(name).endswith(".invalid"):
        print(f"looking for {name}", file=sys.stderr, flush=True)
        threading.Event().wait()
    return usual(host, *others, **named)
socket.getaddrinfo = lookup
"""


def test_an_alarm_does_not_wait_for_the_names_of_cameras(tmp_path: Path, hook: Receiver) -> None:
    (tmp_path / "sitecustomize.py").write_text(WITHOUT_RESOLVER)
    environ = {"PYTHONPATH": f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}
    settings = webhook(hook) | {"ALARMS_DESTINATIONS": "hook"}
    settings["DESTINATIONS_HOOK_URL"] = hook.url.replace(LOOPBACK, "localhost")
    with served(tmp_path, environ, **settings) as server:
        operator = httpx.Client(transport=httpx.HTTPTransport(uds=str(server.state / "control.sock")))
        for number in range(USUAL_THREADS):
            server.ask(f"cam{number},HEARTBEAT,0,0,0,0,0,0".encode())
            camera = f"http://alarmd/api/v1/cameras/cam{number}"
            operator.patch(camera, json={"pull_url": f"http://cam{number}.invalid/"}).raise_for_status()
            operator.post(f"{camera}/snapshot").raise_for_status()
        wait_until(lambda: server.log_text().count("looking for") >= USUAL_THREADS, "the lookups")
        server.ask(b"gate,MOAL,gate,0,0,0,0,0")
        wait_until(lambda: hook.received, "the alarm")
        assert server.stop() == 0  # nor does the end, though these lookups have none
