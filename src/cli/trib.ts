/** `shoal trib`: asks the manager of the running cluster, or one of our own where none runs. */
import {homedir} from 'node:os';
import {join} from 'node:path';
import {createInterface, type Interface} from 'node:readline';
import {assert} from '../lib/assert.ts';
import {ControlClient} from '../launcher/control-client.ts';
import {readControl} from '../launcher/data-dir.ts';
import {ManagerThread, type JobConsole, type JobRunner} from '../launcher/manager-thread.ts';
import type {ThreadFiles} from '../launcher/thread-files.ts';
import {ThreadKind} from '../launcher/threads.ts';
import type {Endpoint, TribJob} from '../trib/messages.ts';
import {readDataDir} from './settings.ts';

/**
 * Resolves with the exit code.
 * @throws LaunchError
 */
export async function runTrib(
	job: TribJob,
	dataDir: string | undefined,
	threads: ThreadFiles,
): Promise<number> {
	const remote = await runningLauncher(dataDir);
	const manager = remote === null ? new ManagerThread(new ThreadKind(threads.manager)) : null;
	const terminal = new Terminal();
	try {
		const runner: JobRunner | null = remote ?? manager;
		assert(runner !== null, 'where no launcher runs a manager does');
		return (await runner.run(withJournal(job), terminal)).exitCode;
	} finally {
		terminal.close();
		await manager?.stop();
	}
}

/** Where jobs of clusters that do not run here keep their journals; a launcher puts its own directory in the place of this. */
function withJournal(job: TribJob): TribJob {
	switch (job.command) {
		case 'reshard':
		case 'rebalance':
		case 'move-slot': {
			const state = process.env['XDG_STATE_HOME'] ?? join(homedir(), '.local', 'state');
			return {...job, options: {...job.options, journalDir: join(state, 'shoal')}} as TribJob;
		}
		default:
			return job;
	}
}

/** The nodes that a launcher of this directory runs; none when there is no launcher. */
export async function runningNodes(dataDir: string | undefined): Promise<Endpoint[]> {
	const status = await (await runningLauncher(dataDir))?.status();
	return (status?.nodes ?? [])
		.filter((node) => node.phase === 'running')
		.map(({host, port}) => ({host, port}));
}

async function runningLauncher(dataDir: string | undefined): Promise<ControlClient | null> {
	const address = readControl(await readDataDir(dataDir));
	return address === null ? null : new ControlClient(address);
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
