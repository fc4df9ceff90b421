/** The launcher's part of the bus for tests: introduces nodes of one thread to each other by real MessageChannels. */
import {MessageChannel, type MessagePort} from 'node:worker_threads';
import {MeshBus} from '../../src/node/bus.ts';

export class Mesh {
	readonly #buses = new Map<string, MeshBus>();

	/** A bus that others reach at `host:busPort`. Answers come in a later turn, as from another thread. */
	bus(host: string, busPort: number): MeshBus {
		const bus = new MeshBus((request) => {
			setImmediate(() => {
				const address = `${request.host}:${request.busPort}`;
				const other = this.#buses.get(address);
				if (other === undefined) {
					bus.answered({kind: 'bus-refused', request: request.request});
					return;
				}
				const {port1, port2} = new MessageChannel();
				other.answered({kind: 'bus-accept', port: port1, fromIndex: 0, fromHost: host, fromBusPort: busPort});
				bus.answered({kind: 'bus-connected', request: request.request, port: port2});
			});
		});
		this.#buses.set(`${host}:${busPort}`, bus);
		return bus;
	}

	/** Gives the node at a bus port of 127.0.0.1 an end of a link that the test holds the other end of. */
	introduce(busPort: number, port: MessagePort): void {
		const bus = this.#buses.get(`127.0.0.1:${busPort}`);
		bus?.answered({kind: 'bus-accept', port, fromIndex: 0, fromHost: '127.0.0.1', fromBusPort: 0});
	}

	/** As when the node's process ends: nobody is at the address any more. */
	remove(host: string, busPort: number): void {
		this.#buses.get(`${host}:${busPort}`)?.stop();
		this.#buses.delete(`${host}:${busPort}`);
	}
}
