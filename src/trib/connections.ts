/** The connections of one job: one to each node, opened when it is first needed, all closed at the end. */

import {NodeConnection, type ConnectOptions} from './client.ts';
import {formatEndpoint} from './endpoint.ts';
import type {Endpoint} from './messages.ts';

export class Connections implements Disposable {
	readonly #options: ConnectOptions;
	readonly #byAddress = new Map<string, Promise<NodeConnection>>();

	constructor(options: ConnectOptions) {
		this.#options = options;
	}

	/** @throws {ConnectionError} as often as it is asked for, without trying again */
	to(endpoint: Endpoint): Promise<NodeConnection> {
		const key = formatEndpoint(endpoint);
		let connection = this.#byAddress.get(key);
		if (connection === undefined) {
			connection = NodeConnection.open(endpoint, this.#options);
			this.#byAddress.set(key, connection);
		}
		return connection;
	}

	[Symbol.dispose](): void {
		for (const connection of this.#byAddress.values()) {
			connection.then(
				(open) => open.close(),
				() => undefined,
			);
		}
		this.#byAddress.clear();
	}
}
