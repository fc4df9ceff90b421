/** `shoal trib`: asks the manager of the running cluster, or one of our own where none runs. */
import {homedir} from 'node:os';
import {join} from 'node:path';
import {ControlClient} from '../launcher/control-client.ts';
import {readControl} from '../launcher/data-dir.ts';
import {withJournal} from '../launcher/journal.ts';
import {ManagerThread} from '../launcher/manager-thread.ts';
import type {ClusterSettings} from '../launcher/settings.ts';
import type {ThreadFiles} from '../launcher/thread-files.ts';
import {ThreadKind} from '../launcher/threads.ts';
import type {Endpoint, TribJob} from '../trib/messages.ts';
import {onInterrupt} from './interrupts.ts';
import {watchJob} from './jobs.ts';
import {readPlace} from './settings.ts';
import {Terminal} from './terminal.ts';

/** Where the cluster is that is meant. */
interface Place {
	readonly dataDir: string | undefined;
	readonly file: string | undefined;
}

/**
 * Resolves with the exit code.
 * @throws LaunchError
 */
export async function runTrib(job: TribJob, {dataDir, file}: Place, threads: ThreadFiles): Promise<number> {
	const settings = await readPlace(file, dataDir);
	const remote = settings.hosts.length > 0 ? null : await runningLauncher(dataDir);
	const terminal = new Terminal();
	try {
		return remote === null
			? await runHere(await enter(withJournal(job, stateDirectory()), settings), terminal, threads)
			: await watchJob(remote, terminal, (signal) => remote.run(job, terminal, signal));
	} finally {
		terminal.close();
	}
}

/** Where jobs of clusters that do not run here keep their journals. */
function stateDirectory(): string {
	return join(process.env['XDG_STATE_HOME'] ?? join(homedir(), '.local', 'state'), 'shoal');
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

/** With what the settings say of how its nodes are entered, if they are hosts of them. No other server gets to hear it. */
async function enter(job: TribJob, settings: ClusterSettings): Promise<TribJob> {
	if (settings.hosts.length === 0) return job;
	const {credentialsOfHosts, areHosts} = await import('./hosts.ts');
	const endpoints = job.command === 'create' ? job.options.nodes : [job.options.node];
	if (!areHosts(endpoints, settings)) return job;
	const typed = job.options.credentials;
	return {
		...job,
		options: {...job.options, credentials: credentialsOfHosts(settings, typed)},
	} as TribJob;
}

/** The nodes that a launcher of this directory runs, or the hosts of the settings; none when there are neither. */
export async function runningNodes(dataDir: string | undefined, file?: string): Promise<readonly Endpoint[]> {
	const settings = await readPlace(file, dataDir);
	if (settings.hosts.length > 0) return (await import('./hosts.ts')).reachableFirst(settings);
	const status = await (await runningLauncher(dataDir))?.status();
	return (status?.nodes ?? [])
		.filter((node) => node.phase === 'running')
		.map(({host, port}) => ({host, port}));
}

async function runningLauncher(dataDir: string | undefined): Promise<ControlClient | null> {
	const address = readControl((await readPlace(undefined, dataDir)).dataDir);
	return address === null ? null : new ControlClient(address);
}
