/** `shoal up`: boots a cluster and stays with it until somebody ends it. */
import {LaunchError, messageOf} from '../launcher/errors.ts';
import type {LauncherEvent} from '../launcher/events.ts';
import {launch, type Launcher} from '../launcher/launcher.ts';
import {count} from '../launcher/settings.ts';
import type {ThreadFiles} from '../launcher/thread-files.ts';
import {addressRange} from './address-range.ts';
import {readSettings, type SettingOptions} from './settings.ts';

export interface UpOptions extends SettingOptions {
	readonly create: boolean;
	readonly json?: boolean;
	readonly quiet?: boolean;
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Resolves with the exit code when the cluster is gone.
 * @throws UsageError, LaunchError
 */
export async function up(
	file: string | undefined,
	options: UpOptions,
	threads: ThreadFiles,
): Promise<number> {
	const settings = await readSettings(file, options);
	const ending = endOnSignals();
	const reporter = new Reporter(options);
	try {
		const launching = launch({
			settings,
			threads,
			create: options.create,
			since: startOfBoot(),
			signal: ending.signal,
			onEvent: (event) => reporter.report(event),
		});
		// Loads while the threads start; an early failure of the launch is thrown below all the same.
		const [launcher, {ControlServer}] = await Promise.all([
			launching,
			import('../launcher/control-server.ts'),
		]);
		ending.end = (reason) => launcher.stop(reason);
		ending.force = () => launcher.kill();
		const control = await openControl(launcher, ControlServer);
		reporter.announce(launcher);
		await launcher.ended;
		const allCrashed = launcher.nodes.every((node) => node.phase === 'crashed');
		await launcher.stop('all nodes have ended');
		await control.close();
		return allCrashed ? 1 : 0;
	} finally {
		ending.forget();
	}
}

async function openControl(
	launcher: Launcher,
	server: typeof import('../launcher/control-server.ts').ControlServer,
) {
	try {
		return await server.open(launcher);
	} catch (error) {
		await launcher.stop('the control endpoint could not be opened');
		throw new LaunchError(`the control endpoint could not be opened: ${messageOf(error)}`);
	}
}

/** Says on the terminal, or to a script, what becomes of the cluster. */
class Reporter {
	readonly #options: UpOptions;
	#isAnnounced = false;

	constructor(options: UpOptions) {
		this.#options = options;
	}

	/** The one line that everybody waits for. */
	announce(launcher: Launcher): void {
		const {nodes} = launcher;
		const {json, quiet} = this.#options;
		const create = launcher.formsCluster;
		this.#isAnnounced = true;
		const addresses = nodes.map(({start: {host, port}}) => ({host, port}));
		const seconds = (performance.now() - startOfBoot()) / 1000;
		const slots = launcher.status().assignedCount;
		if (json === true) {
			const list = addresses.map(({host, port}) => `${host}:${port}`);
			printJson({
				event: create ? 'ready' : 'listening',
				nodes: nodes.length,
				slots,
				addresses: list,
				seconds: Number(seconds.toFixed(3)),
			});
		} else if (quiet !== true) {
			const what = create
				? `Cluster ready: ${count(nodes.length, 'node')}, ${slots} slots covered`
				: `Listening: ${count(nodes.length, 'empty node')}`;
			console.log(`${what}, ${addressRange(addresses)} in ${seconds.toFixed(2)} s`);
		}
	}

	report(event: LauncherEvent): void {
		const {json, quiet} = this.#options;
		if (json === true) {
			// `ready` is told by `announce`, when the control endpoint is there too.
			if (event.event !== 'ready' && !(event.event === 'log' && event.level !== 'warning')) printJson(event);
			return;
		}
		switch (event.event) {
			case 'node-crashed':
				console.error(`Node ${event.port} crashed, the others live on: ${event.cause}`);
				break;
			case 'log':
				// What nodes warn of while they become a cluster is no news.
				if (event.level === 'warning' && this.#isAnnounced)
					console.error(`Node ${event.port}: ${event.text}`);
				break;
			case 'stopping':
				if (quiet !== true && this.#isAnnounced) console.log(`Stopping: ${event.reason}`);
				break;
			default:
				break;
		}
	}
}

/** The start of the process, as the person who waits counts; under `npm start` the end of its set-up. */
const startOfBoot = (): number => performance.getEntriesByName('shoal-set-up')[0]?.startTime ?? 0;

const printJson = (value: object): void => void process.stdout.write(`${JSON.stringify(value)}\n`);

/** What a signal does now: nothing but aborting the start until the cluster is there. */
interface Ending {
	readonly signal: AbortSignal;
	end(reason: string): void | Promise<void>;
	force(): void | Promise<void>;
	forget(): void;
}

/** The first signal ends the cluster cleanly, the second at once. */
function endOnSignals(): Ending {
	const controller = new AbortController();
	let signalCount = 0;
	const onSignal = (name: string): void => {
		signalCount++;
		if (signalCount === 1) {
			controller.abort();
			void ending.end(name);
		} else {
			void ending.force();
		}
	};
	const ending: Ending = {
		signal: controller.signal,
		end: () => {},
		force: () => {},
		forget: () => SIGNALS.forEach((name) => process.off(name, onSignal)),
	};
	for (const name of SIGNALS) process.on(name, onSignal);
	return ending;
}
