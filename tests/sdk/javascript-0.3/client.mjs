// A real A2A client of @a2a-js/sdk 0.3; scenarios are documented in tests/sdk/README.md.

import { randomUUID } from 'node:crypto';
import {
  ClientFactory,
  DefaultAgentCardResolver,
  JsonRpcTransportFactory,
  RestTransportFactory,
  createAuthenticatingFetchWithRetry,
} from '@a2a-js/sdk/client';
import {
  addingMetadata,
  checkInterfaces,
  clientOptions,
  emit,
  errorOf,
  expect,
  expectResubscribed,
  grpcStatus,
  rememberingFetch,
  runAll,
} from './support.mjs';

const ALL = ['discover', 'send', 'stream', 'get', 'cancel', 'resubscribe', 'error-unknown-task', 'error-from-agent'];
const ON_REQUEST = ['large', 'push-config', 'extended-card', 'refused', 'stream-cut', 'message'];

const { remembered, wrapped } = rememberingFetch();

// Only errors of JSON-RPC carry the number; the SDK's type says the same in every binding.
const CODES = { TaskNotFoundError: -32001, TaskNotCancelableError: -32002 };

const describeError = (error) => ({
  type: error.constructor.name,
  message: error.message,
  code: error.errorResponse?.error.code ?? CODES[error.constructor.name] ?? null,
  httpStatus: remembered.status,
  grpcStatus: grpcStatus(error),
});

const textOf = (parts) => parts.map((part) => part.text ?? '').join('\n');

/** The header of the card's scheme that the chosen header belongs to. */
function credentials(card, key, header) {
  for (const scheme of Object.values(card.securitySchemes ?? {})) {
    if (scheme.type === 'apiKey' && scheme.in === 'header' && scheme.name.toLowerCase() === header) {
      return { [scheme.name]: key };
    }
    if (scheme.type === 'http' && scheme.scheme.toLowerCase() === 'bearer' && header === 'authorization') {
      return { Authorization: `Bearer ${key}` };
    }
  }
  return {};
}

class Scenarios {
  constructor({ base, binding, grpc, ca, key, header, message }) {
    Object.assign(this, { base, binding, grpc, ca, key, header, command: message });
  }

  async client() {
    const resolver = new DefaultAgentCardResolver({ fetchImpl: wrapped });
    this.card ??= await resolver.resolve(this.base);
    const headers = this.key ? credentials(this.card, this.key, this.header) : {};
    const clientConfig = { interceptors: this.binding === 'GRPC' ? [addingMetadata(headers)] : [] };
    const transports = [await this.transport(headers)];
    return new ClientFactory({ transports, clientConfig }).createFromAgentCard(this.card);
  }

  async transport(headers) {
    if (this.binding === 'GRPC') {
      const { GrpcTransportFactory } = await import('@a2a-js/sdk/client/grpc');
      const { channelCredentials } = await import('./support_grpc.mjs');
      return new GrpcTransportFactory({ grpcChannelCredentials: channelCredentials(this.ca) });
    }
    const handler = { headers: async () => headers, shouldRetryWithHeaders: async () => undefined };
    const fetchImpl = createAuthenticatingFetchWithRetry(wrapped, handler);
    const Factory = this.binding === 'JSONRPC' ? JsonRpcTransportFactory : RestTransportFactory;
    return new Factory({ fetchImpl });
  }

  request(text, blocking = true) {
    const parts = [{ kind: 'text', text }];
    return { message: { kind: 'message', messageId: randomUUID(), role: 'user', parts }, configuration: { blocking } };
  }

  async discover() {
    await this.client();
    const { url, preferredTransport: transport, additionalInterfaces = [] } = this.card;
    const interfaces = [{ url, transport }, ...additionalInterfaces];
    checkInterfaces(interfaces, this.base, this.grpc);
    const { securitySchemes = {}, security = [] } = this.card;
    const declared = Object.keys(securitySchemes).length > 0;
    expect(declared === Boolean(this.key), `security schemes ${JSON.stringify(securitySchemes)}`);
    return { interfaces, securitySchemes, security, card: this.card };
  }

  async send() {
    const client = await this.client();
    const message = await client.sendMessage(this.request('hello there'));
    expect(textOf(message.parts) === 'echo: hello there', `answered ${JSON.stringify(message)}`);
    return { text: textOf(message.parts) };
  }

  async large() {
    const client = await this.client();
    const text = `count ${'y'.repeat(3 << 20)}`;
    const message = await client.sendMessage(this.request(text));
    expect(textOf(message.parts) === `${text.length} characters`, `answered ${textOf(message.parts)}`);
    return { text: textOf(message.parts) };
  }

