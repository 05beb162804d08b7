// A real A2A agent of @a2a-js/sdk 0.3: JSON-RPC at /a2a/jsonrpc, HTTP+JSON at /a2a/rest, gRPC on another port.
// Commands and options: tests/sdk/README.md.

import { randomUUID } from 'node:crypto';
import express from 'express';
import { AGENT_CARD_PATH } from '@a2a-js/sdk';
import { DefaultRequestHandler, InMemoryTaskStore } from '@a2a-js/sdk/server';
import { UserBuilder, agentCardHandler, jsonRpcHandler, restHandler } from '@a2a-js/sdk/server/express';
import { MAX_WORK_MILLISECONDS, agentOptions, answer, bind, parseCommand, serve, sleep } from './support.mjs';

/** Does what the message's text says. */
class Executor {
  cancelled = new Map();

  async execute({ taskId, contextId, userMessage }, bus) {
    const text = userMessage.parts.map((part) => part.text ?? '').join('\n');
    const { word, numbers } = parseCommand(text);
    if (word === 'fail') throw new Error('failing as asked');
    if (word !== 'stream' && word !== 'work') {
      const parts = [{ kind: 'text', text: answer(text) }];
      bus.publish({ kind: 'message', messageId: randomUUID(), role: 'agent', contextId, parts });
      return bus.finished();
    }
    const status = { state: 'submitted', timestamp: new Date().toISOString() };
    bus.publish({ kind: 'task', id: taskId, contextId, status, history: [userMessage] });
    this.update(bus, taskId, contextId, 'working');
    const outcome = word === 'work' ? await this.work(taskId) : await this.stream(bus, taskId, contextId, numbers);
    this.update(bus, taskId, contextId, outcome);
    return bus.finished();
  }

  async work(taskId) {
    const cancelled = new Promise((resolve) => this.cancelled.set(taskId, resolve));
    await Promise.race([cancelled, sleep(MAX_WORK_MILLISECONDS)]);
    this.cancelled.delete(taskId);
    return 'canceled';
  }

  async stream(bus, taskId, contextId, numbers) {
    const [count, milliseconds] = numbers.length === 2 ? numbers : [3, 20];
    for (let index = 0; index < count; index += 1) {
      await sleep(milliseconds);
      const artifact = { artifactId: 'parts', parts: [{ kind: 'text', text: `part ${index}` }] };
      bus.publish({ kind: 'artifact-update', taskId, contextId, artifact, append: index > 0 });
    }
    return 'completed';
  }

  cancelTask = async (taskId) => this.cancelled.get(taskId)?.();

  update(bus, taskId, contextId, state) {
    const status = { state, timestamp: new Date().toISOString() };
    const final = state === 'completed' || state === 'canceled';
    bus.publish({ kind: 'status-update', taskId, contextId, status, final });
  }
}

/** The card, with an interface for each binding. */
function card(url, grpc, { push, extendedCard }) {
  return {
    name: 'JavaScript 0.3 agent',
    description: 'Answers, streams and waits as the message says',
    protocolVersion: '0.3.0',
    version: '1.0.0',
    url: `${url}/a2a/jsonrpc`,
    preferredTransport: 'JSONRPC',
    additionalInterfaces: [
      { url: `${url}/a2a/jsonrpc`, transport: 'JSONRPC' },
      { url: `${url}/a2a/rest`, transport: 'HTTP+JSON' },
      ...(grpc ? [{ url: grpc, transport: 'GRPC' }] : []),
    ],
    supportsAuthenticatedExtendedCard: extendedCard,
    capabilities: { streaming: true, pushNotifications: push },
    defaultInputModes: ['text/plain'],
    defaultOutputModes: ['text/plain'],
    skills: ['echo', 'stream', 'work'].map(skill),
  };
}

const skill = (id) => ({ id, name: id, description: `Does ${id}`, tags: ['test'] });

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
  undefined,
  undefined,
  options.extendedCard ? async () => extendedCard : undefined,
);
const shared = { requestHandler, userBuilder: UserBuilder.noAuthentication };
if (grpc) {
  const { A2AService, grpcService } = await import('@a2a-js/sdk/server/grpc');
  grpc.server.addService(A2AService, grpcService(shared));
}
const application = express();
// The SDK's own parser would refuse bodies over 100 KiB.
application.use(express.json({ limit: '8mb' }));
application.use(`/${AGENT_CARD_PATH}`, agentCardHandler({ agentCardProvider: requestHandler }));
application.use('/a2a/jsonrpc', jsonRpcHandler(shared));
application.use('/a2a/rest', restHandler(shared));
serve(application, server, { url, grpc: grpc?.address }, requests);
