"""A real A2A client of a2a-sdk 1.x; scenarios are documented in tests/sdk/README.md."""

import asyncio
import os
import sys
import uuid

from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
# The SDK's own spans would come on top of the one span per call that the tracing test counts.
os.environ.setdefault('OTEL_INSTRUMENTATION_A2A_SDK_ENABLED', 'false')

import httpx
import support
import tracing

from a2a.client import A2ACardResolver, ClientCallContext, ClientConfig, ClientFactory
from a2a.client.auth import AuthInterceptor, CredentialService
from a2a.helpers import get_stream_response_text, new_text_message
from a2a.types import (
    CancelTaskRequest,
    DeleteTaskPushNotificationConfigRequest,
    GetExtendedAgentCardRequest,
    GetTaskPushNotificationConfigRequest,
    GetTaskRequest,
    ListTaskPushNotificationConfigsRequest,
    ListTasksRequest,
    Role,
    SendMessageRequest,
    SubscribeToTaskRequest,
    TaskPushNotificationConfig,
    TaskState,
)
from a2a.utils.errors import JSON_RPC_ERROR_CODE_MAP, A2AError, TaskNotFoundError
from google.protobuf.json_format import MessageToDict
from support import expect


class Credential(CredentialService):
    """Gives the key for the scheme of the card that asks for it in the chosen header."""

    def __init__(self, key: str, header: str):
        self.key, self.header, self.card = key, header.lower(), None

    async def get_credentials(self, security_scheme_name, context):
        scheme = self.card.security_schemes[security_scheme_name]
        if scheme.HasField('api_key_security_scheme'):
            named = scheme.api_key_security_scheme.name.lower()
        else:
            named = 'authorization'
        return self.key if named == self.header else None


def describe_error(error: Exception) -> dict:
    """Type, code, HTTP status and text of an error as the SDK shows it."""
    cause = error.__cause__
    status = cause.response.status_code if isinstance(cause, httpx.HTTPStatusError) else None
    described = {'type': type(error).__name__, 'message': str(error), 'httpStatus': status}
    described['code'] = JSON_RPC_ERROR_CODE_MAP.get(type(error))
    # Not by its type: only runs over gRPC import that package.
    if type(cause).__name__ == 'AioRpcError':
        described['grpcStatus'] = cause.code().name
    if isinstance(error, A2AError):
        described['data'] = error.data
    return described


def state_of(status) -> str:
    """The short name of a task state: `completed` for TASK_STATE_COMPLETED."""
    return TaskState.Name(status.state).removeprefix('TASK_STATE_').lower()


