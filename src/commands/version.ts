/** The Redis release whose behaviour this server shows to its clients. */
export const REDIS_VERSION = '7.0.15';
