/** `shoal status` and `shoal down`: the running cluster of a data directory, seen and ended from a second terminal. */
import {ControlClient} from '../launcher/control-client.ts';
import {readControl} from '../launcher/data-dir.ts';
import {LaunchError} from '../launcher/errors.ts';
import type {LauncherStatus, NodeStatus} from '../launcher/events.ts';
import {readDataDir} from './settings.ts';

export async function status(options: {readonly dataDir?: string; readonly json?: boolean}): Promise<number> {
	const current = await (await runningCluster(options.dataDir)).status();
	console.log(options.json === true ? JSON.stringify(current) : describe(current));
	return current.ok ? 0 : 1;
}

export async function down(options: {readonly dataDir?: string}): Promise<number> {
	await (await runningCluster(options.dataDir)).stop('shoal down');
	console.log('Cluster stopped');
	return 0;
}

async function runningCluster(dataDir: string | undefined): Promise<ControlClient> {
	const directory = await readDataDir(dataDir);
	const address = readControl(directory);
	if (address === null)
		throw new LaunchError(
			`no cluster runs on data directory ${directory}; start one with shoal up, or name another with --data-dir`,
		);
	return new ControlClient(address);
}

function describe(current: LauncherStatus): string {
	const {name, pid, uptimeSeconds, ok, assignedCount, nodes} = current;
	const head = `${name}: ${ok ? 'ok' : 'NOT ok'}, ${assignedCount} slots covered, up ${uptimeSeconds} s, process ${pid}`;
	return [head, ...nodes.map(nodeLine)].join('\n');
}

function nodeLine({host, port, nodeId, phase, clusterOk, cause}: NodeStatus): string {
	const state =
		phase === 'running' ? (clusterOk ? 'cluster ok' : 'cluster NOT ok') : (cause?.split('\n')[0] ?? '');
	return `  ${nodeId || '?'.repeat(40)}  ${host}:${port}  ${phase}  ${state}`.trimEnd();
}