class Scenarios:
    """One method per scenario; each returns what it observed or raises."""

    def __init__(self, arguments, binding: str, http: httpx.AsyncClient, spans: tracing.ClientSpans):
        self.base, self.http, self.spans = arguments.url.rstrip('/'), http, spans
        self.key, self.header, self.command = arguments.api_key, arguments.header, arguments.message
        self.binding, self.grpc, self.ca = binding, arguments.grpc, arguments.ca
        self.card = None
        self.channels = []

    def channel(self, authority: str):
        import support_grpc

        self.channels.append(support_grpc.channel(authority, self.ca, []))
        return self.channels[-1]

    async def close(self) -> None:
        for channel in self.channels:
            await channel.close()

    async def client(self, *, streaming: bool = True, polling: bool = False):
        if self.card is None:
            self.card = await A2ACardResolver(self.http, self.base).get_agent_card()
        interceptors = []
        if self.key:
            credential = Credential(self.key, self.header)
            credential.card = self.card
            interceptors.append(AuthInterceptor(credential))
        config = ClientConfig(
            httpx_client=self.http,
            streaming=streaming,
            polling=polling,
            supported_protocol_bindings=[self.binding],
            grpc_channel_factory=self.channel,
        )
        return ClientFactory(config).create(self.card, interceptors)

    @staticmethod
    def request(text: str) -> SendMessageRequest:
        return SendMessageRequest(message=new_text_message(text, role=Role.ROLE_USER))

    async def discover(self) -> dict:
        await self.client()
        card = MessageToDict(self.card)
        interfaces = card['supportedInterfaces']
        support.check_interfaces(interfaces, self.base, self.grpc)
        schemes = card.get('securitySchemes', {})
        expect(bool(schemes) == bool(self.key), f'security schemes {schemes} with key {bool(self.key)}')
        requirements = card.get('securityRequirements', [])
        seen = {'interfaces': interfaces, 'securitySchemes': schemes, 'security': requirements}
        return seen | {'card': card}

    async def send(self) -> dict:
        client = await self.client(streaming=False)
        with self.spans.call('send') as trace:
            events = [event async for event in client.send_message(self.request('hello there'))]
        texts = [get_stream_response_text(event) for event in events]
        expect(texts == ['echo: hello there'], f'answered {texts}')
        return {'text': texts[0], 'traceId': trace}

    async def large(self) -> dict:
        client = await self.client(streaming=False)
        text = 'count ' + 'y' * (3 << 20)
        events = [event async for event in client.send_message(self.request(text))]
        answered = get_stream_response_text(events[0])
        expect(answered == f'{len(text)} characters', f'answered {answered}')
        return {'text': answered}

    async def collect(self, stream) -> dict:
        seen = {'kinds': [], 'states': [], 'texts': [], 'task': None}
        async for event in stream:
            kind = event.WhichOneof('payload')
            seen['kinds'].append(kind)
            if kind == 'task':
                seen['task'] = event.task.id
                seen['states'].append(state_of(event.task.status))
            elif kind == 'status_update':
                seen['states'].append(state_of(event.status_update.status))
            elif kind == 'artifact_update':
                # A stream of a 0.3 agent may begin without the task.
                seen['task'] = seen['task'] or event.artifact_update.task_id
                seen['texts'].append(get_stream_response_text(event))
        return seen

    async def stream(self) -> dict:
        client = await self.client()
        with self.spans.call('stream') as trace:
            seen = await self.collect(client.send_message(self.request('stream 3 20')))
        expect(seen['kinds'][0] == 'task', f'first event is {seen["kinds"][0]}')
        expect(seen['texts'] == ['part 0', 'part 1', 'part 2'], f'parts {seen["texts"]}')
        expect(seen['states'][-1] == 'completed', f'ended {seen["states"][-1]}')
        return seen | {'traceId': trace}

    async def get(self) -> dict:
        client = await self.client(streaming=False)
        events = [event async for event in client.send_message(self.request('stream 2 10'))]
        task = await client.get_task(GetTaskRequest(id=events[0].task.id))
        expect(task.id == events[0].task.id, 'another task came back')
        expect(state_of(task.status) == 'completed', f'task is {state_of(task.status)}')
        return {'task': task.id, 'state': state_of(task.status), 'artifacts': len(task.artifacts)}

    async def cancel(self) -> dict:
        client = await self.client(streaming=False, polling=True)
        events = [event async for event in client.send_message(self.request('work'))]
        before = events[0].task
        expect(state_of(before.status) in ('submitted', 'working'), state_of(before.status))
        after = await client.cancel_task(CancelTaskRequest(id=before.id))
        expect(state_of(after.status) == 'canceled', f'task is {state_of(after.status)}')
        return {'task': after.id, 'states': [state_of(before.status), state_of(after.status)]}

    async def resubscribe(self) -> dict:
        client = await self.client()
        first = client.send_message(self.request('stream 20 50'))
        task = (await anext(first)).task.id
        seen = await self.collect(client.subscribe(SubscribeToTaskRequest(id=task)))
        await first.aclose()
        support.expect_resubscribed(self.card.name, seen, task)
        return seen

    async def error(self, attempt) -> dict:
        try:
            await attempt
        except A2AError as error:
            return describe_error(error)
        raise support.Failed('succeeded where an error was due')

    async def error_unknown_task(self) -> dict:
        client = await self.client()
        error = await self.error(client.get_task(GetTaskRequest(id=str(uuid.uuid4()))))
        expect(error['type'] == TaskNotFoundError.__name__, f'error {error}')
        return {'error': error}

    async def error_from_agent(self) -> dict:
        client = await self.client(streaming=False)
        events = [event async for event in client.send_message(self.request('stream 1 1'))]
        error = await self.error(client.cancel_task(CancelTaskRequest(id=events[0].task.id)))
        expect(error['code'] == -32002, f'error {error}')
        return {'error': error}

    async def list(self) -> dict:
        client = await self.client(streaming=False)
        events = [event async for event in client.send_message(self.request('stream 1 1'))]
        context = events[0].task.context_id
        answer = await client.list_tasks(ListTasksRequest(context_id=context, page_size=5))
        tasks = [task.id for task in answer.tasks]
        expect(tasks == [events[0].task.id], f'tasks {tasks} instead of {events[0].task.id}')
        return {'tasks': tasks, 'total': answer.total_size}

    async def push_config(self) -> dict:
        client = await self.client(streaming=False)
        events = [event async for event in client.send_message(self.request('stream 1 1'))]
        task, url = events[0].task.id, 'https://hooks.example/notify'
        made = await client.create_task_push_notification_config(
            TaskPushNotificationConfig(task_id=task, id='hook', url=url, token='secret')
        )
        expect((made.id, made.url) == ('hook', url), f'made {made}')
        named = {'task_id': task, 'id': 'hook'}
        got = await client.get_task_push_notification_config(
            GetTaskPushNotificationConfigRequest(**named)
        )
        expect((got.id, got.url) == ('hook', url), f'got {got}')
        whole = ListTaskPushNotificationConfigsRequest(task_id=task)
        before = await client.list_task_push_notification_configs(whole)
        await client.delete_task_push_notification_config(
            DeleteTaskPushNotificationConfigRequest(**named)
        )
        after = await client.list_task_push_notification_configs(whole)
        counts = [len(before.configs), len(after.configs)]
        expect(counts == [1, 0], f'counts {counts}')
        return {'url': got.url, 'counts': counts}

    async def extended_card(self) -> dict:
        client = await self.client()
        card = MessageToDict(await client.get_extended_agent_card(GetExtendedAgentCardRequest()))
        skills = [skill['id'] for skill in card['skills']]
        expect('extended' in skills, f'skills {skills}')
        support.check_interfaces(card['supportedInterfaces'], self.base, self.grpc)
        return {'skills': skills, 'card': card}

    async def version_mismatch(self) -> dict:
        client = await self.client(streaming=False)
        context = ClientCallContext(service_parameters={'A2A-Version': '9.9'})
        attempt = client.get_task(GetTaskRequest(id=str(uuid.uuid4())), context=context)
        error = await self.error(attempt)
        expect(error['code'] == -32009, f'error {error}')
        return {'error': error}

    async def refused(self) -> dict:
        client = await self.client(streaming=False)
        error = await self.error(anext(client.send_message(self.request('hello'))))
        status = error['httpStatus'] or error.get('grpcStatus')
        expect(status is not None, f'error {error}')
        return {'error': error}

    async def stream_cut(self) -> dict:
        client = await self.client()
        events = 0
        try:
            async for event in client.send_message(self.request('stream 6000 100')):
                if events == 0:
                    support.emit({'scenario': 'stream-cut', 'open': True, 'task': event.task.id})
                events += 1
        except A2AError as error:
            return {'events': events, 'error': describe_error(error)}
        raise support.Failed(f'ended without an error after {events} events')

    async def message(self) -> dict:
        client = await self.client()
        return await self.collect(client.send_message(self.request(self.command)))


ALL = [
    'discover',
    'send',
    'stream',
    'get',
    'cancel',
    'resubscribe',
    'error-unknown-task',
    'error-from-agent',
]
ON_REQUEST = [
    'large',
    'list',
    'push-config',
    'extended-card',
    'version-mismatch',
    'refused',
    'stream-cut',
    'message',
]


async def main() -> int:
    """Runs the scenarios that the options choose."""
    support.exit_quietly_on_sigterm()
    arguments = support.client_options(__doc__, ALL, ON_REQUEST)
    status = 0
    provider = tracing.provider('python-client')
    spans = tracing.ClientSpans(provider)
    hooks = {'request': [spans.inject]}
    async with httpx.AsyncClient(**support.http_options(arguments.ca), event_hooks=hooks) as http:
        for binding in arguments.bindings:
            scenarios = Scenarios(arguments, binding, http, spans)
            status |= await support.run_scenarios(scenarios, arguments.names, describe_error)
            await scenarios.close()
    provider.shutdown()
    return status


if __name__ == '__main__':
    sys.exit(asyncio.run(main()))
