"""What the Python agents and clients of both SDK versions share for gRPC."""

from __future__ import annotations

from pathlib import Path

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


def bind(requests: list[dict], tls: str | None) -> tuple[grpc.aio.Server, str]:
    """Makes a server on loopback and gives its authority, so that the card can name it.

    `tls` are the files of a certificate and its key, with a comma between.
    """
    server = grpc.aio.server(interceptors=[Calls(requests)])
    if not tls:
        return server, f'127.0.0.1:{server.add_insecure_port("127.0.0.1:0")}'
    certificate, key = (Path(file).read_bytes() for file in tls.split(','))
    credentials = grpc.ssl_server_credentials([(key, certificate)])
    return server, f'localhost:{server.add_secure_port("127.0.0.1:0", credentials)}'


def channel(authority: str, ca: str | None, interceptors: list) -> grpc.aio.Channel:
    """A channel to an authority, with TLS where a file with certificates to trust is given."""
    if not ca:
        return grpc.aio.insecure_channel(authority, interceptors=interceptors)
    credentials = grpc.ssl_channel_credentials(Path(ca).read_bytes())
    return grpc.aio.secure_channel(authority, credentials, interceptors=interceptors)


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
