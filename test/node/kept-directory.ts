/** A node's directory that outlives its node: for tests that start again on what it left. */
import {cpSync, mkdtempSync, readdirSync, readFileSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {RespClient} from '../helpers/resp-client.ts';
import {startThread, type Thread} from './thread.ts';
import {eventually} from './wire.ts';

export class KeptDirectory implements Disposable {
	readonly path = mkdtempSync(join(tmpdir(), 'shoal-kept-'));

	[Symbol.dispose](): void {
		rmSync(this.path, {recursive: true, force: true});
	}

	join(...names: string[]): string {
		return join(this.path, ...names);
	}

	/** Names of the files in it and in its directories, sorted. */
	files(): string[] {
		return readdirSync(this.path, {recursive: true, withFileTypes: true})
			.filter((entry) => entry.isFile())
			.map((entry) => join(entry.parentPath, entry.name).slice(this.path.length + 1))
			.toSorted();
	}

	/** What stands in every file: to see that nothing was changed. */
	contents(): ReadonlyMap<string, string> {
		return new Map(this.files().map((name) => [name, readFileSync(this.join(name), 'latin1')]));
	}

	copyTo(directory: string): void {
		cpSync(this.path, directory, {recursive: true});
	}

	async start(config: Readonly<Record<string, string>> = {}): Promise<Thread> {
		return startThread({directory: this.path, config: {'enable-protected-configs': 'yes', ...config}});
	}

	/** Starts a node, asks it, and lets it end as SIGTERM would. */
	async session<T>(
		config: Readonly<Record<string, string>>,
		ask: (client: RespClient, thread: Thread) => Promise<T>,
	): Promise<T> {
		await using thread = await this.start(config);
		using client = await RespClient.connect(thread.port);
		await loaded(client);
		const answer = await ask(client, thread);
		thread.post({kind: 'stop', reason: 'end of the session'});
		await thread.exited;
		return answer;
	}
}

/** Resolves when the node has its data: until then it answers LOADING. */
export async function loaded(client: RespClient): Promise<void> {
	await eventually(
		async () => client.ask('DBSIZE'),
		(reply) => typeof reply === 'number',
	);
}
