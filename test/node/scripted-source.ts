/** A source of slots that does what the test says, and the one real node that imports from it. */
import {once} from 'node:events';
import {createServer, type Server, type Socket} from 'node:net';
import type {ExecutionContext} from 'ava';
import {latin1} from '../../src/lib/bytes.ts';
import {startEncoding} from '../../src/node/snapshot-encoding.ts';
import {RespClient} from '../helpers/resp-client.ts';
import {KeptDirectory, loaded} from './kept-directory.ts';
import type {Thread} from './thread.ts';
import {command, eventually} from './wire.ts';

export const SOURCE_ID = 'a'.repeat(40);
export const DESTINATION_ID = 'b'.repeat(40);

/** It owns slots 0 to 99, and the node under test all others. */
export class ScriptedSource {
	readonly port: number;
	/** What the destination said after it was accepted. */
	said = '';
	connectionCount = 0;
	#acceptedCount = 0;
	#socket: Socket | null = null;

	private constructor(server: Server) {
		const address = server.address();
		if (address === null || typeof address === 'string') throw new Error('a TCP server has a port');
		this.port = address.port;
	}

	static async listen(t: ExecutionContext): Promise<ScriptedSource> {
		const server = createServer();
		server.listen(0, '127.0.0.1');
		await once(server, 'listening');
		const source = new ScriptedSource(server);
		const sockets = new Set<Socket>();
		server.on('connection', (socket) => {
			sockets.add(socket);
			source.connectionCount++;
			source.#socket = socket;
			source.said = '';
			socket.on('error', () => undefined);
			socket.on('data', (data) => {
				source.said += latin1(data);
			});
		});
		t.teardown(() => {
			for (const socket of sockets) socket.destroy();
			server.close();
		});
		return source;
	}

	async untilSaid(...words: readonly string[]): Promise<void> {
		const wanted = command('CLUSTER', 'SYNCSLOTS', ...words)
			.split('\r\n')
			.slice(2)
			.join('\r\n');
		await eventually(
			async () => this.said,
			(text) => text.includes(wanted),
		);
	}

	/** Waits for the request of a new connection and accepts it. */
	async accept(): Promise<void> {
		await eventually(
			async () => (this.connectionCount > this.#acceptedCount ? this.said : ''),
			(text) => text.includes('SYNC\r\n'),
		);
		this.#acceptedCount = this.connectionCount;
		this.sendText('+OK\r\n');
	}

	sendText(text: string): void {
		this.#socket!.write(text, 'latin1');
	}

	send(...words: readonly string[]): void {
		this.sendText(command(...words));
	}

	say(...words: readonly string[]): void {
		this.send('CLUSTER', 'SYNCSLOTS', ...words);
	}

	/** A snapshot without records: what the slots hold is sent as commands. */
	endSnapshot(): void {
		const encoding = startEncoding({form: 'rdb', compress: false, checksum: false, aux: []});
		this.say('RECORDS', latin1(encoding.end()));
		this.say('SNAPSHOT-EOF');
	}

	hangUp(): void {
		this.#socket!.destroy();
	}
}

export interface Destination {
	readonly client: RespClient;
	readonly thread: Thread;
	readonly source: ScriptedSource;
	readonly directory: KeptDirectory;
}

/** A node that knows the source, and itself as the owner of slots 100 to 16383. */
export async function startDestination(
	t: ExecutionContext,
	config: Readonly<Record<string, string>> = {},
	before: {readonly directory: KeptDirectory; readonly source: ScriptedSource} | null = null,
): Promise<Destination> {
	const source = before?.source ?? (await ScriptedSource.listen(t));
	const directory = before?.directory ?? new KeptDirectory();
	if (before === null) {
		t.teardown(() => {
			directory[Symbol.dispose]();
		});
		const {writeFile} = await import('node:fs/promises');
		await writeFile(
			directory.join('nodes.conf'),
			`${DESTINATION_ID} 127.0.0.1:1@10001 myself,master - 0 0 1 connected 100-16383\n` +
				`${SOURCE_ID} 127.0.0.1:${source.port}@1 master - 0 0 2 connected 0-99\n` +
				'vars currentEpoch 2 lastVoteEpoch 0\n',
		);
	}
	const thread = await directory.start({
		'cluster-enabled': 'yes',
		'cluster-node-timeout': '120000',
		'cluster-require-full-coverage': 'no',
		...config,
	});
	t.teardown(() => thread[Symbol.asyncDispose]());
	const client = await RespClient.connect(thread.port);
	t.teardown(() => client[Symbol.dispose]());
	await loaded(client);
	// A primary that comes back does not serve at once.
	await eventually(
		async () => String(await client.ask('CLUSTER', 'INFO')),
		(text) => text.includes('cluster_state:ok'),
	);
	return {client, thread, source, directory};
}
