/** `shoal trib`: asks the manager of the running cluster, or one of our own where none runs. */
import {createInterface, type Interface} from 'node:readline';
import {ControlClient} from '../launcher/control-client.ts';
import {readControl} from '../launcher/data-dir.ts';
import {UsageError} from '../launcher/errors.ts';
import {ManagerThread, type JobConsole, type JobRunner} from '../launcher/manager-thread.ts';
import type {ThreadFiles} from '../launcher/thread-files.ts';
import {ThreadKind} from '../launcher/threads.ts';
import type {Endpoint, TribJob} from '../trib/messages.ts';
import {readDataDir} from './settings.ts';

/** What was typed; numbers are still text. */
export interface TribCommandOptions {
	readonly dataDir?: string;
	readonly user?: string;
	readonly password?: string;
	readonly json?: boolean;
	readonly replicas?: string;
	readonly primaries?: string;
	readonly yes?: boolean;
	readonly dryRun?: boolean;
	readonly searchMultipleOwners?: boolean;
}

/** @throws UsageError, LaunchError */
export async function runTrib(command: TribJob['command'], addresses: readonly string[], options: TribCommandOptions, threads: ThreadFiles): Promise<number> {
	const given = addresses.map(parseAddress);
	const control = readControl(await readDataDir(options.dataDir));
	const remote = control === null ? undefined : new ControlClient(control);
	const nodes = given.length > 0 || remote === undefined ? given : await runningNodes(remote);
	if (nodes.length === 0) throw new UsageError(`trib ${command}: no cluster runs here; name a node as host:port`);
	const manager = remote === undefined ? new ManagerThread(new ThreadKind(threads.manager)) : undefined;
	const terminal = new Terminal();
	try {
		const runner: JobRunner = remote ?? (manager as JobRunner);
		const {exitCode} = await runner.run(jobOf(command, nodes, options), terminal);
		return exitCode;
	} finally {
		terminal.close();
		await manager?.stop();
	}
}

async function runningNodes(remote: ControlClient): Promise<Endpoint[]> {
	const {nodes} = await remote.status();
	return nodes.filter((node) => node.phase === 'running').map(({host, port}) => ({host, port}));
}

function jobOf(command: TribJob['command'], nodes: readonly Endpoint[], options: TribCommandOptions): TribJob {
	const {user, password, json = false, yes = false, dryRun = false, searchMultipleOwners = false} = options;
	const common = {
		json,
		color: process.stdout.isTTY && process.env['NO_COLOR'] === undefined,
		...(password === undefined ? {} : {credentials: {password, ...(user === undefined ? {} : {user})}}),
	};
	const [node] = nodes;
	if (node === undefined) throw new UsageError(`trib ${command}: name a node as host:port`);
	switch (command) {
		case 'create':
			return {
				command,
				options: {...common, nodes, yes, dryRun, ...number('replicas', options.replicas), ...number('primaries', options.primaries)},
			};
		case 'check':
			return {command, options: {...common, node, searchMultipleOwners}};
		case 'info':
			return {command, options: {...common, node}};
	}
}

function number(option: 'replicas' | 'primaries', text: string | undefined): {replicas?: number; primaries?: number} {
	if (text === undefined) return {};
	if (!/^\d{1,4}$/.test(text)) throw new UsageError(`--${option}: must be a whole number, not ${JSON.stringify(text)}`);
	return {[option]: Number(text)};
}

/** `host:port`, `[::1]:7000`, or only a port of this machine. */
function parseAddress(text: string): Endpoint {
	const [, host = '127.0.0.1', digits = ''] = /^(?:(.+):)?(\d{1,5})$/.exec(text) ?? [];
	const port = Number(digits);
	if (port < 1 || port > 65_535) throw new UsageError(`${text}: must be host:port with a port from 1 to 65535, such as 127.0.0.1:7000`);
	return {host: host.replace(/^\[(.*)\]$/, '$1'), port};
}

/** The person at the keyboard, or the script that stands in for one. */
class Terminal implements JobConsole {
	readonly #lines: string[] = [];
	#reader: Interface | undefined;
	#waiting: ((line: string | null) => void) | undefined;
	#ended = false;
	#progressShown = false;

	output(text: string, stream: 'stdout' | 'stderr'): void {
		this.#clearProgress();
		process[stream].write(text);
	}

	ask(question: string): Promise<string | null> {
		this.#clearProgress();
		process.stdout.write(question);
		this.#reader ??= this.#openReader();
		const line = this.#lines.shift();
		if (line !== undefined) return Promise.resolve(line);
		if (this.#ended) return Promise.resolve(null);
		return new Promise((resolve) => (this.#waiting = resolve));
	}

	progress(done: number, total: number, what: string): void {
		if (!process.stderr.isTTY) return;
		this.#progressShown = true;
		process.stderr.write(`\r\u001b[K${what} ${done}/${total}`);
	}

	close(): void {
		this.#clearProgress();
		this.#reader?.close();
	}

	#clearProgress(): void {
		if (this.#progressShown) process.stderr.write('\r\u001b[K');
		this.#progressShown = false;
	}

	#openReader(): Interface {
		const reader = createInterface({input: process.stdin});
		reader.on('line', (line) => {
			const waiting = this.#waiting;
			this.#waiting = undefined;
			if (waiting === undefined) this.#lines.push(line);
			else waiting(line);
		});
		reader.once('close', () => {
			this.#ended = true;
			this.#waiting?.(null);
		});
		return reader;
	}
}
