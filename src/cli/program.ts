/** The grammar of the command line. What a command does stands in a file of its own, loaded when it is called. */
import {Command, CommanderError, Option} from 'commander';
import {LaunchError, UsageError} from '../launcher/errors.ts';
import type {ThreadFiles} from '../launcher/thread-files.ts';
import {version} from '../launcher/version.ts';
import {addTrib} from '../trib/program.ts';
import {addJobCommands} from './job-commands.ts';
import {addNodeCommands} from './node-commands.ts';
import {dataDirOption} from './options.ts';
import type {UpOptions} from './up.ts';

const EXIT_PROBLEM = 1;
const EXIT_USAGE = 2;

/** Resolves with the exit code when all is done. Never rejects for what a person did wrong. */
export async function runProgram(argv: readonly string[], threads: ThreadFiles): Promise<number> {
	// Whoever reads our output may go away first (`shoal up | head -1`): the cluster goes on.
	process.stdout.on('error', () => {});
	process.stderr.on('error', () => {});
	let exitCode = 0;
	const program = createProgram(threads, (code) => (exitCode = code));
	try {
		await program.parseAsync(argv, {from: 'user'});
		return exitCode;
	} catch (error) {
		if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE;
		if (!(error instanceof UsageError) && !(error instanceof LaunchError)) throw error;
		for (const line of error.message.split('\n')) console.error(`shoal: ${line}`);
		return error instanceof UsageError ? EXIT_USAGE : EXIT_PROBLEM;
	}
}

function createProgram(threads: ThreadFiles, setExitCode: (code: number) => void): Command {
	const program = new Command('shoal')
		.description('A whole Redis Cluster in one Node.js process')
		.version(version, '-v, --version')
		.showSuggestionAfterError()
		.exitOverride()
		.configureOutput({outputError: (text, write) => write(text.replace(/^error: /, 'shoal: '))});
	addUp(program, threads, setExitCode);
	addStatusAndDown(program, setExitCode);
	addNodeCommands(program, setExitCode);
	const trib = addTrib(program, {
		color: process.stdout.isTTY && process.env['NO_COLOR'] === undefined,
		environment: process.env,
		async defaultNodes(dataDir) {
			return (await import('./trib.ts')).runningNodes(dataDir, fileOf(trib));
		},
		async run(job, dataDir) {
			const {runTrib} = await import('./trib.ts');
			setExitCode(await runTrib(job, {dataDir, file: fileOf(trib)}, threads));
		},
	});
	trib.option(
		'--file <cluster.yaml>',
		'whose hosts are meant when no node is named (default: ./cluster.yaml)',
	);
	addJobCommands(trib, setExitCode);
	return program;
}

const fileOf = (trib: Command): string | undefined => trib.opts<{file?: string}>().file;

function addUp(program: Command, threads: ThreadFiles, setExitCode: (code: number) => void): void {
	program
		.command('up')
		.description('boot a cluster and stay in the foreground until SIGINT or SIGTERM')
		.argument('[file]', 'the settings (default: ./cluster.yaml where there is one)')
		.option('--name <name>', 'how the cluster is called in messages')
		.option(
			'--engine <server>',
			'what nodes are: shoal, redis-server, valkey-server or a path (default: shoal)',
		)
		.option('--shards <count>', 'primaries, each with its share of the slots (default: 3)')
		.option('--replicas <count>', 'replicas of each primary (default: 0)')
		.option('--base-port <port>', 'port of the first node, the others follow; 0: free ports (default: 7000)')
		.option('--bind <address>', 'IP address to listen on and to announce (default: 127.0.0.1)')
		.addOption(dataDirOption())
		.option('--node-timeout <ms>', 'after how much silence a node counts as failing (default: 15000)')
		.option('--password <password>', 'what clients must give (requirepass)')
		.option('--restart <when>', 'start nodes again that crashed: never or on-failure (default: never)')
		.option(
			'--config <directive=value>',
			'a directive of redis.conf for all nodes; may be repeated',
			(value: string, all: string[]) => [...all, value],
			[],
		)
		.addOption(
			new Option('--transport <kind>', 'how client sockets are read and written')
				.choices(['auto', 'handle', 'socket'])
				.hideHelp(),
		)
		.option('--no-create', 'leave the nodes empty and alone: make the cluster yourself')
		.option('--json', 'print one JSON object a line')
		.option('--quiet', 'print nothing but errors')
		.action(async (file: string | undefined, options: UpOptions) => {
			const {up} = await import('./up.ts');
			setExitCode(await up(file, options, threads));
		});
}

function addStatusAndDown(program: Command, setExitCode: (code: number) => void): void {
	program
		.command('status')
		.description(
			'show the running cluster of a data directory, or that of hosts; exit code 1 when not all is well',
		)
		.argument('[file]', 'the settings (default: ./cluster.yaml where there is one)')
		.addOption(dataDirOption())
		.option('--json', 'print JSON')
		.action(async (file: string | undefined, options: {dataDir?: string; json?: boolean}) => {
			const {status} = await import('./status.ts');
			setExitCode(await status(file, options));
		});
	program
		.command('down')
		.description('stop the running cluster of a data directory and wait until it is gone')
		.addOption(dataDirOption())
		.action(async (options: {dataDir?: string}) => {
			const {down} = await import('./status.ts');
			setExitCode(await down(options));
		});
}
