"""A real A2A client of a2a-sdk 0.3; scenarios are documented in tests/sdk/README.md."""

import asyncio
import sys
import uuid

from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import httpx
import support

from a2a.client import A2ACardResolver, ClientConfig, ClientFactory
from a2a.client.auth import AuthInterceptor, CredentialService
from a2a.client.helpers import create_text_message_object
from a2a.types import (
    APIKeySecurityScheme,
    GetTaskPushNotificationConfigParams,
    Message,
    PushNotificationConfig,
    Task,
    TaskIdParams,
    TaskPushNotificationConfig,
    TaskQueryParams,
)
from a2a.utils import get_artifact_text, get_message_text
from support import expect


class Credential(CredentialService):
    """Gives the key for the scheme of the card that asks for it in the chosen header."""

    def __init__(self, key: str, header: str, card):
        self.key, self.header, self.card = key, header.lower(), card

    async def get_credentials(self, security_scheme_name, context):
        scheme = self.card.security_schemes[security_scheme_name].root
        is_key = isinstance(scheme, APIKeySecurityScheme)
        named = scheme.name.lower() if is_key else 'authorization'
        return self.key if named == self.header else None


def describe_error(error: Exception) -> dict:
    """Type, code, HTTP status and text of an error as the SDK shows it."""
    inner = getattr(error, 'error', None)
    described = {
        'type': type(error).__name__,
        'message': str(error),
        'httpStatus': getattr(error, 'status_code', None),
        'code': getattr(inner, 'code', None),
        'data': getattr(inner, 'data', None),
    }
    # This version of the SDK passes errors of gRPC on as they are. Only runs over gRPC import that package.
    if type(error).__name__ == 'AioRpcError':
        described.update(message=error.details(), grpcStatus=error.code().name)
    return described


