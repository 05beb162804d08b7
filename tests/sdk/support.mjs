// What the JavaScript agents and clients of both SDK versions share: no package is imported here.

import { createServer } from 'node:http';
import { parseArgs } from 'node:util';

// Longest a task waits to be cancelled, in milliseconds.
export const MAX_WORK_MILLISECONDS = 600_000;
// Longest a scenario may take before the client gives up on it, in milliseconds.
const SCENARIO_MILLISECONDS = 60_000;

/** Splits an agent command such as `stream 20 100` into its word and its numbers. */
export function parseCommand(text) {
  const [word, ...rest] = text.split(' ');
  const numbers = rest.filter((item) => /^[0-9]+$/.test(item)).map(Number);
  return { word, numbers: numbers.length === rest.length ? numbers : [] };
}

/** The text that every agent answers to a message which is no other command. */
export function answer(text) {
  const { word, numbers } = parseCommand(text);
  if (word === 'count') return `${text.length} characters`;
  if (word === 'size' && numbers.length > 0) return 'x'.repeat(numbers[0]);
  return `echo: ${text}`;
}

/** A promise that resolves after a time in milliseconds. */
export const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Listens on loopback; gives the server and its address, so that the card can name the port. */
export async function bind(port) {
  const server = createServer();
  await new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return { server, url: `http://127.0.0.1:${server.address().port}` };
}

/** Serves an Express application, keeping what arrives for `/_observed`, until it is stopped. */
export function serve(application, server, ready, requests) {
  server.on('request', (request, response) => {
    const [path, query = ''] = request.url.split('?');
    if (path === '/_observed') {
      response.setHeader('content-type', 'application/json');
      return response.end(JSON.stringify({ requests }));
    }
    const headers = [];
    for (let index = 0; index < request.rawHeaders.length; index += 2) {
      headers.push([request.rawHeaders[index].toLowerCase(), request.rawHeaders[index + 1]]);
    }
    requests.push({ method: request.method, path, query, headers });
    return application(request, response);
  });
  for (const name of ['SIGTERM', 'SIGINT']) process.on(name, () => process.exit(0));
  console.log(JSON.stringify({ ready: true, ...ready }));
}

/** The options of an agent. */
export function agentOptions() {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '0' },
      grpc: { type: 'boolean', default: false },
      'grpc-tls': { type: 'string' },
      push: { type: 'boolean', default: false },
      'extended-card': { type: 'boolean', default: false },
      hybrid: { type: 'boolean', default: false },
      tenant: { type: 'string', default: '' },
    },
  });
  return { ...values, port: Number(values.port), extendedCard: values['extended-card'], grpcTls: values['grpc-tls'] };
}

/** The options of a client. `base` ends in `/`: the SDK drops the last segment otherwise. */
export function clientOptions(all, onRequest) {
  const { values } = parseArgs({
    options: {
      url: { type: 'string' },
      binding: { type: 'string', multiple: true, default: ['JSONRPC'] },
      legacy: { type: 'boolean', default: false },
      grpc: { type: 'string' },
      ca: { type: 'string' },
      'api-key': { type: 'string' },
      header: { type: 'string', default: 'X-API-Key' },
      message: { type: 'string', default: 'hello' },
      scenario: { type: 'string', multiple: true, default: ['all'] },
    },
  });
  if (!values.url) throw new Error('--url is missing');
  const names = values.scenario.flatMap((name) => (name === 'all' ? all : [name]));
  const unknown = names.filter((name) => !all.includes(name) && !onRequest.includes(name));
  if (unknown.length > 0) throw new Error(`no scenario is called ${unknown}`);
  const base = values.url.endsWith('/') ? values.url : `${values.url}/`;
  const { binding: bindings, legacy, grpc, ca, message } = values;
  return { base, bindings, legacy, grpc, ca, key: values['api-key'], header: values.header.toLowerCase(), message, names };
}

/** A second stream has to see the task through, as far as its agent lets it. */
export function expectResubscribed(agent, seen, task) {
  expect(seen.task === task, `task ${seen.task} instead of ${task}`);
  expect(seen.texts.includes('part 19'), `parts ${seen.texts}`);
  const ended = seen.states.at(-1);
  // That SDK empties the queues of further streams as soon as the first one has read the last event.
  const mayLose = agent === 'Python 0.3 agent' && [undefined, 'working'].includes(ended);
  expect(ended === 'completed' || mayLose, `ended ${ended}`);
}

/** Every interface of a card has to lie below the base, and gRPC at the one authority. */
export function checkInterfaces(interfaces, base, grpc) {
  const within = base.slice(0, -1);
  for (const { url, protocolBinding, transport } of interfaces) {
    if ((protocolBinding ?? transport) === 'GRPC') expect(url === grpc, `gRPC at ${url} instead of ${grpc}`);
    else expect(url.startsWith(within), `${url} leaves ${within}`);
  }
}

/** An observation that differs from what the scenario expects. */
class Failed extends Error {}

/** Throws `Failed` with the message unless the condition holds. */
export function expect(condition, message) {
  if (!condition) throw new Failed(message);
}

/** Prints one record as one line of JSON. */
export const emit = (record) => console.log(JSON.stringify(record));

/** Waits for an attempt that has to fail, and gives its error. */
export async function errorOf(attempt) {
  let result;
  try {
    result = await attempt;
  } catch (error) {
    return error;
  }
  throw new Failed(`succeeded where an error was due: ${JSON.stringify(result)}`);
}

/** The status of gRPC in an error's text: the SDKs keep it nowhere else. */
export function grpcStatus(error) {
  const found = /^grpc error for \w+[:!] (\d+) /i.exec(error.message);
  return found ? Number(found[1]) : null;
}

/** Sends headers as metadata of gRPC, which the SDKs do not authenticate by themselves. */
export const addingMetadata = (headers) => ({
  before: async (call) => {
    const serviceParameters = { ...call.options?.serviceParameters, ...headers };
    call.options = { ...call.options, serviceParameters };
  },
  after: async () => {},
});

/** Runs the named scenarios in order and ends the process with whether all met expectations. */
export async function runAll(Scenarios, options, describeError) {
  let status = 0;
  for (const binding of options.bindings) {
    status |= await runScenarios(new Scenarios({ ...options, binding }), options.names, describeError);
  }
  process.exit(status);
}

async function runScenarios(scenarios, names, describeError) {
  let status = 0;
  for (const name of names) {
    const started = performance.now();
    const record = { scenario: name, binding: scenarios.binding, ok: true };
    const method = name.replaceAll(/-(.)/g, (_, letter) => letter.toUpperCase());
    let timer;
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Failed('took too long')), SCENARIO_MILLISECONDS);
    });
    try {
      Object.assign(record, await Promise.race([scenarios[method](), late]));
    } catch (error) {
      record.ok = false;
      record.failure = error instanceof Failed ? error.message : 'unexpected error';
      if (!(error instanceof Failed)) record.error = describeError(error);
      status = 1;
    }
    clearTimeout(timer);
    record.seconds = Math.round(performance.now() - started) / 1000;
    emit(record);
  }
  return status;
}

/** Wraps `fetch` to remember the status of the last answer, which the SDK's errors do not carry. */
export function rememberingFetch() {
  const remembered = { status: null };
  const wrapped = async (...request) => {
    const response = await fetch(...request);
    remembered.status = response.status;
    return response;
  };
  return { remembered, wrapped };
}
