// What the JavaScript agents and clients of both SDK versions share for gRPC.

import { readFileSync } from 'node:fs';
import { Server, ServerCredentials, ServerInterceptingCall, credentials } from '@grpc/grpc-js';

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

/**
 * Listens on loopback; gives the server and its authority, so that the card can name it. `tls` are the files of a
 * certificate and its key, with a comma between.
 */
export async function bindGrpc(requests, tls) {
  const server = new Server({ interceptors: [recorder(requests)] });
  const [certificate, key] = tls ? tls.split(',').map((file) => readFileSync(file)) : [];
  const transport = tls
    ? ServerCredentials.createSsl(null, [{ private_key: key, cert_chain: certificate }])
    : ServerCredentials.createInsecure();
  const port = await new Promise((resolve, reject) => {
    const bound = (error, found) => (error ? reject(error) : resolve(found));
    server.bindAsync('127.0.0.1:0', transport, bound);
  });
  return { server, address: `${tls ? 'localhost' : '127.0.0.1'}:${port}` };
}

/** What a client presents and checks: TLS where a file with certificates to trust is given. */
export const channelCredentials = (ca) => (ca ? credentials.createSsl(readFileSync(ca)) : credentials.createInsecure());
