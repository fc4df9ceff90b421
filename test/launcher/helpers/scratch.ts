/** A scratch directory of a test and what launches scripted nodes in it. */
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import type {ExecutionContext} from 'ava';
import type {LauncherEvent} from '../../../src/launcher/events.ts';
import {launch, type Launcher, type LaunchOptions} from '../../../src/launcher/launcher.ts';
import {settle, type ClusterWishes} from '../../../src/launcher/settings.ts';
import type {ThreadFiles} from '../../../src/launcher/thread-files.ts';

export const scriptedThreads: ThreadFiles = {
	node: new URL('./scripted-node.js', import.meta.url),
	manager: new URL('./scripted-manager.js', import.meta.url),
};

/** Removed when the test is over. */
export function scratchDirectory(t: ExecutionContext): string {
	const directory = mkdtempSync(join(tmpdir(), 'shoal-test-'));
	t.teardown(() => rmSync(directory, {recursive: true, force: true}));
	return directory;
}

/** Three nodes on free ports, scripted ones, unless wished otherwise; stopped when the test is over. */
export async function launchScripted(
	t: ExecutionContext,
	wishes: ClusterWishes,
	options: Partial<LaunchOptions> = {},
): Promise<{launcher: Launcher; events: LauncherEvent[]}> {
	const events: LauncherEvent[] = [];
	const settings = settle(
		[{basePort: 0, dataDir: join(scratchDirectory(t), 'data')}, wishes],
		(field) => field,
	);
	const launcher = await launch({
		settings,
		threads: scriptedThreads,
		onEvent: (event) => events.push(event),
		...options,
	});
	t.teardown(() => launcher.kill());
	return {launcher, events};
}

/** Resolves with the first event that fits, past or to come. */
export function eventually<E extends LauncherEvent['event']>(
	launcher: Launcher,
	events: readonly LauncherEvent[],
	name: E,
	fits: (event: Extract<LauncherEvent, {event: E}>) => boolean = () => true,
): Promise<Extract<LauncherEvent, {event: E}>> {
	const isIt = (event: LauncherEvent): event is Extract<LauncherEvent, {event: E}> =>
		event.event === name && fits(event as Extract<LauncherEvent, {event: E}>);
	const past = events.find(isIt);
	if (past !== undefined) return Promise.resolve(past);
	return new Promise((resolve) => {
		const end = launcher.subscribe((event) => {
			if (!isIt(event)) return;
			end();
			resolve(event);
		});
	});
}
