/**
 * Twin transcripts: every line of the text files beside this one goes to a shoal node and to a redis-server, and what
 * comes back is compared byte by byte, over RESP2 and over RESP3. No expected values are typed in. Commands of one line with
 * ` ; ` between them are sent together.
 */
import test from 'ava';
import {readdirSync, readFileSync} from 'node:fs';
import {splitArguments} from '../../src/node/config-file.ts';
import {encodeCommand, RawClient} from '../helpers/raw-client.ts';
import {hasRedisServer, startRedisServer} from '../helpers/redis-server.ts';
import {startShoalNode} from '../helpers/shoal-node.ts';

/** From build/test/transcripts back to the sources. */
const directory = new URL('../../../test/transcripts/', import.meta.url);

interface Line {
	readonly number: number;
	readonly text: string;
	readonly commands: readonly (readonly string[])[];
}

function readTranscript(file: string): readonly Line[] {
	const texts = readFileSync(new URL(file, directory), 'latin1').split('\n');
	return texts.flatMap((text, index): Line[] => {
		if (text.trim() === '' || text.startsWith('#')) return [];
		const words = splitArguments(text);
		if (words === null) throw new Error(`${file}:${index + 1}: unbalanced quotes`);
		return [{number: index + 1, text, commands: commandsOf(words)}];
	});
}

function commandsOf(words: readonly string[]): string[][] {
	const commands: string[][] = [[]];
	for (const word of words) {
		if (word === ';') commands.push([]);
		else commands.at(-1)!.push(word);
	}
	return commands;
}

/** One end of the comparison: connects again after a command that closed its connection. */
class Twin {
	readonly #port: number;
	readonly #protocol: 2 | 3;
	#client: RawClient | null = null;
	#sent = 0;

	constructor(port: number, protocol: 2 | 3) {
		this.#port = port;
		this.#protocol = protocol;
	}

	/** The replies of the commands: all bytes before the answer to the PING that is sent behind them, or before the end. */
	async run(commands: readonly (readonly string[])[]): Promise<string> {
		const client = (this.#client ??= await this.#connect());
		client.send(commands.map((words) => encodeCommand(words)).join(''));
		return this.#replies(client);
	}

	async #replies(client: RawClient): Promise<string> {
		const mark = `sync-${++this.#sent}`;
		// Both are sent when replies are off, too: they bring them back first.
		client.send(encodeCommand(['CLIENT', 'REPLY', 'ON']) + encodeCommand(['PING', mark]));
		const received = (await client.readUntil(`${mark}\r\n`)).toString('latin1');
		if (client.isClosed && !received.includes(mark)) this.#client = null;
		return received;
	}

	async #connect(): Promise<RawClient> {
		const client = await RawClient.connect(this.#port);
		if (this.#protocol === 3) {
			client.send(encodeCommand(['HELLO', '3']));
			await this.#replies(client);
		}
		return client;
	}

	close(): void {
		this.#client?.close();
	}
}

for (const file of readdirSync(directory).filter((name) => name.endsWith('.txt'))) {
	for (const protocol of [2, 3] as const) {
		(hasRedisServer() ? test : test.skip)(
			`${file} reads the same from shoal and from redis-server in RESP${protocol}`,
			async (t) => {
				t.timeout(120_000);
				const isCluster = file.startsWith('cluster');
				await using redis = await startRedisServer({cluster: isCluster});
				await using shoal = await startShoalNode({config: {'cluster-enabled': isCluster ? 'yes' : 'no'}});
				const theirs = new Twin(redis.port, protocol);
				const ours = new Twin(shoal.port, protocol);
				const differences: string[] = [];
				for (const {number, text, commands} of readTranscript(file)) {
					const [expected, actual] = await Promise.all([theirs.run(commands), ours.run(commands)]);
					// Not within a longer number: INCRBYFLOAT prints thousands of digits.
					const own = (reply: string, port: number): string =>
						reply.replaceAll(new RegExp(`(?<!\\d)${port}(?!\\d)`, 'g'), '<port>');
					if (own(expected, redis.port) === own(actual, shoal.port)) continue;
					differences.push(
						`${file}:${number}: ${text}\n  redis ${JSON.stringify(expected)}\n  shoal ${JSON.stringify(actual)}`,
					);
				}
				theirs.close();
				ours.close();
				t.is(differences.length, 0, differences.slice(0, 40).join('\n'));
			},
		);
	}
}
