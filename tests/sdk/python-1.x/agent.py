"""A real A2A agent of a2a-sdk 1.x: JSON-RPC at `/`, HTTP+JSON below `/rest`.

With `--hybrid` it speaks 0.3 and 1.0 side by side on the same addresses.
Commands are documented in tests/sdk/README.md.
"""

import argparse
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
from a2a.server.tasks import InMemoryTaskStore, TaskUpdater
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


def card(url: str, hybrid: bool) -> AgentCard:
    """Declares HTTP+JSON too, which a gateway that does not proxy it has to remove."""
    versions = ['1.0', '0.3'] if hybrid else ['1.0']
    bindings = [('JSONRPC', f'{url}/'), ('HTTP+JSON', f'{url}/rest')]
    return AgentCard(
        name='Python 1.x agent',
        description='Answers, streams and waits as the message says',
        version='1.0.0',
        supported_interfaces=[
            AgentInterface(url=address, protocol_binding=binding, protocol_version=version)
            for version in versions
            for binding, address in bindings
        ],
        capabilities=AgentCapabilities(streaming=True, push_notifications=False),
        default_input_modes=['text/plain'],
        default_output_modes=['text/plain'],
        skills=[
            AgentSkill(id='echo', name='Echo', description='Answers with the text', tags=['test']),
            AgentSkill(id='stream', name='Stream', description='Streams parts', tags=['test']),
            AgentSkill(id='work', name='Work', description='Works until cancelled', tags=['test']),
        ],
    )


def main() -> None:
    """Serves until it is stopped."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--port', type=int, default=0)
    parser.add_argument('--hybrid', action='store_true', help='speak 0.3 as well as 1.0')
    arguments = parser.parse_args()
    listener, url = support.bind(arguments.port)
    agent_card = card(url, arguments.hybrid)
    handler = DefaultRequestHandler(
        agent_executor=Executor(), task_store=InMemoryTaskStore(), agent_card=agent_card
    )
    compat = {'enable_v0_3_compat': arguments.hybrid}
    routes = [
        *create_agent_card_routes(agent_card),
        *create_jsonrpc_routes(handler, rpc_url='/', **compat),
        *create_rest_routes(handler, path_prefix='/rest', **compat),
    ]
    provider = tracing.provider('python-agent')
    support.serve(tracing.ServerSpans(Starlette(routes=routes), provider), listener, url)
    provider.shutdown()


if __name__ == '__main__':
    main()
