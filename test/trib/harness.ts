/** Runs the manager and redis-cli on the same servers, and makes their output comparable. */

import {spawn} from 'node:child_process';
import {parseEndpoint} from '../../src/trib/endpoint.ts';
import type {Endpoint, TribJob} from '../../src/trib/messages.ts';
import type {Sink} from '../../src/trib/printer.ts';
import {runJob, type TribResult} from '../../src/trib/run-job.ts';

export interface Run {
	readonly exitCode: number;
	readonly stdout: string;
	readonly stderr: string;
}

/** A console that keeps what is written and gives one answer to every question, or one after the other of a list. */
export class Script implements Sink {
	stdout = '';
	stderr = '';
	readonly questions: string[] = [];
	readonly #answers: readonly (string | null)[];

	constructor(answer: string | readonly string[] | null = null) {
		this.#answers = typeof answer === 'string' || answer === null ? [answer] : answer;
	}

	output(text: string, stream: 'stdout' | 'stderr'): void {
		this[stream] += text;
	}

	ask(question: string): Promise<string | null> {
		this.questions.push(question);
		// As redis-cli, whose question stands in its output.
		this.stdout += question;
		const place = this.#answers.length === 1 ? 0 : this.questions.length - 1;
		return Promise.resolve(this.#answers[place] ?? null);
	}
}

export function endpoints(addresses: readonly string[]): Endpoint[] {
	return addresses.map((address) => {
		const endpoint = parseEndpoint(address);
		if (endpoint === null) throw new Error(`not an address: ${address}`);
		return endpoint;
	});
}

export async function runTrib(
	job: TribJob,
	answer: string | readonly string[] | null = null,
): Promise<Run & {result: TribResult}> {
	const script = new Script(answer);
	const result = await runJob(job, script);
	return {exitCode: result.exitCode, stdout: script.stdout, stderr: script.stderr, result};
}

/** `redis-cli --cluster ...`, without colours unless `term` is the name of a terminal that has them. */
export function runRedisCli(args: readonly string[], input = '', term = 'dumb'): Promise<Run> {
	return new Promise((resolve, reject) => {
		const child = spawn('redis-cli', ['--cluster', ...args], {env: {...process.env, TERM: term}});
		let stdout = '';
		let stderr = '';
		child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
		child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
		child.once('error', reject);
		child.once('close', (code) => resolve({exitCode: code ?? -1, stdout, stderr}));
		// It may end without reading a word.
		child.stdin.on('error', () => undefined).end(input);
	});
}

/**
 * Takes out what differs between two runs: ids (numbered as they come), ports (by their place in the list of addresses), and
 * the dots of waiting.
 */
export function normalize(text: string, addresses: readonly string[]): string {
	const ids: string[] = [];
	const numbered = text
		.replaceAll(/\b[0-9a-f]{40}\b/g, (id) => `<id ${numberOf(ids, id)}>`)
		.replaceAll(/\(([0-9a-f]{8})\.\.\.\)/g, '(<id>...)');
	const placed = addresses.reduce(
		(result, address, i) => result.replaceAll(address, `<node ${i}>`),
		numbered,
	);
	return placed.replaceAll(/^\.+$/gm, '');
}

/** The check's nodes come in an order that hangs on their ids: sorts them, so that the rest can be compared. */
export function sortNodes(text: string): string {
	const paragraphs = text.replaceAll(/\n {3}/g, '\u0000').split('\n');
	const isNode = (line: string): boolean => /^[MS]: |^<node \d+> \(/.test(line);
	const nameless = paragraphs.map((line) => line.replaceAll(/<id \d+>/g, '<id>'));
	const sorted: string[] = [];
	for (let at = 0; at < nameless.length;) {
		let end = at;
		while (end < nameless.length && isNode(nameless[end]!)) end++;
		sorted.push(...nameless.slice(at, end).toSorted());
		if (end < nameless.length) sorted.push(nameless[end]!);
		at = end + 1;
	}
	return sorted.join('\n').replaceAll('\u0000', '\n   ');
}

function numberOf(known: string[], id: string): number {
	if (!known.includes(id)) known.push(id);
	return known.indexOf(id);
}
