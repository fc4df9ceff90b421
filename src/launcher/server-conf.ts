/**
 * The redis.conf of a node that is a process. What the settings say stands in a block of its own, written anew at each start;
 * what CONFIG REWRITE left around it stays, where the block does not say otherwise. Pure.
 */
import type {NodePlace} from './messages.ts';

const BEGIN =
	'# What the settings of shoal say; written anew at each start. CONFIG REWRITE may add lines behind it.';
const END = '# End of the settings of shoal.';

/** In the node's directory, removed by the server when it ends. */
export const PID_FILE = 'redis-server.pid';

/** For a cluster of one machine; the settings win over them. */
const DEFAULTS = {
	'protected-mode': 'yes',
	// Replicas of one machine come at once or not at all: nobody is waited for.
	'repl-diskless-sync-delay': '0',
	// The launcher reads the log from standard output.
	logfile: '',
} as const;

/** Values that are one word whatever is in them. */
const ONE_WORD = new Set([
	'dir',
	'pidfile',
	'logfile',
	'requirepass',
	'masterauth',
	'masteruser',
	'dbfilename',
]);

/** The whole file; `former` is what stood in it, empty when there was none. */
export function serverConf({host, port, directory, config}: NodePlace, former: string): string {
	const directives: Readonly<Record<string, string>> = {
		...DEFAULTS,
		...config,
		bind: host,
		port: String(port),
		dir: directory,
		pidfile: `${directory}/${PID_FILE}`,
		daemonize: 'no',
		'cluster-config-file': 'nodes.conf',
	};
	const kept = linesOutsideBlock(former).filter((line) => {
		const name = /^\s*([\w-]+)/.exec(line)?.[1]?.toLowerCase();
		return name === undefined || !(name in directives);
	});
	const block = Object.entries(directives).map(([name, value]) => `${name} ${wordsOf(name, value)}`);
	return `${[...kept, BEGIN, ...block, END].join('\n')}\n`;
}

function linesOutsideBlock(text: string): string[] {
	const lines = text.split('\n').filter((line) => line.trim() !== '');
	const [begin, end] = [lines.indexOf(BEGIN), lines.indexOf(END)];
	return begin === -1 || end < begin ? lines : [...lines.slice(0, begin), ...lines.slice(end + 1)];
}

/** As redis.conf writes it: several words stand as they are, what is one word in quotes. */
function wordsOf(name: string, value: string): string {
	return ONE_WORD.has(name) || value === '' || /[\r\n]/.test(value) ? quoted(value) : value;
}

const quoted = (value: string): string =>
	`"${value.replaceAll(/["\\]|\p{Cc}/gu, (character) =>
		character >= ' ' ? `\\${character}` : `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
	)}"`;
