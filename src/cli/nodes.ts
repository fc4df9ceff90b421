/** `shoal chaos ...` and `shoal node ...`: one act on nodes of the running cluster, and what became of them. */
import type {ActReport, NodeAct} from '../launcher/acts.ts';
import type {NodeStatus} from '../launcher/events.ts';
import {addressOf, nodeLine} from './node-lines.ts';
import {runningCluster} from './running-cluster.ts';

interface Options {
	readonly dataDir?: string;
	readonly json?: boolean;
}

/**
 * Resolves with the exit code: 1 when it could not be done to every target. `command` is what was typed, for the events.
 * @throws UsageError, LaunchError
 */
export async function actOnNodes(act: NodeAct, command: string, {dataDir, json}: Options): Promise<number> {
	const report = await (await runningCluster(dataDir)).act(act, command);
	if (json === true) console.log(JSON.stringify(report));
	else for (const node of report.nodes) tell(report.action, node);
	return report.ok ? 0 : 1;
}

const DONE: Readonly<Record<NodeAct['action'], string>> = {
	kill: 'is killed',
	stop: 'is stopped',
	start: 'runs again',
	restart: 'runs again',
	add: 'is new, empty and alone',
};

function tell(action: NodeAct['action'], node: ActReport['nodes'][number]): void {
	const {nodeId, error} = node;
	if (error !== undefined) console.error(`shoal: ${error}`);
	else console.log(`Node ${addressOf(node)} ${DONE[action]}${nodeId === '' ? '' : `: ${nodeId}`}`);
}

/** All nodes, whatever they are up to. Nothing is judged: that is `shoal status`. */
export async function listNodes({dataDir, json}: Options): Promise<number> {
	const {nodes} = await (await runningCluster(dataDir)).status();
	console.log(json === true ? JSON.stringify(nodes) : lines(nodes));
	return 0;
}

const lines = (nodes: readonly NodeStatus[]): string =>
	nodes.map((node) => `${String(node.index).padStart(3)}${nodeLine(node, nodes)}`).join('\n');
