/** `shoal up`: boots a cluster and stays with it until somebody ends it. */
import {LaunchError, messageOf} from '../launcher/errors.ts';
import type {LauncherEvent} from '../launcher/events.ts';
import {launch, type Launcher} from '../launcher/launcher.ts';
import {count, OWN_ENGINE} from '../launcher/settings.ts';
import type {ThreadFiles} from '../launcher/thread-files.ts';
import {addressRange} from './address-range.ts';
import {secondsOf} from './node-lines.ts';
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
	if (settings.hosts.length > 0) return (await import('./hosts.ts')).upHosts(settings, options);
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
		const allCrashed = launcher.nodes.every(({phase}) => phase === 'crashed' || phase === 'failed');
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
	#isStopping = false;

	constructor(options: UpOptions) {
		this.#options = options;
	}

	/** The one line that everybody waits for. */
	announce(launcher: Launcher): void {
		const running = launcher.nodes.filter(({phase}) => phase === 'running');
		const {json, quiet} = this.#options;
		const create = launcher.formsCluster;
		this.#isAnnounced = true;
		const addresses = running.map(({start: {host, port}}) => ({host, port}));
		const seconds = (performance.now() - startOfBoot()) / 1000;
		const slots = launcher.status().assignedCount;
		if (json === true) {
			const list = addresses.map(({host, port}) => `${host}:${port}`);
			printJson({
				event: create ? 'ready' : 'listening',
				nodes: running.length,
				slots,
				addresses: list,
				seconds: Number(seconds.toFixed(3)),
			});
		} else if (quiet !== true) {
			const isOk = running.every((node) => node.seesClusterOk || node.isAlone);
			const all = launcher.nodes.length;
			const nodes =
				running.length === all ? count(all, 'node') : `${running.length} of ${count(all, 'node')}`;
			const {title} = launcher.engine;
			const of = launcher.settings.engine === OWN_ENGINE ? '' : ` of ${title}`;
			const what = create
				? `Cluster ${isOk ? 'ready' : 'NOT ok'}: ${nodes}${of}, ${slots} slots covered`
				: `Listening: ${count(all, 'empty node')}${of}`;
			console.log(`${what}, ${addressRange(addresses)} in ${seconds.toFixed(2)} s`);
		}
	}

	report(event: LauncherEvent): void {
		if (this.#options.json === true) {
			// `ready` is told by `announce`, when the control endpoint is there too.
			// Steps of jobs are many, and GET /events has them.
			if (event.event === 'job-progress') return;
			if (event.event !== 'ready' && !(event.event === 'log' && event.level !== 'warning')) printJson(event);
			return;
		}
		switch (event.event) {
			case 'node-crashed':
				console.error(`Node ${event.port} crashed, the others live on: ${event.cause}`);
				break;
			case 'node-failed':
				console.error(`Node ${event.port} could not start, the others live on: ${event.cause}`);
				break;
			case 'node-restarting':
				console.error(`Node ${event.port} starts again in ${secondsOf(event.delayMs)}`);
				break;
			case 'log':
				// What nodes warn of while they become a cluster is no news.
				if (event.level === 'warning' && this.#isAnnounced)
					console.error(`Node ${event.port}: ${event.text}`);
				break;
			case 'stopping':
				this.#isStopping = true;
				if (this.#isAnnounced) this.#news(`Stopping: ${event.reason}`);
				break;
			case 'node-killed':
				if (this.#isAnnounced) this.#news(`Node ${event.port} killed: ${event.reason}`);
				break;
			case 'node-stopped':
				if (this.#isAnnounced && !this.#isStopping) this.#news(`Node ${event.port} stopped: ${event.reason}`);
				break;
			case 'node-started':
				this.#news(`Node ${event.port} started: ${event.nodeId}`);
				break;
			default:
				break;
		}
	}

	#news(line: string): void {
		if (this.#options.quiet !== true) console.log(line);
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
