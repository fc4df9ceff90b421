/** Free ports for a cluster whose base port is 0: chosen by the system, each with room for its bus port. */
import {createServer, type Server} from 'node:net';
import {HIGHEST_PORT} from './settings.ts';
import {LaunchError, messageOf} from './errors.ts';

/**
 * All are held until the last is found, so that they differ. Between this and the nodes' own listening somebody else may
 * take one: the caller must be ready to ask again.
 */
export async function findFreePorts(host: string, count: number): Promise<number[]> {
	const held: Server[] = [];
	const ports: number[] = [];
	try {
		// About one in five of Linux's ephemeral ports (32768-60999) is too high.
		while (ports.length < count) {
			const server = await listenAnywhere(host);
			held.push(server);
			const address = server.address();
			if (typeof address === 'object' && address !== null && address.port <= HIGHEST_PORT)
				ports.push(address.port);
			if (held.length > count * 20 + 100)
				throw new LaunchError(`no ${count} free ports up to ${HIGHEST_PORT} on ${host}; name a --base-port`);
		}
	} finally {
		await Promise.all(held.map((server) => new Promise((resolve) => server.close(resolve))));
	}
	return ports.toSorted((a, b) => a - b);
}

function listenAnywhere(host: string): Promise<Server> {
	return new Promise((resolve, reject) => {
		const server = createServer();
		server.once('error', (error) => reject(new LaunchError(`cannot listen on ${host}: ${messageOf(error)}`)));
		server.listen(0, host, () => resolve(server));
	});
}