class Scenarios:
    """One method per scenario; each returns what it observed or raises."""

    def __init__(self, arguments, binding: str, http: httpx.AsyncClient):
        self.base, self.http = arguments.url.rstrip('/'), http
        self.key, self.header, self.command = arguments.api_key, arguments.header, arguments.message
        self.binding, self.grpc, self.ca = binding, arguments.grpc, arguments.ca
        self.card = None
        self.channels = []

    def channel(self, authority: str):
        import support_grpc

        interceptors = support_grpc.metadata(*self.credential()) if self.key else []
        self.channels.append(support_grpc.channel(authority, self.ca, interceptors))
        return self.channels[-1]

    def credential(self) -> tuple[str, str]:
        """The metadata for the scheme that the chosen header belongs to."""
        for scheme in (entry.root for entry in (self.card.security_schemes or {}).values()):
            if isinstance(scheme, APIKeySecurityScheme) and scheme.name.lower() == self.header.lower():
                return scheme.name.lower(), self.key
        return 'authorization', f'Bearer {self.key}'

    async def close(self) -> None:
        for channel in self.channels:
            await channel.close()

    async def client(self, *, streaming: bool = True, polling: bool = False):
        if self.card is None:
            self.card = await A2ACardResolver(self.http, self.base).get_agent_card()
        interceptors = []
        if self.key and self.binding == 'HTTP+JSON':
            # This version of the SDK leaves interceptors out there.
            self.http.headers.update([self.credential()])
        elif self.key:
            interceptors.append(AuthInterceptor(Credential(self.key, self.header, self.card)))
        config = ClientConfig(
            httpx_client=self.http,
            streaming=streaming,
            polling=polling,
            supported_transports=[self.binding],
            grpc_channel_factory=self.channel,
        )
        return ClientFactory(config).create(self.card, interceptors=interceptors)

    def checked(self, found) -> tuple[dict, list[dict]]:
        card = found.model_dump(mode='json', by_alias=True, exclude_none=True)
        interfaces = [{'url': card['url'], 'transport': card.get('preferredTransport')}]
        interfaces += card.get('additionalInterfaces', [])
        support.check_interfaces(interfaces, self.base, self.grpc)
        return card, interfaces

    async def discover(self) -> dict:
        await self.client()
        card, interfaces = self.checked(self.card)
        schemes = card.get('securitySchemes', {})
        expect(bool(schemes) == bool(self.key), f'security schemes {schemes} with key {bool(self.key)}')
        security = card.get('security', [])
        seen = {'interfaces': interfaces, 'securitySchemes': schemes, 'security': security}
        return seen | {'card': card}

    async def send(self) -> dict:
        client = await self.client(streaming=False)
        message = create_text_message_object(content='hello there')
        events = [event async for event in client.send_message(message)]
        texts = [get_message_text(event) for event in events]
        expect(texts == ['echo: hello there'], f'answered {texts}')
        return {'text': texts[0]}

    async def large(self) -> dict:
        client = await self.client(streaming=False)
        text = 'count ' + 'y' * (3 << 20)
        answer = await anext(client.send_message(create_text_message_object(content=text)))
        expect(get_message_text(answer) == f'{len(text)} characters', 'another answer came back')
        return {'text': get_message_text(answer)}

    async def collect(self, stream) -> dict:
        seen = {'kinds': [], 'states': [], 'texts': [], 'task': None}
        async for event in stream:
            if isinstance(event, Message):
                seen['kinds'].append('message')
                continue
            task, update = event
            seen['task'] = task.id
            kind = update.kind if update else 'task'
            seen['kinds'].append(kind)
            if kind == 'artifact-update':
                seen['texts'].append(get_artifact_text(update.artifact))
            else:
                seen['states'].append(update.status.state.value if update else task.status.state.value)
        return seen

    async def stream(self) -> dict:
        client = await self.client()
        message = create_text_message_object(content='stream 3 20')
        seen = await self.collect(client.send_message(message))
        expect(seen['kinds'][0] == 'task', f'first event is {seen["kinds"][0]}')
        expect(seen['texts'] == ['part 0', 'part 1', 'part 2'], f'parts {seen["texts"]}')
        expect(seen['states'][-1] == 'completed', f'ended {seen["states"][-1]}')
        return seen

    async def first_task(self, client, text: str) -> Task:
        task, _ = await anext(client.send_message(create_text_message_object(content=text)))
        return task

    async def get(self) -> dict:
        client = await self.client(streaming=False)
        created = await self.first_task(client, 'stream 2 10')
        task = await client.get_task(TaskQueryParams(id=created.id))
        state = task.status.state.value
        expect(task.id == created.id, 'another task came back')
        expect(state == 'completed', f'task is {state}')
        return {'task': task.id, 'state': state, 'artifacts': len(task.artifacts or [])}

    async def cancel(self) -> dict:
        client = await self.client(streaming=False, polling=True)
        created = await self.first_task(client, 'work')
        before = created.status.state.value
        expect(before in ('submitted', 'working'), before)
        task = await client.cancel_task(TaskIdParams(id=created.id))
        after = task.status.state.value
        expect(after == 'canceled', f'task is {after}')
        return {'task': task.id, 'states': [before, after]}

    async def resubscribe(self) -> dict:
        client = await self.client()
        first = client.send_message(create_text_message_object(content='stream 20 50'))
        task, _ = await anext(first)
        seen = await self.collect(client.resubscribe(TaskIdParams(id=task.id)))
        await first.aclose()
        support.expect_resubscribed(self.card.name, seen, task.id)
        return seen

    async def error(self, attempt) -> dict:
        try:
            await attempt
        except Exception as error:  # noqa: BLE001 - over gRPC it is none of the SDK's own
            return describe_error(error)
        raise support.Failed('succeeded where an error was due')

    def expect_error(self, error: dict, code: int, http: list[int], grpc: list[str]) -> None:
        """Only over JSON-RPC does this version of the SDK tell which error of A2A it was."""
        found = {
            'JSONRPC': error['code'] == code,
            'HTTP+JSON': error['httpStatus'] in http,
            'GRPC': error.get('grpcStatus') in grpc,
        }
        expect(found[self.binding], f'error {error}')

    async def error_unknown_task(self) -> dict:
        client = await self.client()
        error = await self.error(client.get_task(TaskQueryParams(id=str(uuid.uuid4()))))
        self.expect_error(error, -32001, [404], ['NOT_FOUND'])
        return {'error': error}

    async def error_from_agent(self) -> dict:
        client = await self.client(streaming=False)
        created = await self.first_task(client, 'stream 1 1')
        error = await self.error(client.cancel_task(TaskIdParams(id=created.id)))
        self.expect_error(error, -32002, [400, 409], ['FAILED_PRECONDITION', 'UNIMPLEMENTED'])
        return {'error': error}

    async def push_config(self) -> dict:
        client = await self.client(streaming=False)
        task = (await self.first_task(client, 'stream 1 1')).id
        config = PushNotificationConfig(
            id='hook', url='https://hooks.example/notify', token='secret'
        )
        wanted = TaskPushNotificationConfig(task_id=task, push_notification_config=config)
        made = (await client.set_task_callback(wanted)).push_notification_config
        expect((made.id, made.url) == (config.id, config.url), f'made {made}')
        # This version of the SDK can neither list nor delete.
        named = GetTaskPushNotificationConfigParams(id=task, push_notification_config_id='hook')
        got = (await client.get_task_callback(named)).push_notification_config
        expect((got.id, got.url) == (config.id, config.url), f'got {got}')
        return {'url': got.url}

    async def extended_card(self) -> dict:
        client = await self.client()
        card, _ = self.checked(await client.get_card())
        skills = [skill['id'] for skill in card['skills']]
        expect('extended' in skills, f'skills {skills}')
        return {'skills': skills, 'card': card}

    async def refused(self) -> dict:
        client = await self.client(streaming=False)
        message = create_text_message_object(content='hello')
        error = await self.error(anext(client.send_message(message)))
        status = error['httpStatus'] or error.get('grpcStatus')
        expect(status is not None, f'error {error}')
        return {'error': error}

    async def stream_cut(self) -> dict:
        client = await self.client()
        events = 0
        try:
            message = create_text_message_object(content='stream 6000 100')
            async for task, _ in client.send_message(message):
                if events == 0:
                    support.emit({'scenario': 'stream-cut', 'open': True, 'task': task.id})
                events += 1
        except Exception as error:  # noqa: BLE001 - over gRPC it is none of the SDK's own
            return {'events': events, 'error': describe_error(error)}
        raise support.Failed(f'ended without an error after {events} events')

    async def message(self) -> dict:
        client = await self.client()
        message = create_text_message_object(content=self.command)
        return await self.collect(client.send_message(message))


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
ON_REQUEST = ['large', 'push-config', 'extended-card', 'refused', 'stream-cut', 'message']


async def main() -> int:
    """Runs the scenarios that the options choose."""
    support.exit_quietly_on_sigterm()
    arguments = support.client_options(__doc__, ALL, ON_REQUEST)
    status = 0
    for binding in arguments.bindings:
        async with httpx.AsyncClient(**support.http_options(arguments.ca)) as http:
            scenarios = Scenarios(arguments, binding, http)
            status |= await support.run_scenarios(scenarios, arguments.names, describe_error)
            await scenarios.close()
    return status


if __name__ == '__main__':
    sys.exit(asyncio.run(main()))
