"""What the Python agents and clients of both SDK versions share: no SDK import here."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import socket
import ssl
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

    def __init__(self, app, requests: list[dict]):
        self.app = app
        self.requests = requests

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


def agent_options(description: str, *, versions: bool):
    """The options of an agent; `versions` adds those of SDKs that speak more than 0.3."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument('--port', type=int, default=0)
    parser.add_argument('--grpc', action='store_true', help='serve gRPC on a port of its own')
    parser.add_argument('--grpc-tls', help='files of a certificate and its key, for gRPC')
    parser.add_argument('--push', action='store_true', help='keep push notification configs')
    parser.add_argument('--extended-card', action='store_true', help='have an extended card')
    if versions:
        parser.add_argument('--hybrid', action='store_true', help='speak 0.3 as well as 1.0')
        parser.add_argument('--tenant', default='', help='tenant that the interfaces name')
    return parser.parse_args()


async def serve(app, listener: socket.socket, url: str, requests: list[dict], grpc=None) -> None:
    """Prints the ready line and serves until SIGTERM or SIGINT; `grpc` is a server and its address."""
    import uvicorn

    config = uvicorn.Config(
        Observed(app, requests), log_level='warning', lifespan='off', timeout_graceful_shutdown=1
    )
    ready = {'ready': True, 'url': url}
    if grpc:
        server, ready['grpc'] = grpc
        await server.start()
    print(json.dumps(ready), flush=True)
    await uvicorn.Server(config).serve(sockets=[listener])
    if grpc:
        await server.stop(None)


def client_options(description: str, all_scenarios: list[str], on_request: list[str]):
    """The options of a client, with the scenarios to run in `names`."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument('--url', required=True, help='address of the agent, without /.well-known')
    bindings = ['JSONRPC', 'HTTP+JSON', 'GRPC']
    parser.add_argument('--binding', action='append', choices=bindings, dest='bindings')
    parser.add_argument('--grpc', help='authority that the card has to name for gRPC')
    parser.add_argument('--ca', help='file with the certificates to trust')
    parser.add_argument('--api-key')
    parser.add_argument('--header', default='X-API-Key')
    parser.add_argument('--message', default='hello', help='text sent by the scenario "message"')
    names = [*all_scenarios, *on_request, 'all']
    parser.add_argument('--scenario', action='append', choices=names)
    arguments = parser.parse_args()
    arguments.bindings = arguments.bindings or ['JSONRPC']
    chosen = arguments.scenario or ['all']
    lists = (all_scenarios if name == 'all' else [name] for name in chosen)
    arguments.names = [name for names in lists for name in names]
    return arguments


def expect_resubscribed(agent: str, seen: dict, task: str) -> None:
    """A second stream has to see the task through, as far as its agent lets it."""
    expect(seen['task'] == task, f'task {seen["task"]} instead of {task}')
    expect('part 19' in seen['texts'], f'parts {seen["texts"]}')
    ended = seen['states'][-1:]
    # That SDK empties the queues of further streams as soon as the first one has read the last event.
    may_lose = agent == 'Python 0.3 agent'
    expect(ended == ['completed'] or (may_lose and ended in ([], ['working'])), f'ended {ended}')


def http_options(ca: str | None) -> dict:
    """How a client makes its HTTP connections."""
    verify = ssl.create_default_context(cafile=ca) if ca else False
    return {'trust_env': False, 'timeout': 60, 'verify': verify}


def check_interfaces(interfaces: list[dict], base: str, grpc: str | None) -> None:
    """Every interface of a card has to lie below the base, and gRPC at the one authority."""
    for interface in interfaces:
        url = interface['url']
        if 'GRPC' in (interface.get('protocolBinding'), interface.get('transport')):
            expect(url == grpc, f'gRPC at {url} instead of {grpc}')
        else:
            expect(url.startswith(base), f'{url} leaves {base}')


class Failed(Exception):
    """An observation that differs from what the scenario expects."""


def expect(condition: bool, message: str) -> None:
    """Raises `Failed` with the message unless the condition holds."""
    if not condition:
        raise Failed(message)


def emit(record: dict) -> None:
    """Prints one record as one line of JSON."""
    print(json.dumps(record, default=str), flush=True)


async def run_scenarios(scenarios, names: list[str], describe_error) -> int:
    """Runs the named scenarios in order; the exit status says whether all met expectations."""
    status = 0
    for name in names:
        started = time.monotonic()
        record: dict = {'scenario': name, 'binding': scenarios.binding, 'ok': True}
        try:
            run = getattr(scenarios, name.replace('-', '_'))
            observed = await asyncio.wait_for(run(), SCENARIO_SECONDS)
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