  async collect(stream) {
    const seen = { kinds: [], states: [], texts: [], task: null };
    for await (const event of stream) {
      seen.kinds.push(event.kind);
      if (event.kind !== 'message') seen.task = event.taskId ?? event.id;
      if (event.status) seen.states.push(event.status.state);
      if (event.kind === 'artifact-update') seen.texts.push(textOf(event.artifact.parts));
    }
    return seen;
  }

  async stream() {
    const client = await this.client();
    const seen = await this.collect(client.sendMessageStream(this.request('stream 3 20')));
    expect(seen.kinds[0] === 'task', `first event is ${seen.kinds[0]}`);
    expect(seen.texts.join() === 'part 0,part 1,part 2', `parts ${seen.texts}`);
    expect(seen.states.at(-1) === 'completed', `ended ${seen.states.at(-1)}`);
    return seen;
  }

  async get() {
    const client = await this.client();
    const created = await client.sendMessage(this.request('stream 2 10'));
    const task = await client.getTask({ id: created.id });
    expect(task.id === created.id, 'another task came back');
    expect(task.status.state === 'completed', `task is ${task.status.state}`);
    return { task: task.id, state: task.status.state, artifacts: task.artifacts.length };
  }

  async cancel() {
    const client = await this.client();
    const before = await client.sendMessage(this.request('work', false));
    expect(['submitted', 'working'].includes(before.status.state), before.status.state);
    const after = await client.cancelTask({ id: before.id });
    expect(after.status.state === 'canceled', `task is ${after.status.state}`);
    return { task: after.id, states: [before.status.state, after.status.state] };
  }

  async resubscribe() {
    const client = await this.client();
    const first = client.sendMessageStream(this.request('stream 20 50'));
    const task = (await first.next()).value.id;
    const seen = await this.collect(client.resubscribeTask({ id: task }));
    await first.return();
    expectResubscribed(this.card.name, seen, task);
    return seen;
  }

  async errorUnknownTask() {
    const client = await this.client();
    const error = describeError(await errorOf(client.getTask({ id: randomUUID() })));
    expect(error.code === -32001, JSON.stringify(error));
    return { error };
  }

  async errorFromAgent() {
    const client = await this.client();
    const created = await client.sendMessage(this.request('stream 1 1'));
    const error = describeError(await errorOf(client.cancelTask({ id: created.id })));
    expect(error.code === -32002, JSON.stringify(error));
    return { error };
  }

  async pushConfig() {
    const client = await this.client();
    const task = (await client.sendMessage(this.request('stream 1 1'))).id;
    const config = { id: 'hook', url: 'https://hooks.example/notify', token: 'secret' };
    const made = await client.setTaskPushNotificationConfig({ taskId: task, pushNotificationConfig: config });
    const same = ({ pushNotificationConfig: found }) => found.id === config.id && found.url === config.url;
    expect(same(made), `made ${JSON.stringify(made)}`);
    const named = { id: task, pushNotificationConfigId: 'hook' };
    const got = await client.getTaskPushNotificationConfig(named);
    expect(same(got), `got ${JSON.stringify(got)}`);
    const before = await client.listTaskPushNotificationConfig({ id: task });
    await client.deleteTaskPushNotificationConfig(named);
    const after = await client.listTaskPushNotificationConfig({ id: task });
    const counts = [before.length, after.length];
    expect(counts.join() === '1,0', `counts ${counts}`);
    return { url: got.pushNotificationConfig.url, counts };
  }

  async extendedCard() {
    const client = await this.client();
    const card = await client.getAgentCard();
    const skills = card.skills.map(({ id }) => id);
    expect(skills.includes('extended'), `skills ${skills}`);
    const { url, preferredTransport: transport, additionalInterfaces = [] } = card;
    checkInterfaces([{ url, transport }, ...additionalInterfaces], this.base, this.grpc);
    return { skills, card };
  }

  async refused() {
    const client = await this.client();
    const error = describeError(await errorOf(client.sendMessage(this.request('hello'))));
    expect(error.httpStatus >= 400 || error.grpcStatus !== null, JSON.stringify(error));
    return { error };
  }

  async streamCut() {
    const client = await this.client();
    let events = 0;
    const error = await errorOf(
      (async () => {
        for await (const event of client.sendMessageStream(this.request('stream 6000 100'))) {
          if (events === 0) emit({ scenario: 'stream-cut', open: true, task: event.id });
          events += 1;
        }
      })(),
    );
    return { events, error: describeError(error) };
  }

  async message() {
    const client = await this.client();
    return this.collect(client.sendMessageStream(this.request(this.command)));
  }
}

await runAll(Scenarios, clientOptions(ALL, ON_REQUEST), describeError);
