// A real A2A agent of @a2a-js/sdk 1.x: JSON-RPC at /a2a/jsonrpc, HTTP+JSON at /a2a/rest, gRPC on another port.
// With --hybrid it speaks 0.3 and 1.0 side by side. Commands and options: tests/sdk/README.md.

import { randomUUID } from 'node:crypto';
import express from 'express';
import { AGENT_CARD_PATH, Role, TaskState } from '@a2a-js/sdk';
import {
  AgentEvent,
  DefaultRequestHandler,
  InMemoryPushNotificationStore,
  InMemoryTaskStore,
} from '@a2a-js/sdk/server';
import { UserBuilder, agentCardHandler, jsonRpcHandler, restHandler } from '@a2a-js/sdk/server/express';
import { UnsupportedOperationError } from '@a2a-js/sdk/errors';
import { MAX_WORK_MILLISECONDS, agentOptions, answer, bind, parseCommand, serve, sleep } from './support.mjs';

const textPart = (value) => ({
  content: { $case: 'text', value },
  metadata: undefined,
  filename: '',
  mediaType: 'text/plain',
});

/** Does what the message's text says. */
class Executor {
  cancelled = new Map();

  async execute({ taskId, contextId, userMessage }, bus) {
    const text = userMessage.parts.map((part) => part.content?.value ?? '').join('\n');
    const { word, numbers } = parseCommand(text);
    if (word === 'fail') throw new UnsupportedOperationError('failing as asked');
    if (word !== 'stream' && word !== 'work') {
      bus.publish(AgentEvent.message(this.message(contextId, answer(text))));
      return bus.finished();
    }
    bus.publish(
      AgentEvent.task({
        id: taskId,
        contextId,
        status: this.status(TaskState.TASK_STATE_SUBMITTED),
        artifacts: [],
        history: [userMessage],
        metadata: undefined,
      }),
    );
    this.update(bus, taskId, contextId, TaskState.TASK_STATE_WORKING);
    const outcome = word === 'work' ? await this.work(taskId) : await this.stream(bus, taskId, contextId, numbers);
    this.update(bus, taskId, contextId, outcome);
    return bus.finished();
  }

  async work(taskId) {
    const cancelled = new Promise((resolve) => this.cancelled.set(taskId, resolve));
    await Promise.race([cancelled, sleep(MAX_WORK_MILLISECONDS)]);
    this.cancelled.delete(taskId);
    return TaskState.TASK_STATE_CANCELED;
  }

  async stream(bus, taskId, contextId, numbers) {
    const [count, milliseconds] = numbers.length === 2 ? numbers : [3, 20];
    for (let index = 0; index < count; index += 1) {
      await sleep(milliseconds);
      const artifact = {
        artifactId: 'parts',
        name: 'parts',
        description: '',
        parts: [textPart(`part ${index}`)],
        metadata: undefined,
        extensions: [],
      };
      const event = { taskId, contextId, artifact, append: index > 0, lastChunk: false, metadata: undefined };
      bus.publish(AgentEvent.artifactUpdate(event));
    }
    return TaskState.TASK_STATE_COMPLETED;
  }

  cancelTask = async (taskId) => this.cancelled.get(taskId)?.();

  message(contextId, text) {
    return {
      messageId: randomUUID(),
      contextId,
      taskId: '',
      role: Role.ROLE_AGENT,
      parts: [textPart(text)],
      metadata: undefined,
      extensions: [],
      referenceTaskIds: [],
    };
  }

  status(state) {
    return { state, message: undefined, timestamp: new Date().toISOString() };
  }

  update(bus, taskId, contextId, state) {
    const event = { taskId, contextId, status: this.status(state), metadata: undefined };
    bus.publish(AgentEvent.statusUpdate(event));
  }
}

/** The card, with an interface for each binding and version. */
function card(url, grpc, { hybrid, push, extendedCard, tenant }) {
  const bindings = [
    ['JSONRPC', `${url}/a2a/jsonrpc`],
    ['HTTP+JSON', `${url}/a2a/rest`],
    ...(grpc ? [['GRPC', grpc]] : []),
  ];
  return {
    name: 'JavaScript 1.x agent',
    description: 'Answers, streams and waits as the message says',
    supportedInterfaces: (hybrid ? ['1.0', '0.3'] : ['1.0']).flatMap((protocolVersion) =>
      bindings.map(([protocolBinding, address]) => ({ url: address, protocolBinding, protocolVersion, tenant })),
    ),
    provider: undefined,
    version: '1.0.0',
    capabilities: { streaming: true, pushNotifications: push, extensions: [], extendedAgentCard: extendedCard },
    securitySchemes: {},
    securityRequirements: [],
    defaultInputModes: ['text/plain'],
    defaultOutputModes: ['text/plain'],
    skills: ['echo', 'stream', 'work'].map(skill),
    signatures: [],
  };
}

const skill = (id) => ({
  id,
  name: id,
  description: `Does ${id}`,
  tags: ['test'],
  examples: [],
  inputModes: [],
  outputModes: [],
  securityRequirements: [],
});

/** Adds the gRPC services to a server. */
async function register(grpc, shared) {
  const { A2AService, grpcService } = await import('@a2a-js/sdk/server/grpc');
  grpc.addService(A2AService, grpcService(shared));
  if (!shared.legacyCompat.enabled) return;
  const { LegacyA2AService, legacyGrpcService } = await import('@a2a-js/sdk/compat/v0_3/server/grpc');
  grpc.addService(LegacyA2AService, legacyGrpcService(shared));
}

const options = agentOptions();
const requests = [];
const { server, url } = await bind(options.port);
const bindGrpc = async () => (await import('./support_grpc.mjs')).bindGrpc(requests, options.grpcTls);
const grpc = options.grpc ? await bindGrpc() : undefined;
const publicCard = card(url, grpc?.address, options);
const extendedCard = { ...publicCard, skills: [...publicCard.skills, skill('extended')] };
const requestHandler = new DefaultRequestHandler(
  publicCard,
  new InMemoryTaskStore(),
  new Executor(),
  undefined,
  options.push ? new InMemoryPushNotificationStore() : undefined,
  undefined,
  options.extendedCard ? async () => extendedCard : undefined,
);
const legacyCompat = { enabled: options.hybrid };
const shared = { requestHandler, userBuilder: UserBuilder.noAuthentication, legacyCompat };
if (grpc) await register(grpc.server, shared);
const application = express();
// The SDK's own parser would refuse bodies over 100 KiB.
application.use(express.json({ limit: '8mb' }));
application.use(`/${AGENT_CARD_PATH}`, agentCardHandler({ agentCardProvider: requestHandler, legacyCompat }));
application.use('/a2a/jsonrpc', jsonRpcHandler(shared));
application.use('/a2a/rest', restHandler(shared));
serve(application, server, { url, grpc: grpc?.address }, requests);
