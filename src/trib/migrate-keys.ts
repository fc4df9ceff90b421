/**
 * Moves the keys of one slot from a node to another with MIGRATE. The states of the slot are the caller's: the source must
 * have it open (or serve it), or it redirects. A key that both nodes have is moved over the other one only when the values are
 * equal, or when that was asked for. Lines of redis-cli 7.0.
 */

import {setTimeout as pause} from 'node:timers/promises';
import {RespError, type Reply} from '../resp/reply-parser.ts';
import type {NodeConnection, Word} from './client.ts';
import {formatEndpoint} from './endpoint.ts';
import type {Credentials} from './messages.ts';
import type {Printer} from './printer.ts';
import {formatBytes} from './raw-reply.ts';
import {sameValues} from './same-values.ts';

export interface MigrateSettings {
	/** Of the target, which the source logs in to. */
	readonly credentials?: Credentials | undefined;
	/** For each MIGRATE. */
	readonly timeoutMs: number;
	/** Keys for each MIGRATE. */
	readonly pipeline: number;
	/** Overwrite keys of the target whose values differ. */
	readonly replace: boolean;
}

/** As redis-cli has them. */
export const MIGRATE_TIMEOUT_MS = 60_000;
export const MIGRATE_PIPELINE = 10;

/** A slot that was just given an owner is served when the nodes have heard of it. */
const CLUSTER_DOWN_PATIENCE_MS = 20_000;
const CLUSTER_DOWN_PAUSE_MS = 50;

export interface KeysMoved {
	readonly keyCount: number;
	/** null when the source has no key of the slot any more. It was printed. */
	readonly error: string | null;
}

/**
 * @param source with binary replies, and a reply timeout above that of MIGRATE
 * @param target with binary replies
 */
export async function migrateKeys(
	slot: number,
	source: NodeConnection,
	target: NodeConnection,
	settings: MigrateSettings,
	printer: Printer,
): Promise<KeysMoved> {
	let keyCount = 0;
	const [from, to] = [formatEndpoint(source.endpoint), formatEndpoint(target.endpoint)];
	printer.raw(`Moving slot ${slot} from ${from} to ${to}: `);
	for (;;) {
		const keys = await source.call('CLUSTER', 'GETKEYSINSLOT', String(slot), String(settings.pipeline));
		if (!isKeys(keys)) return failed(keys, from, keyCount, printer);
		if (keys.length === 0) break;
		let reply = await migrate(source, target, keys, settings, false);
		if (isError(reply, 'BUSYKEY')) {
			printer.warning('\n*** Target key exists');
			const problem = settings.replace ? null : await refusal(keys, source, target, printer);
			if (problem !== null) return {keyCount, error: problem};
			printer.warning('*** Replacing target keys...');
			reply = await migrate(source, target, keys, settings, true);
		}
		if (reply instanceof RespError) return failed(reply, from, keyCount, printer);
		keyCount += keys.length;
		printer.raw('.'.repeat(keys.length));
	}
	printer.raw('\n');
	return {keyCount, error: null};
}

/** Sends MIGRATE, again and again while the cluster of the source is down for want of an owner. */
export async function migrate(
	source: NodeConnection,
	target: NodeConnection,
	keys: readonly Uint8Array[],
	settings: Omit<MigrateSettings, 'pipeline' | 'replace'> & {readonly copy?: boolean},
	replace: boolean,
): Promise<Reply> {
	const {host, port} = target.endpoint;
	const words: Word[] = [
		...['MIGRATE', host, String(port), '', '0', String(settings.timeoutMs)],
		...(settings.copy === true ? ['COPY'] : []),
		...(replace ? ['REPLACE'] : []),
		...authWords(settings.credentials),
		'KEYS',
		...keys,
	];
	const deadline = performance.now() + CLUSTER_DOWN_PATIENCE_MS;
	for (;;) {
		const reply = await source.call(...words);
		if (!isError(reply, 'The cluster is down') || performance.now() > deadline) return reply;
		await pause(CLUSTER_DOWN_PAUSE_MS);
	}
}

/** AUTH2 came with Redis 6, as users did. */
function authWords({user, password}: Credentials = {}): string[] {
	if (password === undefined) return [];
	return user === undefined ? ['AUTH', password] : ['AUTH2', user, password];
}

/** null when each key that both nodes have is the same on both; or what was printed. */
async function refusal(
	keys: readonly Uint8Array[],
	source: NodeConnection,
	target: NodeConnection,
	printer: Printer,
): Promise<string | null> {
	printer.warning('*** Checking key values on both nodes...');
	const same = await sameValues(keys, source, target);
	const different = keys.filter((_, i) => same[i] === false);
	if (different.length === 0) return null;
	printer.warning(
		`*** Found ${different.length} key(s) in both source node and target node having different values.\n` +
			`    Source node: ${formatEndpoint(source.endpoint)}\n` +
			`    Target node: ${formatEndpoint(target.endpoint)}\n    Keys(s):`,
	);
	const names = different.map(formatBytes);
	for (const name of names) printer.warning(`    - ${name}`);
	printer.warning(
		'Please fix the above key(s) manually and try again or relaunch the command \n' +
			'with --cluster-replace option to force key overriding.\n',
	);
	return `different values on both nodes of ${names.join(', ')}`;
}

function failed(reply: Reply, where: string, keyCount: number, printer: Printer): KeysMoved {
	const why = reply instanceof RespError ? reply.message : 'a reply that is no list of keys';
	printer.raw('\n');
	printer.error(`Node ${where} replied with error:\n${why}\n`);
	return {keyCount, error: why};
}

/** Whether the reply is an error with those words. MIGRATE puts its own before the target's. */
function isError(reply: Reply, words: string): boolean {
	return reply instanceof RespError && reply.message.includes(words);
}

export function isKeys(reply: Reply): reply is Uint8Array[] {
	return Array.isArray(reply) && reply.every((key) => key instanceof Uint8Array);
}
