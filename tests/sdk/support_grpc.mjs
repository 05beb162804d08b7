// The gRPC server that the JavaScript agents of both SDK versions share.

import { Server, ServerCredentials, ServerInterceptingCall } from '@grpc/grpc-js';

/** Keeps each call in the list of requests that the agent shows at /_observed. */
const recorder = (requests) => (descriptor, call) =>
  new ServerInterceptingCall(call, {
    start: (next) =>
      next({
        onReceiveMetadata: (metadata, proceed) => {
          const headers = Object.entries(metadata.toHttp2Headers()).flatMap(([name, values]) =>
            [values].flat().map((value) => [name, String(value)]),
          );
          requests.push({ method: 'POST', path: descriptor.path, query: '', headers });
          proceed(metadata);
        },
      }),
  });

/** Listens on loopback; gives the server and its authority, so that the card can name it. */
export async function bindGrpc(requests) {
  const server = new Server({ interceptors: [recorder(requests)] });
  const port = await new Promise((resolve, reject) => {
    const bound = (error, found) => (error ? reject(error) : resolve(found));
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), bound);
  });
  return { server, address: `127.0.0.1:${port}` };
}
