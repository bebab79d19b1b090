/**
 * Wedge for AssemblyScript: what functions on a Wedge node are written with.
 *
 * A function has a hook if it exports one. What the node refuses is an error that ends the hook: everything that the hook changed is
 * undone, the log says why, and the binding's on_failure decides what the client gets.
 */
export { wedge_abi_v1, wedge_restored, reseed } from "./module";
export { onRequest, onFetch, onFetched, onError, onResponse, RequestHook, FetchHook, FetchedHook, ErrorHook, ResponseHook } from "./hooks";
export { Request, RequestView, Response, Body, Stream } from "./message";
export { Headers, HeadersView } from "./headers";
export { Key, Keep, CacheStore, outcome, cacheKey, purgeTag } from "./cache";
export { id, now, client, clientAddress, clientNetwork, getVar, setVar, removeVar, config, configOr, settings, secret } from "./exchange";
export { KV, Entry, Listed, Page, Put, PutOptions, Counter, penalise, penalty } from "./kv";
export { FetchRequest, FetchResponse, Pending, fetch } from "./fetch";
export { hash, hmac, hmacSecret, sameSecret, verify, randomBytes, encode, decode, hex, base64url, fromBase64url } from "./crypto";
export { log, count, observe, Span } from "./log";
export { Status, Fact, Level, HashFunction, Signature } from "./raw";
export { statusText } from "./failure";
