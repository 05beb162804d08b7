"""OpenTelemetry of the Python programs: one client span per call, one server span per request."""

import os

from contextlib import contextmanager

from opentelemetry import context, propagate
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind


def provider(service: str) -> TracerProvider:
    """Exports to `OTEL_EXPORTER_OTLP_ENDPOINT` where it is set, and nowhere else."""
    made = TracerProvider(resource=Resource.create({'service.name': service}))
    if os.environ.get('OTEL_EXPORTER_OTLP_ENDPOINT'):
        exporter = OTLPSpanExporter(insecure=True)
        made.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=100))
    return made


class ServerSpans:
    """ASGI middleware: a server span per POST, child of the span that `traceparent` names."""

    def __init__(self, app, provider: TracerProvider):
        self.app = app
        self.tracer = provider.get_tracer('agent')

    async def __call__(self, scope, receive, send):
        if scope['type'] != 'http' or scope['method'] != 'POST':
            return await self.app(scope, receive, send)
        headers = {name.decode('latin-1'): value.decode('latin-1') for name, value in scope['headers']}
        parent = propagate.extract(headers)
        name = f'agent {scope["path"]}'
        with self.tracer.start_as_current_span(name, context=parent, kind=SpanKind.SERVER):
            return await self.app(scope, receive, send)


class ClientSpans:
    """Client spans: `call` opens one, `inject` is an httpx hook that sends its context on."""

    def __init__(self, provider: TracerProvider):
        self.tracer = provider.get_tracer('client')

    @contextmanager
    def call(self, name: str):
        """Opens the span that the requests made inside belong to; gives its trace id in hex."""
        with self.tracer.start_as_current_span(name, kind=SpanKind.CLIENT) as span:
            yield f'{span.get_span_context().trace_id:032x}'

    async def inject(self, request) -> None:
        """Adds `traceparent` to a request that is made inside a span."""
        if context.get_current():
            propagate.inject(request.headers)
