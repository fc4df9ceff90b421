/**
 * The 80-bit long double of x86, in exact integer arithmetic: what INCRBYFLOAT and HINCRBYFLOAT count in. A client
 * that adds 0.1 to a value sees the digits that a server in C on that processor shows.
 *
 * A value is mantissa · 2^exponent, the mantissa at most 64 bits. Rounding is to nearest, ties to even.
 */

export interface LongDouble {
	/** Signed, below 2^64 in magnitude. */
	readonly mantissa: bigint;
	readonly exponent: number;
}

const MANTISSA_BITS = 64;
/** Of the least denormal. */
const LEAST_EXPONENT = -16445;
/** Above it a mantissa of 64 bits is more than the greatest finite value. */
const GREATEST_EXPONENT = 16320;
/** Longer texts are no numbers to redis, whose buffer they do not fit. */
const MAX_TEXT_LENGTH = 5 * 1024 - 1;
const DECIMALS = 17;

const DECIMAL = /^([+-]?)(?:(\d+)\.?(\d*)|\.(\d+))(?:e([+-]?\d+))?$/i;
const HEXADECIMAL = /^([+-]?)0x(?:([\da-f]+)\.?([\da-f]*)|\.([\da-f]+))(?:p([+-]?\d+))?$/i;
const INFINITY = /^([+-]?)inf(?:inity)?$/i;

/**
 * Reads what strtold reads: decimal and hexadecimal numbers and infinities. A text that is none, is NaN, or does not fit
 * (too large, or so small that it becomes zero) gives undefined; an infinity gives Infinity with its sign.
 */
export function parseLongDouble(text: string): LongDouble | number | undefined {
	if (text.length > MAX_TEXT_LENGTH) return undefined;
	const decimal = DECIMAL.exec(text);
	if (decimal) {
		const [, sign, whole = '', fraction = '', only = '', power = '0'] = decimal;
		const digits = BigInt(whole + fraction + only);
		const signed = sign === '-' ? -digits : digits;
		return scaled(signed, 10n, Number(power) - fraction.length - only.length);
	}
	const hexadecimal = HEXADECIMAL.exec(text);
	if (hexadecimal) {
		const [, sign, whole = '', fraction = '', only = '', power = '0'] = hexadecimal;
		const digits = BigInt(`0x${whole}${fraction}${only}`);
		const signed = sign === '-' ? -digits : digits;
		return scaled(signed, 2n, Number(power) - 4 * (fraction.length + only.length));
	}
	const infinity = INFINITY.exec(text);
	if (infinity) return infinity[1] === '-' ? -Infinity : Infinity;
	return undefined;
}

/** The rounded sum, or undefined when it is more than a long double holds. */
export function addLongDoubles(a: LongDouble, b: LongDouble): LongDouble | undefined {
	const exponent = Math.min(a.exponent, b.exponent);
	const sum = (a.mantissa << BigInt(a.exponent - exponent)) + (b.mantissa << BigInt(b.exponent - exponent));
	return rounded(sum, 1n, exponent);
}

/** `%.17Lf` without the zeros at its end: 0.1 + 0.2 is `0.3`, 5e3 is `5000`. Never `-0`. */
export function formatLongDouble({mantissa, exponent}: LongDouble): string {
	const units = divideToNearestEven(
		(absolute(mantissa) * 10n ** BigInt(DECIMALS)) << BigInt(Math.max(exponent, 0)),
		1n << BigInt(Math.max(-exponent, 0)),
	);
	const digits = units.toString().padStart(DECIMALS + 1, '0');
	const whole = digits.slice(0, -DECIMALS);
	const fraction = digits.slice(-DECIMALS).replace(/0+$/, '');
	const text = fraction === '' ? whole : `${whole}.${fraction}`;
	return mantissa < 0n && text !== '0' ? `-${text}` : text;
}

/** digits · base^power, rounded; undefined when it overflows, or when it vanishes though it is not zero. */
function scaled(digits: bigint, base: 2n | 10n, power: number): LongDouble | undefined {
	if (digits === 0n) return {mantissa: 0n, exponent: 0};
	// What is far out of range is not computed: the powers would be enormous.
	const magnitude = base === 2n ? bitLength(absolute(digits)) + power : digits.toString().length + power;
	if (Math.abs(magnitude) > (base === 2n ? 17_000 : 5_000)) return undefined;
	let value: LongDouble | undefined;
	if (base === 2n) value = rounded(digits, 1n, power);
	else if (power >= 0) value = rounded(digits * base ** BigInt(power), 1n, 0);
	else value = rounded(digits, base ** BigInt(-power), 0);
	return value?.mantissa === 0n ? undefined : value;
}

/** numerator / denominator · 2^exponent to the nearest long double; undefined when that is infinite. */
function rounded(numerator: bigint, denominator: bigint, exponent: number): LongDouble | undefined {
	if (numerator === 0n) return {mantissa: 0n, exponent: 0};
	const magnitude = absolute(numerator);
	// Shift so that the quotient has 64 bits or one less, and correct that with a second try.
	let shift = bitLength(magnitude) - bitLength(denominator) - MANTISSA_BITS;
	let mantissa = 0n;
	for (;;) {
		shift = Math.max(shift, LEAST_EXPONENT - exponent);
		const up = BigInt(Math.max(-shift, 0));
		const down = BigInt(Math.max(shift, 0));
		const quotientBits = bitLength((magnitude << up) / (denominator << down));
		if (quotientBits > MANTISSA_BITS) {
			shift += quotientBits - MANTISSA_BITS;
			continue;
		}
		mantissa = divideToNearestEven(magnitude << up, denominator << down);
		break;
	}
	let power = exponent + shift;
	if (bitLength(mantissa) > MANTISSA_BITS) {
		mantissa >>= 1n;
		power++;
	}
	if (power > GREATEST_EXPONENT) return undefined;
	return {mantissa: numerator < 0n ? -mantissa : mantissa, exponent: power};
}

function divideToNearestEven(numerator: bigint, denominator: bigint): bigint {
	const quotient = numerator / denominator;
	const twice = (numerator - quotient * denominator) * 2n;
	if (twice > denominator || (twice === denominator && (quotient & 1n) === 1n)) return quotient + 1n;
	return quotient;
}

function bitLength(value: bigint): number {
	const digits = value.toString(16);
	return digits.length * 4 + 28 - Math.clz32(Number.parseInt(digits.slice(0, 1), 16));
}

function absolute(value: bigint): bigint {
	return value < 0n ? -value : value;
}
