/** A cluster whose nodes run elsewhere (`hosts:` in cluster.yaml): seen over their client ports, never started or stopped. */
import {readFileSync} from 'node:fs';
import {messageOf, UsageError} from '../launcher/errors.ts';
import {lookAt, type NodeSight} from '../launcher/node-sight.ts';
import {count, type ClusterSettings, type HostSettings, type HostTls} from '../launcher/settings.ts';
import {NodeConnection} from '../trib/client.ts';
import {formatEndpoint} from '../trib/endpoint.ts';
import type {Credentials, Endpoint, TlsCredentials} from '../trib/messages.ts';
import {nodeLine, type ShownNode} from './node-lines.ts';

const PATIENCE_MS = 5_000;

interface Options {
	readonly json?: boolean;
	readonly quiet?: boolean;
}

interface HostView {
	readonly host: HostSettings;
	readonly sight: NodeSight | null;
	/** Why nothing is seen. */
	readonly cause: string;
}

/** `shoal up`: there is nothing to start; exit code 1 when not all is well. */
export async function upHosts(settings: ClusterSettings, options: Options): Promise<number> {
	if (options.json !== true && options.quiet !== true)
		console.log('Nothing is started: the nodes of these settings are hosts, which run elsewhere');
	return showHosts(settings, options);
}

/** `shoal status`. @throws UsageError when a certificate cannot be read */
export async function showHosts(settings: ClusterSettings, {json, quiet}: Options): Promise<number> {
	const credentials = credentialsOfHosts(settings);
	const views = await Promise.all(settings.hosts.map((host) => look(host, credentials)));
	const status = statusOf(settings, views);
	if (json === true) console.log(JSON.stringify(status));
	else if (quiet !== true || !status.ok) console.log(describe(status));
	return status.ok ? 0 : 1;
}

/** How each host is entered, and those that they name as the first of them; what was typed wins. @throws UsageError */
export function credentialsOfHosts(settings: ClusterSettings, typed: Credentials = {}): Credentials {
	const each = settings.hosts.map((host) => ({...ownCredentials(host, settings.password), ...typed}));
	return {
		...each[0],
		ofNodes: Object.fromEntries(settings.hosts.map((host, i) => [formatEndpoint(host), each[i] ?? {}])),
	};
}

/** Whether all are hosts of the settings. */
export function areHosts(endpoints: readonly Endpoint[], {hosts}: ClusterSettings): boolean {
	return endpoints.every((endpoint) =>
		hosts.some(({host, port}) => host === endpoint.host && port === endpoint.port),
	);
}

/** All hosts; those that can be connected to come first. */
export async function reachableFirst(settings: ClusterSettings): Promise<readonly Endpoint[]> {
	const credentials = credentialsOfHosts(settings);
	const views = await Promise.all(settings.hosts.map((host) => look(host, credentials)));
	return views
		.toSorted((a, b) => Number(a.sight === null) - Number(b.sight === null))
		.map(({host: {host, port}}) => ({host, port}));
}

function ownCredentials({user, password, tls}: HostSettings, common: string): Credentials {
	const given = password ?? (common === '' ? undefined : common);
	return {
		...(user === undefined ? {} : {user}),
		...(given === undefined ? {} : {password: given}),
		...(tls === undefined ? {} : {tls: readTls(tls)}),
	};
}

function readTls({ca, cert, key, rejectUnauthorized}: HostTls): TlsCredentials {
	return {
		...(ca === undefined ? {} : {ca: readPem('ca', ca)}),
		...(cert === undefined ? {} : {cert: readPem('cert', cert)}),
		...(key === undefined ? {} : {key: readPem('key', key)}),
		...(rejectUnauthorized === undefined ? {} : {rejectUnauthorized}),
	};
}

function readPem(key: string, file: string): string {
	try {
		return readFileSync(file, 'utf8');
	} catch (error) {
		throw new UsageError(`hosts: tls.${key}: ${file} cannot be read: ${messageOf(error)}`);
	}
}

async function look(host: HostSettings, credentials: Credentials): Promise<HostView> {
	try {
		const timeouts = {connectTimeoutMs: PATIENCE_MS, replyTimeoutMs: PATIENCE_MS};
		const connection = await NodeConnection.open(host, {credentials, ...timeouts});
		try {
			return {host, sight: await lookAt(connection), cause: ''};
		} finally {
			connection.close();
		}
	} catch (error) {
		return {host, sight: null, cause: messageOf(error)};
	}
}

/** As LauncherStatus, as far as it can be known from outside. */
interface HostsStatus {
	readonly name: string;
	readonly ok: boolean;
	readonly assignedCount: number;
	readonly nodes: readonly ShownNode[];
}

function statusOf({name}: ClusterSettings, views: readonly HostView[]): HostsStatus {
	const nodes = views.map(shownNode);
	return {
		name,
		ok: nodes.every(({clusterOk, role, linkUp}) => clusterOk && (role !== 'replica' || linkUp === true)),
		assignedCount: views.find(({sight}) => sight !== null)?.sight?.opinion?.assignedCount ?? 0,
		nodes,
	};
}

function shownNode({host: {host, port}, sight, cause}: HostView, index: number): ShownNode {
	if (sight === null) return {index, host, port, nodeId: '', phase: 'unreachable', clusterOk: false, cause};
	const {nodeId, opinion, role} = sight;
	const isAlone = opinion?.knownNodeCount === 1 && opinion.assignedCount === 0;
	return {
		index,
		host,
		port,
		nodeId,
		phase: 'running',
		clusterOk: opinion?.ok === true,
		...(isAlone ? {alone: true} : {}),
		...(role.role === 'replica' ? role : {role: role.role}),
	};
}

function describe({name, ok, assignedCount, nodes}: HostsStatus): string {
	const head = `${name}: ${ok ? 'ok' : 'NOT ok'}, ${assignedCount} slots covered, ${count(nodes.length, 'host')}`;
	const hint = nodes.every(({alone}) => alone === true)
		? ['They know nobody: shoal trib create makes them one cluster']
		: [];
	return [head, ...nodes.map((node) => nodeLine(node, nodes)), ...hint].join('\n');
}
