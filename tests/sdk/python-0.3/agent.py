"""A real A2A agent of a2a-sdk 0.3: JSON-RPC at `/`, HTTP+JSON below `/rest`, gRPC on another port.

Commands and options are documented in tests/sdk/README.md.
"""

import asyncio
import sys

from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import support

from a2a.server.agent_execution import AgentExecutor, RequestContext
from a2a.server.apps import A2ARESTFastAPIApplication, A2AStarletteApplication
from a2a.server.events import EventQueue
from a2a.server.request_handlers import DefaultRequestHandler
from a2a.server.tasks import (
    InMemoryPushNotificationConfigStore,
    InMemoryTaskStore,
    TaskUpdater,
)
from a2a.types import (
    AgentCapabilities,
    AgentCard,
    AgentInterface,
    AgentSkill,
    Part,
    TextPart,
    TransportProtocol,
    UnsupportedOperationError,
)
from a2a.utils import new_agent_text_message, new_task
from a2a.utils.errors import ServerError


class Executor(AgentExecutor):
    """Does what the message's text says."""

    def __init__(self):
        self.cancelled: dict[str, asyncio.Event] = {}

    async def execute(self, context: RequestContext, event_queue: EventQueue) -> None:
        text = context.get_user_input()
        word, numbers = support.parse_command(text)
        if word == 'fail':
            raise ServerError(UnsupportedOperationError(message='failing as asked'))
        if word not in ('stream', 'work'):
            message = new_agent_text_message(support.answer(text), context.context_id)
            return await event_queue.enqueue_event(message)
        task = new_task(context.message)
        await event_queue.enqueue_event(task)
        updater = TaskUpdater(event_queue, task.id, task.context_id)
        await updater.start_work()
        if word == 'work':
            cancelled = self.cancelled.setdefault(task.id, asyncio.Event())
            await asyncio.wait_for(cancelled.wait(), support.MAX_WORK_SECONDS)
            return None
        count, milliseconds = numbers if len(numbers) == 2 else (3, 20)
        for index in range(count):
            await asyncio.sleep(milliseconds / 1000)
            part = Part(root=TextPart(text=f'part {index}'))
            await updater.add_artifact([part], artifact_id='parts', append=index > 0)
        # Else a second stream may lose the last part together with the last event.
        await asyncio.sleep(milliseconds / 1000)
        await updater.complete()

    async def cancel(self, context: RequestContext, event_queue: EventQueue) -> None:
        self.cancelled.setdefault(context.task_id, asyncio.Event()).set()
        await TaskUpdater(event_queue, context.task_id, context.context_id).cancel()


def card(url: str, grpc: str | None, options) -> AgentCard:
    """The card, with an interface for each binding."""
    interfaces = [
        AgentInterface(url=f'{url}/', transport=TransportProtocol.jsonrpc),
        AgentInterface(url=f'{url}/rest', transport=TransportProtocol.http_json),
    ]
    if grpc:
        interfaces.append(AgentInterface(url=grpc, transport=TransportProtocol.grpc))
    return AgentCard(
        name='Python 0.3 agent',
        description='Answers, streams and waits as the message says',
        version='1.0.0',
        url=f'{url}/',
        preferred_transport=TransportProtocol.jsonrpc,
        additional_interfaces=interfaces,
        supports_authenticated_extended_card=options.extended_card or None,
        capabilities=AgentCapabilities(streaming=True, push_notifications=options.push),
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
    skill = AgentSkill(
        id='extended', name='Extended', description='For callers known', tags=['test']
    )
    return public.model_copy(update={'skills': [*public.skills, skill]})


async def main() -> None:
    """Serves until it is stopped."""
    options = support.agent_options(__doc__, versions=False)
    requests: list[dict] = []
    listener, url = support.bind(options.port)
    grpc = None
    if options.grpc:
        import support_grpc

        grpc = support_grpc.bind(requests, options.grpc_tls)
    agent_card = card(url, grpc and grpc[1], options)
    extended_card = extended(agent_card) if options.extended_card else None
    handler = DefaultRequestHandler(
        agent_executor=Executor(),
        task_store=InMemoryTaskStore(),
        push_config_store=InMemoryPushNotificationConfigStore() if options.push else None,
    )
    if grpc:
        from a2a.grpc import a2a_pb2_grpc
        from a2a.server.request_handlers import GrpcHandler

        # Over gRPC there is one card only.
        servicer = GrpcHandler(extended_card or agent_card, handler)
        a2a_pb2_grpc.add_A2AServiceServicer_to_server(servicer, grpc[0])
    cards = {'agent_card': agent_card, 'extended_agent_card': extended_card}
    app = A2AStarletteApplication(http_handler=handler, **cards).build()
    app.mount('/rest', A2ARESTFastAPIApplication(http_handler=handler, **cards).build())
    await support.serve(app, listener, url, requests, grpc)


if __name__ == '__main__':
    asyncio.run(main())
