/** Jobs of a launcher's manager, seen from a terminal: watched, left, listed, cancelled. */
import {Detached, type ControlClient} from '../launcher/control-client.ts';
import type {JobStatus} from '../launcher/events.ts';
import type {JobOutcome} from '../launcher/manager-thread.ts';
import {onInterrupt} from './interrupts.ts';
import {runningCluster} from './running-cluster.ts';
import {Terminal} from './terminal.ts';

/** The outcome of a job that goes on is not known: neither done nor failed. */
const EXIT_DETACHED = 3;

/**
 * Stays with a job until it ends, or until the person at the terminal leaves it: Ctrl-C asks what to do, and where nobody
 * answers, or at a second one, the job goes on without this terminal.
 * @param start begins to listen; its signal ends that, and leaves the job alone
 * @returns the job's exit code, or 3 when it goes on
 */
export async function watchJob(
	launcher: ControlClient,
	terminal: Terminal,
	start: (signal: AbortSignal) => Promise<JobOutcome>,
): Promise<number> {
	const leaving = new AbortController();
	let isAsking = false;
	const interrupted = async (): Promise<void> => {
		const id = terminal.jobId;
		if (isAsking || id === undefined) return leaving.abort();
		isAsking = true;
		const answer = await terminal.ask(
			`\nJob ${id} is under way. (d)etach: it goes on without this terminal; (c)ancel it after the step under way; (w)atch on: `,
		);
		isAsking = false;
		switch (answer?.trim().toLowerCase()[0] ?? 'd') {
			case 'c':
				// It may have ended while the question was open: then its outcome is on its way.
				await launcher.cancel(id).catch(() => undefined);
				break;
			case 'w':
				break;
			default:
				leaving.abort();
		}
	};
	const forget = onInterrupt(() => void interrupted());
	try {
		return (await start(leaving.signal)).exitCode;
	} catch (error) {
		if (!(error instanceof Detached)) throw error;
		const {jobId} = terminal;
		terminal.output(
			jobId === undefined
				? 'The launcher may go on with the job; shoal trib jobs tells.\n'
				: `Job ${jobId} goes on without this terminal; shoal trib follow ${jobId} looks on, shoal trib cancel ${jobId} ends it.\n`,
			'stderr',
		);
		return EXIT_DETACHED;
	} finally {
		forget();
	}
}

interface Options {
	readonly dataDir?: string;
	readonly json?: boolean;
}

/** @throws LaunchError */
export async function listJobs({dataDir, json}: Options): Promise<number> {
	const jobs = await (await runningCluster(dataDir)).jobs();
	if (json === true) console.log(JSON.stringify(jobs));
	else console.log(jobs.length === 0 ? 'The manager has had no job yet' : jobs.map(jobLine).join('\n'));
	return 0;
}

/** Resolves with the exit code of the job. @throws UsageError, LaunchError */
export async function followJob(id: number | undefined, {dataDir}: Options): Promise<number> {
	const launcher = await runningCluster(dataDir);
	const terminal = new Terminal();
	try {
		return await watchJob(launcher, terminal, (signal) => launcher.follow(id, terminal, signal));
	} finally {
		terminal.close();
	}
}

/** @throws UsageError, LaunchError */
export async function cancelJob(id: number, {dataDir, json}: Options): Promise<number> {
	const job = await (await runningCluster(dataDir)).cancel(id);
	if (json === true) console.log(JSON.stringify(job));
	else
		console.log(
			job.state === 'running'
				? `Job ${id} ends after the step under way; shoal trib follow ${id} tells how`
				: `Job ${id} is cancelled before it began`,
		);
	return 0;
}

function jobLine({id, command, state, isCancelling, seconds, progress, exitCode}: JobStatus): string {
	const words = [
		String(id).padStart(3),
		command,
		isCancelling ? 'running, is being cancelled' : state,
		exitCode === null ? '' : `exit code ${exitCode}`,
		progress === null ? '' : `${progress.what} ${progress.done}/${progress.total}`,
		`${seconds} s`,
	];
	return words.filter((word) => word !== '').join('  ');
}
