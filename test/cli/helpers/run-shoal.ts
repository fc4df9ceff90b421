/** Runs the command line in a process of its own, in a scratch directory. */
import {spawn, type ChildProcessByStdio} from 'node:child_process';
import {once} from 'node:events';
import {createInterface} from 'node:readline';
import type {Readable, Writable} from 'node:stream';
import {fileURLToPath} from 'node:url';

const SCRIPT = fileURLToPath(new URL('./scripted-shoal.js', import.meta.url));
/** The command itself, with real threads behind it. */
export const REAL = fileURLToPath(new URL('../../../src/cli.js', import.meta.url));

export interface Running {
	readonly child: ChildProcessByStdio<Writable, Readable, Readable>;
	/** All of both streams so far. */
	readonly output: {stdout: string; stderr: string};
	/** The first line of standard output; empty when there is none. */
	readonly firstLine: Promise<string>;
	/** The exit code, or null after a signal. */
	readonly ended: Promise<number | null>;
}

export function startShoal(cwd: string, args: readonly string[], script = SCRIPT): Running {
	const child = spawn(process.execPath, [script, ...args], {
		cwd,
		stdio: ['pipe', 'pipe', 'pipe'],
		env: {...process.env, NO_COLOR: '1'},
	});
	const output = {stdout: '', stderr: ''};
	child.stdout.setEncoding('utf8').on('data', (text: string) => (output.stdout += text));
	child.stderr.setEncoding('utf8').on('data', (text: string) => (output.stderr += text));
	const lines = createInterface({input: child.stdout});
	const firstLine = new Promise<string>((resolve) => {
		lines.once('line', resolve);
		lines.once('close', () => resolve(''));
	});
	const ended = once(child, 'close').then(([code]) => code as number | null);
	return {child, output, firstLine, ended};
}

export async function runShoal(
	cwd: string,
	args: readonly string[],
	input = '',
	script = SCRIPT,
): Promise<{code: number | null; stdout: string; stderr: string}> {
	const {child, output, ended} = startShoal(cwd, args, script);
	child.stdin.end(input);
	const code = await ended;
	return {code, ...output};
}
