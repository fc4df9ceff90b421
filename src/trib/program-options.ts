/** What the commands of `shoal trib` share: addresses, passwords, output, and wrong usage. */

import {type Command, InvalidArgumentError, Option} from 'commander';
import {parseEndpoint} from './endpoint.ts';
import type {Credentials, Endpoint, OutputOptions, TribJob} from './messages.ts';

export interface TribProgramOptions {
	/** Runs the job and sees to the exit code. `dataDir` is what was typed. */
	run(job: TribJob, dataDir: string | undefined): Promise<void>;
	/** The nodes that are meant when none is named; empty when there are none. */
	defaultNodes(dataDir: string | undefined): Promise<readonly Endpoint[]>;
	/** Whether lines are coloured. */
	readonly color: boolean;
	/** For REDISCLI_AUTH. */
	readonly environment: Readonly<Record<string, string | undefined>>;
}

/** What commander makes of the options that every command takes. */
export interface CommonFlags {
	readonly dataDir?: string;
	readonly password?: string;
	readonly pass?: string;
	readonly user?: string;
	readonly json?: boolean;
	readonly dryRun?: boolean;
}

/** What redis-cli answers to anything else than an address. */
export const INVALID_ADDRESS =
	'[ERR] Invalid arguments: you need to pass either a valid address (ie. 120.0.0.1:7000) ' +
	'or space separated IP and port (ie. 120.0.0.1 7000)';

/** Nothing was named, and nothing runs here. */
export const NO_NODE = 'no cluster runs here; name a node as host:port';

/** Wrong usage, beside commander's own errors. */
const USAGE_EXIT_CODE = 2;

export function withAnyNode(command: Command): Command {
	return command.argument(
		'[address...]',
		'host:port, or host and port, of any node (default: one that runs here)',
	);
}

export function withCommonOptions(command: Command): Command {
	return command
		.option('--data-dir <directory>', 'where the nodes that run here keep their files')
		.option('-a, --password <password>', 'password of the nodes (or the environment variable REDISCLI_AUTH)')
		.addOption(hidden('--pass <password>'))
		.option('--user <name>', 'user that the password belongs to')
		.option('--json', 'print one JSON object instead of lines')
		.option('--dry-run', 'show what would be done and change nothing');
}

export function commonOptions(
	{color, environment}: TribProgramOptions,
	flags: CommonFlags,
): OutputOptions & {readonly dryRun: boolean; readonly credentials?: Credentials} {
	const password = flags.password ?? flags.pass ?? environment['REDISCLI_AUTH'];
	const credentials = {
		...(password === undefined ? {} : {password}),
		...(flags.user === undefined ? {} : {user: flags.user}),
	};
	return {
		color,
		json: flags.json === true,
		dryRun: flags.dryRun === true,
		...(password === undefined ? {} : {credentials}),
	};
}

/** `host:port`, `host port`, or nothing where nodes run here. */
export async function anyNode(
	command: Command,
	words: readonly string[],
	program: TribProgramOptions,
	flags: CommonFlags,
): Promise<Endpoint> {
	if (words.length > 2) fail(command, INVALID_ADDRESS);
	if (words.length > 0) return readAddress(words.join(':')) ?? fail(command, INVALID_ADDRESS);
	const [node] = await program.defaultNodes(flags.dataDir);
	return node ?? fail(command, NO_NODE);
}

/** A port alone is one of this machine. */
export function readAddress(text: string): Endpoint | null {
	return parseEndpoint(/^\d+$/.test(text) ? `127.0.0.1:${text}` : text);
}

export function fail(command: Command, message: string): never {
	return command.error(message, {exitCode: USAGE_EXIT_CODE});
}

/** The second spelling of an option, left out of the help. */
export function hidden(flags: string): Option {
	return new Option(flags).hideHelp();
}

export function wholeNumber(least: number): (text: string) => number {
	return (text) => {
		const value = /^\d{1,9}$/.test(text) ? Number(text) : -1;
		if (value < least) throw new InvalidArgumentError(`A whole number from ${least} on is wanted.`);
		return value;
	};
}
