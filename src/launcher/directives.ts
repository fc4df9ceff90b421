/** Checks redis.conf directives as they stand in cluster.yaml or are given to the API, against the table of the node itself. */
import {nearest} from './nearest.ts';
import {OWN_ENGINE} from './settings.ts';
import {ParameterError, PARAMETERS} from '../node/config-parameters.ts';

/** Directives that have a setting of their own, or that the launcher decides: what to do instead. */
const RESERVED: Readonly<Record<string, string>> = {
	port: 'use basePort',
	bind: 'use bind',
	'bind-source-addr': 'use bind',
	dir: 'use dataDir',
	requirepass: 'use password',
	masterauth: 'use password',
	'cluster-node-timeout': 'use nodeTimeout',
	'cluster-port': 'bus ports are always port + 10000',
	'cluster-config-file': 'it is nodes.conf in the directory of the node',
	daemonize: 'shoal stays in the foreground',
	supervised: 'shoal stays in the foreground',
};

const RESERVED_OF_THREADS: Readonly<Record<string, string>> = {
	pidfile: 'all nodes run in one process',
	'tls-port': 'TLS is not supported',
	unixsocket: 'unix sockets are not supported',
};

const RESERVED_OF_PROCESSES: Readonly<Record<string, string>> = {
	pidfile: 'it is in the directory of the node',
	'tls-port': 'shoal up talks to its nodes without TLS; start them yourself and name them in hosts',
};

const byName = new Map(
	PARAMETERS.flatMap((parameter) =>
		[parameter.name, ...(parameter.alias === undefined ? [] : [parameter.alias])].map((name) => [
			name,
			parameter,
		]),
	),
);

/**
 * Why the directive is refused, as the end of a sentence with the remedy; null when it is good. What another engine than ours
 * makes of it that engine says when it starts: it may know more directives than we do.
 */
export function refuseDirective(name: string, value: string, engine: string = OWN_ENGINE): string | null {
	const reserved =
		(engine === OWN_ENGINE ? RESERVED_OF_THREADS : RESERVED_OF_PROCESSES)[name.toLowerCase()] ??
		RESERVED[name.toLowerCase()];
	if (reserved !== undefined) return `cannot be set here: ${reserved}`;
	if (engine !== OWN_ENGINE) return /^[\w-]+$/.test(name) ? null : 'is no name of a directive';
	const parameter = byName.get(name.toLowerCase());
	if (parameter === undefined) return `is no directive of redis.conf${nearest(name, [...byName.keys()])}`;
	try {
		parameter.kind.parse(value, parameter.initial);
		return null;
	} catch (error) {
		if (!(error instanceof ParameterError)) throw error;
		return `${error.message}; it is ${JSON.stringify(value)}`;
	}
}
