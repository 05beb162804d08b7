// A real A2A client of @a2a-js/sdk 1.x; scenarios are documented in tests/sdk/README.md.

import { randomUUID } from 'node:crypto';
import { Role, TaskState } from '@a2a-js/sdk';
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
const ON_REQUEST = ['large', 'list', 'push-config', 'extended-card', 'refused', 'stream-cut', 'message'];

const { remembered, wrapped } = rememberingFetch();

// Only errors of JSON-RPC carry the number; the SDK's type says the same in every binding.
const CODES = { TaskNotFoundError: -32001, TaskNotCancelableError: -32002, VersionNotSupportedError: -32009 };

const describeError = (error) => ({
  type: error.name,
  message: error.message,
  code: error.envelopeCode ?? CODES[error.name] ?? null,
  httpStatus: remembered.status,
  grpcStatus: grpcStatus(error),
  reason: error.reason ?? null,
});

const stateOf = (status) => TaskState[status.state].replace('TASK_STATE_', '').toLowerCase();
const textOf = (parts) => parts.map((part) => part.content?.value ?? '').join('\n');

/** The header of the card's scheme that the chosen header belongs to. */
function credentials(card, key, header) {
  for (const { scheme } of Object.values(card.securitySchemes ?? {})) {
    if (scheme.$case === 'apiKeySecurityScheme' && scheme.value.name.toLowerCase() === header) {
      return { [scheme.value.name]: key };
    }
    if (scheme.$case === 'httpAuthSecurityScheme' && header === 'authorization') {
      return { Authorization: `Bearer ${key}` };
    }
  }
  return {};
}

class Scenarios {
  constructor({ base, binding, legacy, grpc, ca, key, header, message }) {
    Object.assign(this, { base, binding, legacy, grpc, ca, key, header, command: message });
  }

  async client() {
    const resolver = new DefaultAgentCardResolver({ fetchImpl: wrapped, legacyCompat: { enabled: this.legacy } });
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
      const grpcChannelCredentials = channelCredentials(this.ca);
      return new GrpcTransportFactory({ grpcChannelCredentials, legacyCompat: { enabled: this.legacy } });
    }
    const handler = { headers: async () => headers, shouldRetryWithHeaders: async () => undefined };
    const fetchImpl = createAuthenticatingFetchWithRetry(wrapped, handler);
    const Factory = this.binding === 'JSONRPC' ? JsonRpcTransportFactory : RestTransportFactory;
    return new Factory({ fetchImpl, legacyCompat: { enabled: this.legacy } });
  }

  request(text, returnImmediately = false) {
    const part = { content: { $case: 'text', value: text }, metadata: undefined, filename: '', mediaType: '' };
    const message = {
      messageId: randomUUID(),
      contextId: '',
      taskId: '',
      role: Role.ROLE_USER,
      parts: [part],
      metadata: undefined,
      extensions: [],
      referenceTaskIds: [],
    };
    const configuration = { acceptedOutputModes: [], taskPushNotificationConfig: undefined, returnImmediately };
    return { tenant: '', message, configuration, metadata: undefined };
  }

  async discover() {
    await this.client();
    const { supportedInterfaces: interfaces, securitySchemes = {}, securityRequirements: security = [] } = this.card;
    checkInterfaces(interfaces, this.base, this.grpc);
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
    for await (const { payload } of stream) {
      seen.kinds.push(payload.$case);
      // A stream of a 0.3 agent may begin without the task.
      seen.task ??= payload.$case === 'task' ? payload.value.id : (payload.value.taskId ?? null);
      if (payload.value.status) seen.states.push(stateOf(payload.value.status));
      if (payload.$case === 'artifactUpdate') seen.texts.push(textOf(payload.value.artifact.parts));
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
    const task = await client.getTask({ tenant: '', id: created.id });
    expect(task.id === created.id, 'another task came back');
    expect(stateOf(task.status) === 'completed', `task is ${stateOf(task.status)}`);
    return { task: task.id, state: stateOf(task.status), artifacts: task.artifacts.length };
  }

  async cancel() {
    const client = await this.client();
    const before = await client.sendMessage(this.request('work', true));
    expect(['submitted', 'working'].includes(stateOf(before.status)), stateOf(before.status));
    const after = await client.cancelTask({ tenant: '', id: before.id, metadata: undefined });
    expect(stateOf(after.status) === 'canceled', `task is ${stateOf(after.status)}`);
    return { task: after.id, states: [stateOf(before.status), stateOf(after.status)] };
  }

  async resubscribe() {
    const client = await this.client();
    const first = client.sendMessageStream(this.request('stream 20 50'));
    const task = (await first.next()).value.payload.value.id;
    const seen = await this.collect(client.resubscribeTask({ tenant: '', id: task }));
    await first.return();
    expectResubscribed(this.card.name, seen, task);
    return seen;
  }

  async errorUnknownTask() {
    const client = await this.client();
    const error = describeError(await errorOf(client.getTask({ tenant: '', id: randomUUID() })));
    expect(error.code === -32001, JSON.stringify(error));
    return { error };
  }

  async errorFromAgent() {
    const client = await this.client();
    const created = await client.sendMessage(this.request('stream 1 1'));
    const attempt = client.cancelTask({ tenant: '', id: created.id, metadata: undefined });
    const error = describeError(await errorOf(attempt));
    expect(error.code === -32002, JSON.stringify(error));
    return { error };
  }

  async list() {
    const client = await this.client();
    const created = await client.sendMessage(this.request('stream 1 1'));
    const { tasks } = await client.listTasks({
      tenant: '',
      contextId: created.contextId,
      status: TaskState.TASK_STATE_UNSPECIFIED,
      pageSize: 5,
      pageToken: '',
      historyLength: undefined,
      statusTimestampAfter: undefined,
      includeArtifacts: undefined,
    });
    const ids = tasks.map(({ id }) => id);
    expect(ids.join() === created.id, `tasks ${ids} instead of ${created.id}`);
    return { tasks: ids };
  }

  async pushConfig() {
    const client = await this.client();
    const task = (await client.sendMessage(this.request('stream 1 1'))).id;
    const url = 'https://hooks.example/notify';
    const wanted = { tenant: '', taskId: task, id: 'hook', url, token: 'secret', authentication: undefined };
    const made = await client.createTaskPushNotificationConfig(wanted);
    expect(made.id === 'hook' && made.url === url, `made ${JSON.stringify(made)}`);
    const named = { tenant: '', taskId: task, id: 'hook' };
    const got = await client.getTaskPushNotificationConfig(named);
    expect(got.id === 'hook' && got.url === url, `got ${JSON.stringify(got)}`);
    const whole = { tenant: '', taskId: task, pageSize: 0, pageToken: '' };
    const before = await client.listTaskPushNotificationConfig(whole);
    await client.deleteTaskPushNotificationConfig(named);
    const after = await client.listTaskPushNotificationConfig(whole);
    const counts = [before.configs.length, after.configs.length];
    expect(counts.join() === '1,0', `counts ${counts}`);
    return { url: got.url, counts };
  }

  async extendedCard() {
    const client = await this.client();
    const card = await client.getAgentCard();
    const skills = card.skills.map(({ id }) => id);
    expect(skills.includes('extended'), `skills ${skills}`);
    checkInterfaces(card.supportedInterfaces, this.base, this.grpc);
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
        for await (const { payload } of client.sendMessageStream(this.request('stream 6000 100'))) {
          if (events === 0) emit({ scenario: 'stream-cut', open: true, task: payload.value.id });
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
