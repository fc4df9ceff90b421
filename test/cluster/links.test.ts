/** Links as the shell sees them: asked for by number, answered whenever that is known. */

import test from 'ava';
import {defaultClusterConfig} from '../../src/cluster/config.ts';
import {ClusterCore} from '../../src/cluster/core.ts';
import {Prng} from '../../src/lib/prng.ts';
import {dataFacts} from '../helpers/data-facts.ts';
import {C, NOW, restoredCore} from '../helpers/restored-core.ts';

const fresh = (seed: number, host = ''): ClusterCore =>
	new ClusterCore({
		host,
		port: 7000 + seed,
		busPort: 17_000 + seed,
		config: defaultClusterConfig(),
		random: new Prng(seed),
		data: dataFacts(),
		now: NOW,
		restored: null,
	});

test('a restored node asks for a link to each node it knew', (t) => {
	const {connects, config} = restoredCore().start(NOW);
	t.deepEqual(
		connects.map(({host, busPort}) => [host, busPort]),
		[
			['127.0.0.1', 31_723],
			['127.0.0.1', 31_724],
			['127.0.0.1', 31_722],
		],
	);
	t.is(config, 'write');
});

test('an open link is pinged at once, one that failed is asked for again by the next tick', (t) => {
	const core = restoredCore();
	const [first, second] = core.start(NOW).connects;
	t.deepEqual(
		core.linkOpened(first!.link, NOW).sends.map(({link, message}) => [link, message.type]),
		[[first!.link, 'ping']] as never,
	);
	t.deepEqual(core.linkFailed(second!.link, NOW).connects, []);
	const again = core.tick(NOW + 100).connects;
	t.deepEqual(
		again.map(({busPort}) => busPort),
		[second!.busPort],
	);
	t.not(again[0]?.link, second!.link);
});

test('a link that was never answered is given up after half the node timeout', (t) => {
	const core = restoredCore();
	const {connects} = core.start(NOW);
	const {closes, connects: again} = core.tick(NOW + 7501);
	t.deepEqual(
		closes,
		connects.map(({link}) => link),
	);
	t.is(again.length, 3);
});

test('numbers that are not known are ignored', (t) => {
	const core = restoredCore();
	for (const effects of [core.linkOpened(99, NOW), core.linkFailed(99, NOW)]) {
		t.deepEqual([effects.sends, effects.connects, effects.closes], [[], [], []]);
	}
});

test('a frame that was no message is counted and nothing else', (t) => {
	const core = restoredCore();
	const link = core.linkAccepted('127.0.0.1', '127.0.0.1', NOW);
	core.messageRejected(link, NOW);
	t.is(core.view.messages.rejected, 1);
	t.true(core.view.links.has(link));
});

test('a node that was not told its address learns it from the first that meets it', (t) => {
	const [one, two] = [fresh(1, '127.0.0.1'), fresh(2)];
	t.is(two.view.myself.host, '');
	const {effects} = one.submit({kind: 'meet', host: '127.0.0.1', port: 7002, busPort: 17_002}, NOW);
	const [meet] = one.linkOpened(effects.connects[0]!.link, NOW).sends;
	const inbound = two.linkAccepted('127.0.0.1', '192.0.2.7', NOW);
	two.receive(inbound, meet!.message, NOW);
	t.is(two.view.myself.host, '192.0.2.7');
});

test('announced names take the place of those a node listens on', (t) => {
	const core = fresh(1, '127.0.0.1');
	Object.assign(core.config, {
		announceHost: '192.0.2.1',
		announcePort: 1,
		announceBusPort: 2,
		announceHostname: 'a.example',
	});
	core.reconfigured(NOW);
	const {host, port, busPort, hostname} = core.view.myself;
	t.deepEqual([host, port, busPort, hostname], ['192.0.2.1', 1, 2, 'a.example']);
	Object.assign(core.config, {announceHost: '', announcePort: 0, announceBusPort: 0, announceHostname: ''});
	core.reconfigured(NOW);
	t.is(core.view.myself.host, '127.0.0.1');
	t.is(core.view.myself.port, 7001);
});

test('a node that answers under another id than the one on file loses its address', (t) => {
	const core = restoredCore();
	const connect = core.start(NOW).connects.find(({busPort}) => busPort === 31_723)!;
	core.linkOpened(connect.link, NOW);
	const other = fresh(5);
	const inbound = other.linkAccepted('127.0.0.1', '', NOW);
	const asked = restoredCore();
	const [ping] = asked.linkOpened(asked.start(NOW).connects[0]!.link, NOW).sends;
	const [pong] = other.receive(inbound, ping!.message, NOW).sends;
	const {closes} = core.receive(connect.link, pong!.message, NOW);
	t.deepEqual(closes, [connect.link]);
	t.regex(core.nodesConf(), new RegExp(`^${C} :0@0,h21723.example master,noaddr - `, 'm'));
});
