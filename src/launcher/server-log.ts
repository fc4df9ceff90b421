/**
 * Reads what a server prints: its log, and what it says before it has one. Pure.
 *
 *     25789:M 24 Nov 2026 14:25:29.461 # Cluster state changed: ok
 */
import type {StartFailure} from './node-handle.ts';
import type {LogLevel} from './log-level.ts';

const LEVELS: Readonly<Record<string, LogLevel>> = {
	'.': 'debug',
	'-': 'verbose',
	'*': 'notice',
	'#': 'warning',
};

export interface LogLine {
	readonly level: LogLevel;
	readonly text: string;
}

/** A line that is no line of the log counts as a notice. */
export function parseLogLine(line: string): LogLine {
	const [, level = '', text] = /^\d+:[A-Z] \d+ \w+ \d+ [\d:.]+ ([.*#-]) (.*)$/.exec(line) ?? [];
	return text === undefined ? {level: 'notice', text: line} : {level: LEVELS[level] ?? 'notice', text};
}

/** The system's words for what bind() refused. */
const BIND_REFUSALS: Readonly<Record<string, string>> = {
	'Address already in use': 'EADDRINUSE',
	'Permission denied': 'EACCES',
	'Cannot assign requested address': 'EADDRNOTAVAIL',
};

/** So many of the last lines tell why it ended. */
const TOLD_LINE_COUNT = 6;

/** Why a server ended before it answered anybody. `lines` is what it printed. */
export function startFailureIn(lines: readonly string[], exit: string): StartFailure {
	for (const line of lines) {
		const [, port, why = ''] = /:(\d+): (?:bind|listen): (.+)$/.exec(line) ?? [];
		const code = BIND_REFUSALS[why.trim()];
		if (code !== undefined) return {code, message: parseLogLine(line).text, port: Number(port)};
	}
	return {code: 'ERR_SHOAL_ENGINE', message: endOf(lines, exit)};
}

/** The exit and the last that was said before it, without what every start says. */
export function endOf(lines: readonly string[], exit: string): string {
	const texts = lines
		.map((line) => parseLogLine(line).text.trim())
		.filter((text) => text !== '' && !ROUTINE.test(text));
	const last = texts.slice(-TOLD_LINE_COUNT);
	return [exit, ...last].join('\n');
}

const ROUTINE =
	/^(?:oO0OoO0OoO0Oo|(?:Redis|Valkey) version=|Configuration loaded|monotonic clock|Running mode=|Server initialized|WARNING )/;
