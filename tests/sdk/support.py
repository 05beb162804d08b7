"""What the Python agents and clients of both SDK versions share: no SDK import here."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import sys
import time

# Longest a task waits to be cancelled, in seconds.
MAX_WORK_SECONDS = 600.0
# Longest a scenario may take before the client gives up on it, in seconds.
SCENARIO_SECONDS = 60.0


def parse_command(text: str) -> tuple[str, list[int]]:
    """Splits an agent command such as `stream 20 100` into its word and its numbers."""
    word, *rest = text.split(' ')
    numbers = [int(item) for item in rest if item.isdigit()]
    return word, numbers if len(numbers) == len(rest) else []


def answer(text: str) -> str:
    """The text that every agent answers to a message which is no other command."""
    word, numbers = parse_command(text)
    if word == 'count':
        return f'{len(text)} characters'
    if word == 'size' and numbers:
        return 'x' * numbers[0]
    return f'echo: {text}'


class Observed:
    """ASGI middleware: keeps each request's method, path and headers, shown at `/_observed`."""

    def __init__(self, app):
        self.app = app
        self.requests: list[dict] = []

    async def __call__(self, scope, receive, send):
        if scope['type'] != 'http':
            return await self.app(scope, receive, send)
        if scope['path'] == '/_observed':
            body = json.dumps({'requests': self.requests}).encode()
            headers = [(b'content-type', b'application/json'), (b'content-length', str(len(body)).encode())]
            await send({'type': 'http.response.start', 'status': 200, 'headers': headers})
            return await send({'type': 'http.response.body', 'body': body})
        headers = [[name.decode('latin-1'), value.decode('latin-1')] for name, value in scope['headers']]
        query = scope['query_string'].decode('latin-1')
        self.requests.append(
            {'method': scope['method'], 'path': scope['path'], 'query': query, 'headers': headers}
        )
        return await self.app(scope, receive, send)


def bind(port: int) -> tuple[socket.socket, str]:
    """Listens on loopback, so that the card can name the port before the server runs."""
    # asyncio turns off Nagle's algorithm only on sockets that name TCP.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(('127.0.0.1', port))
    listener.listen(1024)
    return listener, f'http://127.0.0.1:{listener.getsockname()[1]}'


def serve(app, listener: socket.socket, url: str) -> None:
    """Prints the ready line and serves until SIGTERM or SIGINT."""
    import uvicorn

    config = uvicorn.Config(
        Observed(app), log_level='warning', lifespan='off', timeout_graceful_shutdown=1
    )
    print(json.dumps({'ready': True, 'url': url}), flush=True)
    uvicorn.Server(config).run(sockets=[listener])


class Failed(Exception):
    """An observation that differs from what the scenario expects."""


def expect(condition: bool, message: str) -> None:
    """Raises `Failed` with the message unless the condition holds."""
    if not condition:
        raise Failed(message)


def emit(record: dict) -> None:
    """Prints one record as one line of JSON."""
    print(json.dumps(record, default=str), flush=True)


async def run_scenarios(scenarios: dict, names: list[str], describe_error) -> int:
    """Runs the named scenarios in order; the exit status says whether all met expectations."""
    status = 0
    for name in names:
        started = time.monotonic()
        record: dict = {'scenario': name, 'ok': True}
        try:
            observed = await asyncio.wait_for(scenarios[name](), SCENARIO_SECONDS)
            record.update(observed)
        except Failed as error:
            record.update(ok=False, failure=str(error))
        except Exception as error:  # noqa: BLE001 - every failure is a result to report
            record.update(ok=False, failure='unexpected error', error=describe_error(error))
        record['seconds'] = round(time.monotonic() - started, 3)
        emit(record)
        status = status if record['ok'] else 1
    return status


def exit_quietly_on_sigterm() -> None:
    """Ends a client with status 143, without a traceback, when the harness stops it."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


def urls_in(value, found: list[str] | None = None) -> list[str]:
    """Every string of a JSON value that looks like an address, whatever its key."""
    found = [] if found is None else found
    if isinstance(value, dict):
        for item in value.values():
            urls_in(item, found)
    elif isinstance(value, list):
        for item in value:
            urls_in(item, found)
    elif isinstance(value, str) and '://' in value:
        found.append(value)
    return found
