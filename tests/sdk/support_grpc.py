"""What the Python agents and clients of both SDK versions share for gRPC."""

from __future__ import annotations

import grpc


class Calls(grpc.aio.ServerInterceptor):
    """Keeps each call in the list of requests that the agent shows at `/_observed`."""

    def __init__(self, requests: list[dict]):
        self.requests = requests

    async def intercept_service(self, continuation, details):
        metadata = details.invocation_metadata or ()
        headers = [
            [name, value if isinstance(value, str) else value.hex()] for name, value in metadata
        ]
        self.requests.append(
            {'method': 'POST', 'path': details.method, 'query': '', 'headers': headers}
        )
        return await continuation(details)


def bind(requests: list[dict]) -> tuple[grpc.aio.Server, str]:
    """Makes a server on loopback and gives its authority, so that the card can name it."""
    server = grpc.aio.server(interceptors=[Calls(requests)])
    return server, f'127.0.0.1:{server.add_insecure_port("127.0.0.1:0")}'


class _Unary(grpc.aio.UnaryUnaryClientInterceptor):
    def __init__(self, pair: tuple[str, str]):
        self.pair = pair

    async def intercept_unary_unary(self, continuation, details, request):
        return await continuation(_with(details, self.pair), request)


class _Stream(grpc.aio.UnaryStreamClientInterceptor):
    def __init__(self, pair: tuple[str, str]):
        self.pair = pair

    async def intercept_unary_stream(self, continuation, details, request):
        return await continuation(_with(details, self.pair), request)


def _with(details, pair: tuple[str, str]):
    return details._replace(metadata=[*(details.metadata or ()), pair])


def metadata(name: str, value: str) -> list:
    """Interceptors that send metadata with every call, for an SDK that does not authenticate gRPC."""
    return [_Unary((name, value)), _Stream((name, value))]
