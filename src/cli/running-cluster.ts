/** The launcher that runs on a data directory, for commands from a second terminal. */
import {ControlClient} from '../launcher/control-client.ts';
import {readControl} from '../launcher/data-dir.ts';
import {LaunchError} from '../launcher/errors.ts';
import {readPlace} from './settings.ts';

/** @throws LaunchError when none runs there */
export async function runningCluster(dataDir: string | undefined): Promise<ControlClient> {
	const {dataDir: directory, hosts} = await readPlace(undefined, dataDir);
	if (dataDir === undefined && hosts.length > 0)
		throw new LaunchError(
			'the nodes of cluster.yaml are hosts: they run elsewhere, and nothing here starts or stops them; shoal status and shoal trib work',
		);
	const address = readControl(directory);
	if (address === null)
		throw new LaunchError(
			`no cluster runs on data directory ${directory}; start one with shoal up, or name another with --data-dir`,
		);
	return new ControlClient(address);
}
