"""A real A2A agent of a2a-sdk 1.x: JSON-RPC at `/`, HTTP+JSON below `/rest`, gRPC on another port.

With `--hybrid` it speaks 0.3 and 1.0 side by side on the same addresses.
Commands and options are documented in tests/sdk/README.md.
"""

import asyncio
import os
import sys

from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
# The SDK's own spans would come on top of the one span per call that the tracing test counts.
os.environ.setdefault('OTEL_INSTRUMENTATION_A2A_SDK_ENABLED', 'false')

import support
import tracing

from a2a.helpers import new_task, new_text_message, new_text_part
from a2a.server.agent_execution import AgentExecutor, RequestContext
from a2a.server.events import EventQueue
from a2a.server.request_handlers import DefaultRequestHandler
from a2a.server.routes import create_agent_card_routes, create_jsonrpc_routes, create_rest_routes
from a2a.server.tasks import (
    InMemoryPushNotificationConfigStore,
    InMemoryTaskStore,
    TaskUpdater,
)
from a2a.types import AgentCapabilities, AgentCard, AgentInterface, AgentSkill, Role, TaskState
from a2a.utils.errors import UnsupportedOperationError
from starlette.applications import Starlette


class Executor(AgentExecutor):
    """Does what the message's text says."""

    async def execute(self, context: RequestContext, event_queue: EventQueue) -> None:
        text = context.get_user_input()
        word, numbers = support.parse_command(text)
        if word == 'fail':
            raise UnsupportedOperationError(message='failing as asked')
        if word not in ('stream', 'work'):
            message = new_text_message(
                support.answer(text), context_id=context.context_id, role=Role.ROLE_AGENT
            )
            return await event_queue.enqueue_event(message)
        task = new_task(context.task_id, context.context_id, TaskState.TASK_STATE_SUBMITTED)
        await event_queue.enqueue_event(task)
        updater = TaskUpdater(event_queue, context.task_id, context.context_id)
        await updater.start_work()
        if word == 'work':
            await asyncio.sleep(support.MAX_WORK_SECONDS)
        count, milliseconds = numbers if len(numbers) == 2 else (3, 20)
        for index in range(count):
            await asyncio.sleep(milliseconds / 1000)
            await updater.add_artifact(
                [new_text_part(f'part {index}')], artifact_id='parts', append=index > 0
            )
        await updater.complete()

    async def cancel(self, context: RequestContext, event_queue: EventQueue) -> None:
        await TaskUpdater(event_queue, context.task_id, context.context_id).cancel()


def card(url: str, rest: str, grpc: str | None, options) -> AgentCard:
    """The card, with an interface for each binding and version."""
    bindings = [('JSONRPC', f'{url}/'), ('HTTP+JSON', f'{url}{rest}')]
    bindings += [('GRPC', grpc)] if grpc else []
    versions = ['1.0', '0.3'] if options.hybrid else ['1.0']
    return AgentCard(
        name='Python 1.x agent',
        description='Answers, streams and waits as the message says',
        version='1.0.0',
        supported_interfaces=[
            AgentInterface(
                url=address,
                protocol_binding=binding,
                protocol_version=version,
                tenant=options.tenant if version == '1.0' else '',
            )
            for version in versions
            for binding, address in bindings
        ],
        capabilities=AgentCapabilities(
            streaming=True,
            push_notifications=options.push,
            extended_agent_card=options.extended_card,
        ),
        default_input_modes=['text/plain'],
        default_output_modes=['text/plain'],
        skills=[
            AgentSkill(id='echo', name='Echo', description='Answers with the text', tags=['test']),
            AgentSkill(id='stream', name='Stream', description='Streams parts', tags=['test']),
            AgentSkill(id='work', name='Work', description='Works until cancelled', tags=['test']),
        ],
    )


def extended(public: AgentCard) -> AgentCard:
    """The extended card: the public one and one more skill."""
    made = AgentCard()
    made.CopyFrom(public)
    made.skills.add(id='extended', name='Extended', description='For callers known', tags=['test'])
    return made


def register(server, handler, hybrid: bool) -> None:
    """Adds the gRPC services to a server."""
    from a2a.compat.v0_3 import a2a_v0_3_pb2_grpc
    from a2a.compat.v0_3.grpc_handler import CompatGrpcHandler
    from a2a.server.request_handlers.grpc_handler import GrpcHandler
    from a2a.types import a2a_pb2_grpc

    a2a_pb2_grpc.add_A2AServiceServicer_to_server(GrpcHandler(handler), server)
    if hybrid:
        a2a_v0_3_pb2_grpc.add_A2AServiceServicer_to_server(CompatGrpcHandler(handler), server)


async def main() -> None:
    """Serves until it is stopped."""
    options = support.agent_options(__doc__, versions=True)
    requests: list[dict] = []
    listener, url = support.bind(options.port)
    grpc = None
    if options.grpc:
        import support_grpc

        grpc = support_grpc.bind(requests, options.grpc_tls)
    # The SDK's client puts the tenant behind the interface's path, its server before the prefix.
    rest = '' if options.tenant else '/rest'
    agent_card = card(url, rest, grpc and grpc[1], options)
    handler = DefaultRequestHandler(
        agent_executor=Executor(),
        task_store=InMemoryTaskStore(),
        agent_card=agent_card,
        push_config_store=InMemoryPushNotificationConfigStore() if options.push else None,
        extended_agent_card=extended(agent_card) if options.extended_card else None,
    )
    if grpc:
        register(grpc[0], handler, options.hybrid)
    compat = {'enable_v0_3_compat': options.hybrid}
    routes = [
        *create_agent_card_routes(agent_card),
        *create_jsonrpc_routes(handler, rpc_url='/', **compat),
        *create_rest_routes(handler, path_prefix=rest, **compat),
    ]
    provider = tracing.provider('python-agent')
    app = tracing.ServerSpans(Starlette(routes=routes), provider)
    await support.serve(app, listener, url, requests, grpc)
    provider.shutdown()


if __name__ == '__main__':
    asyncio.run(main())
