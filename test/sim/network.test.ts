import test from 'ava';
import type {LinkId} from '../../src/cluster/effects.ts';
import type {BusMessage} from '../../src/cluster/messages.ts';
import {Prng} from '../../src/lib/prng.ts';
import {type Endpoint, Network} from '../../src/sim/network.ts';
import {Scheduler} from '../../src/sim/scheduler.ts';

class Probe implements Endpoint {
	readonly host = '127.0.0.1';
	readonly heard: string[] = [];
	isAlive = true;
	life = 1;
	readonly name: string;
	readonly busPort: number;
	#last = 100;
	constructor(name: string, busPort: number) {
		this.name = name;
		this.busPort = busPort;
	}
	accepted(): LinkId {
		return ++this.#last;
	}
	opened(link: LinkId): void {
		this.heard.push(`opened ${link}`);
	}
	failed(link: LinkId): void {
		this.heard.push(`failed ${link}`);
	}
	received(link: LinkId, message: BusMessage): void {
		this.heard.push(`${link}: ${String(message)}`);
	}
}

const stage = (): {scheduler: Scheduler; network: Network; one: Probe; two: Probe} => {
	const scheduler = new Scheduler(0);
	const network = new Network(scheduler, new Prng(1));
	const [one, two] = [new Probe('one', 1), new Probe('two', 2)];
	network.add(one);
	network.add(two);
	return {scheduler, network, one, two};
};

const drain = (scheduler: Scheduler): void => {
	const limit = scheduler.now + 1000;
	while (scheduler.step(limit));
};

const say = (text: string): BusMessage => text as unknown as BusMessage;

test('messages of one link arrive in their order, whatever their delays', (t) => {
	const {scheduler, network, one, two} = stage();
	network.faults.maxDelayMs = 100;
	network.connect(one, 1, 2);
	drain(scheduler);
	for (let number = 0; number < 20; number++) network.send(one, 1, say(String(number)));
	drain(scheduler);
	t.deepEqual(one.heard, ['opened 1']);
	t.deepEqual(
		two.heard,
		Array.from({length: 20}, (_, number) => `101: ${number}`),
	);
});

test('a closed link is told to the other end, a dead node’s to nobody', (t) => {
	const {scheduler, network, one, two} = stage();
	network.connect(one, 1, 2);
	drain(scheduler);
	two.isAlive = false;
	network.send(one, 1, say('lost'));
	drain(scheduler);
	t.deepEqual(one.heard, ['opened 1']);
	two.isAlive = true;
	network.close(one, 1);
	drain(scheduler);
	t.deepEqual(two.heard, ['failed 101']);
});

test('a call to a dead node is refused or not answered, one across a partition is not answered', (t) => {
	const {scheduler, network, one, two} = stage();
	two.isAlive = false;
	network.connect(one, 1, 2);
	drain(scheduler);
	network.faults.refusesDead = false;
	network.connect(one, 2, 2);
	drain(scheduler);
	two.isAlive = true;
	network.cut('one', 'two');
	network.connect(one, 3, 2);
	drain(scheduler);
	t.deepEqual(one.heard, ['failed 1']);
	network.heal();
	network.connect(one, 4, 2);
	drain(scheduler);
	t.deepEqual(one.heard, ['failed 1', 'opened 4']);
});

test('what was meant for a former life does not arrive', (t) => {
	const {scheduler, network, one, two} = stage();
	network.connect(one, 1, 2);
	drain(scheduler);
	two.life++;
	network.forgetLinks(two);
	network.send(one, 1, say('old'));
	drain(scheduler);
	t.deepEqual(two.heard, []);
});

test('things happen in the order of their time, then of their asking', (t) => {
	const scheduler = new Scheduler(0);
	const random = new Prng(3);
	const happened: [number, number][] = [];
	for (let number = 0; number < 500; number++) {
		const at = random.below(50);
		scheduler.at(at, () => happened.push([at, number]));
	}
	drain(scheduler);
	t.deepEqual(
		happened,
		happened.toSorted(([a, i], [b, j]) => a - b || i - j),
	);
	t.is(happened.length, 500);
	t.is(scheduler.now, 1000);
});
