/** The front door without a network: the real frontend, connections and executor on links and a clock that the test moves. */
import {Client, NO_CONNECTION} from '../../src/commands/client.ts';
import {allCommands} from '../../src/commands/families.ts';
import {NO_PERSISTENCE} from '../../src/commands/persistence-service.ts';
import type {Services} from '../../src/commands/services.ts';
import {CommandTable} from '../../src/commands/table.ts';
import {Keyspace} from '../../src/data/keyspace.ts';
import {latin1, latin1ToBytes} from '../../src/lib/bytes.ts';
import {regionOf} from '../../src/lib/region.ts';
import {loneReplication} from '../helpers/lone-replication.ts';
import {CommandStream} from '../../src/node/command-stream.ts';
import {NodeClients} from '../../src/node/clients.ts';
import {NodeCommandStats} from '../../src/node/command-stats.ts';
import {NodeConfig} from '../../src/node/config.ts';
import {Executor} from '../../src/node/executor.ts';
import {Frontend} from '../../src/node/frontend.ts';
import {NodeLatencyMonitor} from '../../src/node/latency.ts';
import {NodeSlowlog} from '../../src/node/slowlog.ts';
import {NodeStats} from '../../src/node/stats.ts';
import type {Link, LinkHandler} from '../../src/node/transport.ts';
import {TurnClock} from '../../src/node/turn-clock.ts';
import {ReplyWriter} from '../../src/resp/reply-writer.ts';
import {Request} from '../../src/resp/request.ts';

/** Takes what it is given, or as much as the test allows. */
export class FakeLink implements Link {
	readonly remoteAddress: string;
	readonly remotePort = 50_000;
	readonly localAddress = '10.0.0.1';
	readonly localPort = 6379;
	readonly copies = false;
	queuedBytes = 0;
	/** The kernel takes nothing more until `drain`. */
	isFull = false;
	keepAliveSeconds = -1;
	writeCount = 0;
	state: 'open' | 'ended' | 'destroyed' = 'open';
	handler: LinkHandler | null = null;
	readonly #sent: string[] = [];

	constructor(remoteAddress = '127.0.0.1') {
		this.remoteAddress = remoteAddress;
	}

	/** All that was written, one byte a character. */
	get sent(): string {
		return this.#sent.join('');
	}

	write(bytes: Uint8Array, from: number, to: number): boolean {
		this.writeCount++;
		this.#sent.push(latin1(bytes.subarray(from, to)));
		if (!this.isFull) return true;
		this.queuedBytes += to - from;
		return false;
	}

	drain(): void {
		this.queuedBytes = 0;
		this.handler!.onDrain();
	}

	receive(bytes: string): void {
		const chunk = latin1ToBytes(bytes);
		this.handler!.onData(regionOf(chunk), chunk.length);
		// As the transport's one buffer: the next chunk overwrites it.
		chunk.fill(0x21);
	}

	pause(): void {}

	resume(): void {}

	setNoDelay(): void {}

	setKeepAlive(seconds: number): void {
		this.keepAliveSeconds = seconds;
	}

	end(): void {
		this.state = 'ended';
	}

	destroy(): void {
		this.state = 'destroyed';
	}
}

export interface Door {
	readonly frontend: Frontend;
	readonly services: Services;
	readonly clients: NodeClients;
	readonly clock: TurnClock;
	readonly logs: string[];
	/** A client that came in over the link. */
	enter(link?: FakeLink): FakeLink;
}

export function openDoor(directives: readonly (readonly [string, string])[] = []): Door {
	const config = new NodeConfig({directives: directives.map(([name, value]) => [name, value])});
	const clients = new NodeClients(config);
	const clock = new TurnClock();
	const logs: string[] = [];
	const stream = new CommandStream();
	const services = {
		config,
		clients,
		clock,
		stats: new NodeStats(0),
		commandStats: new NodeCommandStats(config.settings),
		slowlog: new NodeSlowlog(config),
		latency: new NodeLatencyMonitor(config.settings),
		memory: {isOverLimit: () => false},
		databases: [new Keyspace(), new Keyspace()],
		table: new CommandTable(allCommands),
		cluster: null,
		propagation: stream,
		persistence: NO_PERSISTENCE,
		replication: loneReplication,
		log: (_level: string, line: string) => {
			logs.push(line);
		},
	} as unknown as Services;
	const executor = new Executor(
		new ReplyWriter(),
		new Request(),
		new Client(0, NO_CONNECTION, '', '', 0),
		services,
		stream,
	);
	const frontend = new Frontend(executor, services, clock);
	return {
		frontend,
		services,
		clients,
		clock,
		logs,
		enter(link = new FakeLink()) {
			link.handler = frontend.accept(link);
			return link;
		},
	};
}
