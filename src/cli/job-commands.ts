/** The grammar of `shoal trib jobs`, `follow` and `cancel`. What they do is jobs.ts, loaded when one is called. */
import {InvalidArgumentError, type Command} from 'commander';
import {dataDirOption} from './options.ts';

interface Flags {
	readonly dataDir?: string;
	readonly json?: boolean;
}

export function addJobCommands(trib: Command, setExitCode: (code: number) => void): void {
	trib
		.command('jobs')
		.description('list what the manager of the running cluster does, and did last')
		.addOption(dataDirOption())
		.option('--json', 'print JSON')
		.action(async (flags: Flags) => setExitCode(await (await import('./jobs.ts')).listJobs(flags)));
	trib
		.command('follow')
		.description('look on at a job, from its beginning; the exit code is that of the job')
		.argument('[id]', 'its number (default: the job that runs, or the last one)', jobNumber)
		.addOption(dataDirOption())
		.action(async (id: number | undefined, flags: Flags) =>
			setExitCode(await (await import('./jobs.ts')).followJob(id, flags)),
		);
	trib
		.command('cancel')
		.description('let a job end after the step under way')
		.argument('<id>', 'its number', jobNumber)
		.addOption(dataDirOption())
		.option('--json', 'print JSON')
		.action(async (id: number, flags: Flags) =>
			setExitCode(await (await import('./jobs.ts')).cancelJob(id, flags)),
		);
}

function jobNumber(text: string): number {
	if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('The number of a job is wanted.');
	return Number(text);
}
