/** How much a log line matters, in the words of redis.conf (`loglevel`). */
export type LogLevel = 'debug' | 'verbose' | 'notice' | 'warning';
