/** `shoal trib`: asks the manager of the running cluster, or one of our own where none runs. */
import {ControlClient} from '../launcher/control-client.ts';
import {readControl} from '../launcher/data-dir.ts';
import {ManagerThread} from '../launcher/manager-thread.ts';
import type {ThreadFiles} from '../launcher/thread-files.ts';
import {ThreadKind} from '../launcher/threads.ts';
import type {Endpoint, TribJob} from '../trib/messages.ts';
import {onInterrupt} from './interrupts.ts';
import {watchJob} from './jobs.ts';
import {readDataDir} from './settings.ts';
import {Terminal} from './terminal.ts';

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
	const terminal = new Terminal();
	try {
		return remote === null
			? await runHere(job, terminal, threads)
			: await watchJob(remote, terminal, (signal) => remote.run(job, terminal, signal));
	} finally {
		terminal.close();
	}
}

/** The job lives as long as this process: Ctrl-C ends it after the step under way, a second one at once. */
async function runHere(job: TribJob, terminal: Terminal, threads: ThreadFiles): Promise<number> {
	const manager = new ManagerThread(new ThreadKind(threads.manager));
	const cancelling = new AbortController();
	const forget = onInterrupt(() => {
		if (cancelling.signal.aborted) return void manager.stop();
		terminal.output('\nThe job ends after the step under way; Ctrl-C again ends it at once.\n', 'stderr');
		cancelling.abort();
	});
	try {
		return (await manager.run(job, terminal, cancelling.signal)).exitCode;
	} finally {
		forget();
		await manager.stop();
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
