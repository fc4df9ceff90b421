/** What tests of replication share: nodes that follow each other, and a replica and a primary that are only a script. */
import {once} from 'node:events';
import {createServer, type Server, type Socket} from 'node:net';
import type {ExecutionContext} from 'ava';
import {latin1} from '../../src/lib/bytes.ts';
import {RawClient} from '../helpers/raw-client.ts';
import {RespClient} from '../helpers/resp-client.ts';
import {type ShoalNode, type ShoalNodeOptions, startShoalNode} from '../helpers/shoal-node.ts';
import {command, eventually, infoOf} from './wire.ts';

/** A node and a client of it, both gone when the test ends. */
export interface Talker {
	readonly node: ShoalNode;
	readonly client: RespClient;
}

export async function start(t: ExecutionContext, options: ShoalNodeOptions = {}): Promise<Talker> {
	const node = await startShoalNode(options);
	t.teardown(() => node.stop());
	return {node, client: await clientOf(t, node.port)};
}

export async function clientOf(t: ExecutionContext, port: number): Promise<RespClient> {
	const client = await RespClient.connect(port);
	t.teardown(() => client[Symbol.dispose]());
	return client;
}

/** A node that follows another, and has its data. */
export async function startReplica(
	t: ExecutionContext,
	primaryPort: number,
	options: ShoalNodeOptions = {},
): Promise<Talker> {
	const {config} = options;
	const talker = await start(t, {
		...options,
		config: {...config, replicaof: `127.0.0.1 ${primaryPort}`},
	});
	await untilLinked(talker.client);
	return talker;
}

export const untilLinked = (replica: RespClient): Promise<unknown> =>
	untilInfo(replica, 'master_link_status', 'up');

export const untilInfo = (client: RespClient, field: string, value: string): Promise<unknown> =>
	eventually(
		async () => (await infoOf(client)).get(field),
		(found) => found === value,
	);

/** Resolves when both hold the same data. */
export async function untilEqual(a: RespClient, b: RespClient): Promise<string> {
	let digest = '';
	await eventually(
		async () => {
			digest = String(await a.ask('DEBUG', 'DIGEST'));
			return `${digest} ${String(await b.ask('DEBUG', 'DIGEST'))}`;
		},
		(pair) => pair === `${digest} ${digest}`,
	);
	return digest;
}

/** Writes of many kinds, in pipelines; every run of the same seed writes the same. */
export async function load(client: RespClient, seed: number, count = 2000): Promise<void> {
	for (let first = 0; first < count; first += 100) {
		for (let i = first; i < first + 100; i++) client.send(...writeOf(seed * 7919 + i));
		for (let i = 0; i < 100; i++) await client.next();
	}
}

function writeOf(n: number): readonly string[] {
	const key = `key:${(n * 31) % 500}`;
	const value = `value ${n} `.repeat((n % 9) + 1);
	switch (n % 10) {
		case 0:
			return ['INCR', `counter:${n % 17}`];
		case 1:
			return ['APPEND', key, `+${n}`];
		case 2:
			return ['DEL', key, `key:${n % 500}`];
		case 3:
			return ['SET', key, value, 'EX', '5000'];
		case 4:
			return ['MSET', key, value, `other:${n % 100}`, value];
		case 5:
			return ['SETRANGE', key, String(n % 40), 'range'];
		case 6:
			return ['PEXPIRE', key, String(1_000_000 + n)];
		case 7:
			return ['INCRBYFLOAT', `float:${n % 5}`, '0.1'];
		default:
			return ['SET', key, value];
	}
}

/** A replica that does what the test says. */
export class ScriptedReplica {
	readonly #client: RawClient;

	private constructor(client: RawClient) {
		this.#client = client;
	}

	static async connect(
		t: ExecutionContext,
		port: number,
		...capabilities: readonly string[]
	): Promise<ScriptedReplica> {
		const client = await RawClient.connect(port);
		t.teardown(() => client.close());
		const replica = new ScriptedReplica(client);
		replica.say('REPLCONF', 'listening-port', '1234');
		await client.readUntil('+OK\r\n');
		for (const capability of capabilities) {
			replica.say('REPLCONF', 'capa', capability);
			await client.readUntil('+OK\r\n');
		}
		return replica;
	}

	get isClosed(): boolean {
		return this.#client.isClosed;
	}

	say(...words: readonly string[]): void {
		this.#client.send(command(...words));
	}

	/** The next line, its end without, empty ones skipped. */
	async line(): Promise<string> {
		for (;;) {
			const line = latin1(await this.#client.readUntil('\n')).trim();
			if (line !== '' || this.#client.isClosed) return line;
		}
	}

	async bytes(count: number): Promise<string> {
		return latin1(await this.#client.readBytes(count));
	}

	async until(end: string): Promise<string> {
		return latin1(await this.#client.readUntil(end));
	}

	async toEnd(): Promise<string> {
		return latin1(await this.#client.readToEnd());
	}

	/** Asks for all data and takes the snapshot. The offset from which the stream goes on. */
	async fullSync(): Promise<number> {
		this.say('PSYNC', '?', '-1');
		const offset = Number((await this.line()).split(' ')[2]);
		const header = await this.line();
		if (header.startsWith('$EOF:')) await this.until(header.slice('$EOF:'.length));
		else await this.bytes(Number(header.slice(1)));
		return offset;
	}

	close(): void {
		this.#client.close();
	}
}

/** A primary that answers the handshake, and PSYNC as the test says. */
export class ScriptedPrimary {
	readonly port: number;
	/** What PSYNC was asked for, in order. */
	readonly asked: string[] = [];
	readonly #sockets = new Set<Socket>();

	private constructor(server: Server) {
		const address = server.address();
		if (address === null || typeof address === 'string') throw new Error('a TCP server has a port');
		this.port = address.port;
	}

	/** `answer` is called with the socket of each PSYNC and the number of PSYNCs before it. */
	static async listen(
		t: ExecutionContext,
		answer: (socket: Socket, index: number) => void,
	): Promise<ScriptedPrimary> {
		const server = createServer();
		server.listen(0, '127.0.0.1');
		await once(server, 'listening');
		const primary = new ScriptedPrimary(server);
		server.on('connection', (socket) => {
			primary.#sockets.add(socket);
			socket.on('error', () => undefined);
			socket.on('data', (data) => {
				const text = latin1(data);
				for (const word of text.match(/PING|listening-port|capa\r\n\$3\r\neof|PSYNC/g) ?? []) {
					if (word === 'PING') socket.write('+PONG\r\n');
					else if (word !== 'PSYNC') socket.write('+OK\r\n');
					else {
						primary.asked.push(
							text
								.split('\r\n')
								.filter((_, i) => i > 0 && i % 2 === 0)
								.join(' '),
						);
						answer(socket, primary.asked.length - 1);
					}
				}
			});
		});
		t.teardown(() => {
			for (const socket of primary.#sockets) socket.destroy();
			server.close();
		});
		return primary;
	}
}
