/** `shoal status` and `shoal down`: the running cluster of a data directory, seen and ended from a second terminal. */
import type {LauncherStatus} from '../launcher/events.ts';
import {OWN_ENGINE} from '../launcher/settings.ts';
import {nodeLine} from './node-lines.ts';
import {runningCluster} from './running-cluster.ts';
import {readPlace} from './settings.ts';

export async function status(
	file: string | undefined,
	options: {readonly dataDir?: string; readonly json?: boolean},
): Promise<number> {
	const settings = await readPlace(file, options.dataDir);
	if (settings.hosts.length > 0) return (await import('./hosts.ts')).showHosts(settings, options);
	const current = await (await runningCluster(options.dataDir ?? settings.dataDir)).status();
	console.log(options.json === true ? JSON.stringify(current) : describe(current));
	return current.ok ? 0 : 1;
}

export async function down(options: {readonly dataDir?: string}): Promise<number> {
	await (await runningCluster(options.dataDir)).stop('shoal down');
	console.log('Cluster stopped');
	return 0;
}

function describe(current: LauncherStatus): string {
	const {name, pid, uptimeSeconds, ok, assignedCount, nodes, engine} = current;
	const of = engine.startsWith(`${OWN_ENGINE} `) ? '' : `, nodes of ${engine}`;
	const head = `${name}: ${ok ? 'ok' : 'NOT ok'}, ${assignedCount} slots covered, up ${uptimeSeconds} s, process ${pid}${of}`;
	return [head, ...nodes.map((node) => nodeLine(node, nodes))].join('\n');
}
